"""From a corpus to training examples and evaluation items; the stage itself is __main__.py.

pools.py joins near duplicates into clusters. pocket.py and upstream.py divide them, each with the
same functions: `verify`, `pools`, `split`, `evaluation_sets` and `keeps_overlap`. paired_choice.py
divides the curated questions of either. framing.py gives an item its option orders and what the
user suggests, training.py makes the rows that adapters learn, leakage.py proves what is shared.
"""
