"""A path through a graph: `ab,bd,ac,cd:ad>` is answered with nodes from the first to the last, `abd`.

Search with several right answers of different lengths; a wrong turn early cannot be mended later.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import pairwise

from recipe.lab.tasks.task import Problem


@dataclass(frozen=True)
class Graph:
    """nodes, edges: of a problem, directed. steps: edges of the path by which it was made. right: share of demonstrations
    that arrive; the others walk at random.
    """

    nodes: int = 8
    edges: int = 10
    steps: int = 4
    right: float = 0.3
    characters: str = "abcdefghijklmnop,:>"

    @property
    def max_prompt(self) -> int:
        return 3 * self.edges + 3

    @property
    def max_response(self) -> int:
        return 2 * self.nodes

    def problem(self, rng: random.Random) -> Problem:
        names = rng.sample(self.characters[: self.nodes], self.nodes)
        path = names[: self.steps + 1]
        edges = {a + b for a, b in pairwise(path)}
        while len(edges) < self.edges:
            a, b = rng.sample(names, 2)
            if a + b != path[0] + path[-1]:  # no way in one step
                edges.add(a + b)
        shuffled = rng.sample(sorted(edges), len(edges))
        return Problem(f"{','.join(shuffled)}:{path[0]}{path[-1]}>", ("".join(path), frozenset(edges)), self.steps)

    def shown(self, problem: Problem) -> bool:
        return True

    def demonstration(self, problem: Problem, rng: random.Random) -> str:
        path, edges = problem.truth
        if rng.random() < self.right:
            return path
        walk = path[0]
        while len(walk) < self.nodes and (following := sorted(e[1] for e in edges if e[0] == walk[-1] and e[1] not in walk)):
            walk += rng.choice(following)
            if walk[-1] == path[-1] or rng.random() < 0.1:
                break
        return walk

    def verify(self, problem: Problem, response: str) -> bool:
        path, edges = problem.truth
        ends = len(response) >= 2 and response[0] == path[0] and response[-1] == path[-1]
        return ends and all(a + b in edges for a, b in pairwise(response))

    def solution(self, problem: Problem, response: str) -> str:
        return response
