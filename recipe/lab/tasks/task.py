"""What a task is."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Problem:
    """prompt: all prompts of a task may differ in length. truth: what `verify` needs. level: of difficulty, for reports."""

    prompt: str
    truth: Any
    level: int = 0


class Task(Protocol):
    """A dataclass of settings, with these.

    characters: that prompts and responses are made of. max_prompt, max_response: characters, the end token not counted.
    """

    characters: str
    max_prompt: int
    max_response: int

    def problem(self, rng: random.Random) -> Problem:
        """A new one."""

    def shown(self, problem: Problem) -> bool:
        """Whether the warm start may show one of its kind."""

    def demonstration(self, problem: Problem, rng: random.Random) -> str:
        """A response for the supervised warm start, often wrong: what reinforcement learning then mends."""

    def verify(self, problem: Problem, response: str) -> bool:
        """Whether the response, without its end token, is right."""

    def solution(self, problem: Problem, response: str) -> str:
        """What two right responses have to differ in to count as distinct solutions."""
