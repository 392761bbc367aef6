"""Files of a run that every room may read and write; it imports none of them.

whole.py    files that are there whole or not at all
metrics.py  the metrics of a run, over all of its attempts
"""
