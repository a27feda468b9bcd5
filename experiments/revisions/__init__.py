"""What differs between two revisions of the results; `experiments/diff.py` prints it.

snapshot.py reads the files of a revision. printed.py compares what the documents print, claims.py
the verdicts, effects.py the primary effects, cells.py the result tables, settings.py parameters and
hashes, items.py replies item by item (paired_outcomes.py); comparison.py puts them together.
report.py writes them down in the Markdown of markdown.py, with numbers.py, and picture.py, which
draws the effects.
"""
