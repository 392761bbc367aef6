"""When do the groups bind? The share of tokens on which HTPO's loss is not DAPO's, over settings, in the lab; see README.md.

runs.py    the runs, into shares.csv
figure.py  shares.csv as the figure and the table of README.md
"""
