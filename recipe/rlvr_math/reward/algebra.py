"""What the comparison of answers asks of computer algebra; `expressions.Sympy` answers, in a verifier process only."""

from __future__ import annotations

from typing import Protocol

from recipe.rlvr_math.reward.numerals import Numeral


class NeedsAlgebra(Exception):
    """An expression has to be computed with."""


class Algebra(Protocol):
    """What computer algebra is asked; every text is plain LaTeX. It may raise anything for what it cannot read or compute."""

    def same(self, gold: str, answer: str, gold_number: Numeral | None) -> bool:
        """Whether two expressions are equal; `gold_number` is the gold's value if it is a numeral."""

    def same_equation(self, gold: tuple[str, str], answer: tuple[str, str]) -> bool:
        """Whether two equations say the same: the differences of their sides are proportional."""

    def same_function(self, gold: tuple[str, str], answer: tuple[str, str]) -> bool:
        """Whether (variable, expression) are the same function."""

    def less(self, one: str, other: str) -> bool:
        """Whether a number is less than another."""

    def reads(self, text: str) -> bool:
        """Whether the text is an expression."""


class NoAlgebra:
    """Every question is one for a verifier process."""

    def same(self, *texts):
        raise NeedsAlgebra

    same_equation = same_function = less = reads = same
