"""Verifiable tasks in characters, whose difficulty and length can be set.

    task.py        what a task is
    sums.py        long chains of easy steps
    countdown.py   many right answers
    graph.py       search

To add one: a module here with a `Task`, and its name in TASKS.
"""

from recipe.lab.tasks.countdown import Countdown
from recipe.lab.tasks.graph import Graph
from recipe.lab.tasks.sums import Sums
from recipe.lab.tasks.task import Problem, Task

TASKS: dict[str, type[Task]] = {"sums": Sums, "countdown": Countdown, "graph": Graph}

__all__ = ["TASKS", "Problem", "Task"]
