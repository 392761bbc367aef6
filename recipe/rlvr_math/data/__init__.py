"""From published data sets to the files that training and evaluation read.

prepare.py       the command: one data set, prepared
data_sets.py     which are known, where each is published; traps.py, what is wrong with them
source.py        a data set is read: readers.py from parquet, CSV or the hub, json_file.py from JSON; cells.py, values as text
table.py         its different rows
statements.py    what its columns state about an answer; golds.py, these as right answers of the reward
templates.py     the prompt, without what it was published with, which is in instructions.py
problems.py      which problems are one
data_files.py    the files and their manifests
overlap.py       the command: problems that a training set shares with test sets
"""
