"""RLVR on mathematics.

data/          the files that training and evaluation read
reward/        is the answer right?
evaluation/    scored responses of a model
report/        tables, intervals and plots of them
export/        a checkpoint as a folder for the hub, with a model card
"""
