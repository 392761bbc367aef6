"""Files of a run that every room may read and write, and values as they stand in them; it imports no other room.

whole.py       files that are there whole or not at all
metrics.py     the metrics of a run, over all of its attempts
warned.py      the warnings of a run
plain_yaml.py  YAML of others, within bounds
scalars.py     values of any kind as scalars of JSON's types
"""
