"""From one file to a table: data, training of arms and seeds, evaluation and report, on this machine, on Ray or on Slurm.

__main__.py    the command
definition.py  the experiment file, read and checked; schema.py, how its parts are
stages.py      the stages that it makes, each a module with arguments
kept.py        what of them was done, and with which inputs
in_turn.py     one after the other, here or as jobs of a Ray cluster
on_slurm.py    as arrays that depend on each other, for Slurm to schedule
progress.py    how far it is, and what is missing
table.py       the numbers beside the published ones
costs.py       disk and GPU-hours
papers/        the papers' tables as experiment files
"""
