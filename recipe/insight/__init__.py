"""Show what a token-level objective did in training runs: `python -m recipe.insight RUN [RUN ...] --out DIR`.

runs.py         the runs, read from their folders
metrics.py      their metrics as curves; thinning.py, as many points as a screen can show
config.py       their configuration, and what differs
described.py    what their methods say of their groups and curves
dumps.py        their token dumps; verdicts.py, those of the reward
plots.py        what is plotted, as plain data
page.py         all of it in one file: page.html, page.css, page.js, tokens.js, verdicts.js
serve.py        that file at a port of this machine, anew as training goes on: follow.js
"""
