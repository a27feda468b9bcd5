"""What differs between two revisions of the results; `experiments/diff.py` prints it.

revisions.py reads the files of a revision. printed.py compares what the documents print (places.py
finds where), tables.py the claims and result tables, settings.py parameters and hashes, outcomes.py
replies item by item; comparison.py puts them together and markdown.py writes them down. Only
outcomes.py loads pandas, and only where outcomes differ.
"""
