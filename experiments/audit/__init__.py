"""What the source study published, recomputed from its own figures: one file per kind of check.

Every check returns a `Finding`: what was said, what the data say, and a verdict computed from the
numbers. The figures are in paper/reported/; nothing here reads an outcome of this repository.
"""
