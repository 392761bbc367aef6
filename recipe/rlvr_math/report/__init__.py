"""From scored responses to tables, intervals, comparisons and the pass@k plot.

evaluations.py    the folders of evaluations, read
statistics.py     estimators and tests; majority.py, maj@k
summary.py        the numbers of a report
tables.py         these as Markdown and CSV
plots.py          pass@k over k
"""
