"""Faults in runs of the real stack on CPU: `python -m tests.faults`, or `make test-faults`.

cells.py     which fault, when, and how the run has to end
attempts.py  one attempt of a run, which is held in a phase, hurt, and looked at when it has ended
inside.py    what is loaded into the run: it holds the trainer in a phase; reward.py: the reward function, which misbehaves
chain.py     attempt after attempt in one folder, each with a fault, each compared with an unbroken run
__main__.py  the command: makes the cells that are missing for this commit, writes the table

Every attempt goes on from the newest complete checkpoint and trains at least one whole step before its fault. The steps of all
attempts must be those of the unbroken run: the same tokens, loss and gradient norm to 1e-4. So one start of the stack is the
fault of one cell and the proof that the cell before it has lost nothing else.
"""
