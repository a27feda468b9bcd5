"""What differs between two revisions of the results; `experiments/diff.py` prints it.

revisions.py reads files of a revision, printed.py compares what the documents print, tables.py
what is under results/, settings.py parameters and hashes, outcomes.py replies item by item, and
markdown.py writes it all down. Only outcomes.py loads pandas, and only where outcomes differ.
"""
