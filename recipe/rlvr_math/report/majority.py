"""maj@k: how often the most frequent answer of k responses is right (self-consistency, Wang et al. 2022, arXiv:2203.11171).

Defined here as: draw k of a problem's n samples at random, without replacement. Samples whose normalised answers are the same
string are one group; a sample without an answer joins none. The largest group wins, groups of equal size share the win
evenly, and nothing wins if no sample has an answer. maj@k is the expected share of the win that goes to right samples: a
group in which the verifier took some for right and some for wrong counts by the share of right ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

EXACT_UP_TO = 1_000  # samples of a problem: C(1000, 500) is the last central binomial that fits a float64
DRAWS = 2_000


@lru_cache(maxsize=1 << 16)
def normalise(answer: str | None) -> str | None:
    """The string by which answers are grouped, None for no answer.

    Without white space, enclosing dollar signs, a full stop at the end, leading zeros of an integer and LaTeX's variants of
    size (\\dfrac, \\tfrac, \\left, \\right). It does no algebra: 1/2 and 0.5 are two groups.
    """
    if answer is None:
        return None
    text = re.sub(r"\s+", "", answer)
    text = re.sub(r"\\(?:left|right)(?![A-Za-z])", "", text)
    text = re.sub(r"\\[dt]frac(?![A-Za-z])", r"\\frac", text)
    text = text.removesuffix(".").strip("$").removesuffix(".")
    text = re.sub(r"^([+-]?)0+(?=[0-9]+$)", r"\1", text)
    return text or None


@dataclass(frozen=True)
class Answers:
    """The answers to one problem: sizes of the groups, how many in each group are right, samples without an answer."""

    sizes: tuple[int, ...]
    right: tuple[int, ...]
    none: int

    @property
    def n(self) -> int:
        """All samples."""
        return sum(self.sizes) + self.none


def group_answers(samples: Iterable[tuple[str | None, bool]]) -> Answers:
    """Group (answer, right) pairs of one problem by `normalise`. The largest group comes first; file order does not matter."""
    groups: dict[str, list[int]] = {}
    none = 0
    for answer, right in samples:
        key = normalise(answer)
        if key is None:
            none += 1
            continue
        group = groups.setdefault(key, [0, 0])
        group[0] += 1
        group[1] += bool(right)
    ordered = sorted(groups.values(), reverse=True)
    return Answers(tuple(size for size, _ in ordered), tuple(right for _, right in ordered), none)


def majority_at_k(answers: Answers, ks: Sequence[int], rng: np.random.Generator) -> NDArray:
    """maj@k of one problem, as the module defines it, for each of `ks`; shape [len(ks)].

    Exact up to EXACT_UP_TO samples and at k = n; beyond, the mean of DRAWS random subsets, for which `rng` is used.
    ValueError if not 1 <= k <= n.
    """
    ks = tuple(ks)
    for k in ks:
        if not 1 <= k <= answers.n:
            raise ValueError(f"maj@{k} needs 1 <= k <= n, and there is a problem with n = {answers.n} samples")
    if not any(answers.right):
        return np.zeros(len(ks))
    if answers.n <= EXACT_UP_TO:
        result = np.zeros(len(ks))
        for i, (size, right) in enumerate(zip(answers.sizes, answers.right, strict=True)):
            if right:
                others = answers.sizes[:i] + answers.sizes[i + 1 :]
                result += right / size * _win_share(size, others, answers.none, ks)
        return result
    return np.array([_drawn(answers, k, rng) for k in ks])


def _drawn(answers: Answers, k: int, rng: np.random.Generator) -> float:
    share = np.array(answers.right) / np.array(answers.sizes)
    draws = DRAWS if k < answers.n else 1
    counts = rng.multivariate_hypergeometric([*answers.sizes, answers.none], k, size=draws)[:, :-1]
    wins = (counts == counts.max(axis=1, keepdims=True)) & (counts > 0)
    return float(np.mean((wins @ share) / np.maximum(1, wins.sum(axis=1))))


@lru_cache(maxsize=1 << 16)
def _win_share(own: int, others: tuple[int, ...], none: int, ks: tuple[int, ...]) -> NDArray:
    """The expected share of the win of a group of `own` samples against groups of sizes `others`, for each k.

    Subsets are counted by generating functions. If the group has m samples in the subset, another group of size s may have
    fewer, the sum over j < m of C(s, j) x^j, or as many, C(s, m) x^m y, where x counts samples and y ties; a group with s < m
    and the samples without an answer are free, (1 + x)^s. A subset with t ties counts 1 / (t + 1). All terms are positive, so
    nothing cancels; no coefficient exceeds C(n, k), so nothing overflows up to EXACT_UP_TO samples.
    """
    n = own + sum(others) + none
    longest = max(ks)
    ways = np.zeros(n + 1)
    outright = max(others, default=0) + 1  # with so many samples in the subset nobody can tie
    for k in ks:
        m = np.arange(max(outright, k - (n - own)), min(own, k) + 1)
        ways[k] = _binomials(own)[m] @ _binomials(n - own)[k - m]
    for m in range(1, min(own, longest, outright - 1) + 1):
        rivals = [size for size in others if size >= m]
        free = n - own - sum(rivals)
        # by_ties[t, e]: subsets of the rivals seen so far with t ties and e samples in rivals that do not tie
        by_ties = np.ones((1, 1))
        for size in rivals:
            fewer, tie = _binomials(size)[:m], _binomials(size)[m]
            more = np.zeros((len(by_ties) + 1, by_ties.shape[1] + m - 1))
            if len(by_ties) < m:
                for t, row in enumerate(by_ties):
                    more[t] = np.convolve(row, fewer)
            else:
                for j, count in enumerate(fewer):
                    more[:-1, j : j + by_ties.shape[1]] += count * by_ties
            more[1:, : by_ties.shape[1]] += tie * by_ties
            by_ties = more[: (longest - m) // m + 1, : longest - m + 1]
        shared = np.zeros(longest - m + 1)
        for t, row in enumerate(by_ties):
            part = row[: len(shared) - t * m]
            shared[t * m : t * m + len(part)] += part / (t + 1)
        shared = np.convolve(shared, _binomials(free))[: longest - m + 1]
        ways[m : longest + 1] += _binomials(own)[m] * shared
    return ways[list(ks)] / _binomials(n)[list(ks)]


@lru_cache(maxsize=EXACT_UP_TO + 1)
def _binomials(n: int) -> NDArray:
    """C(n, j) for j = 0 ... n, each a rounded exact integer."""
    row, value = np.empty(n + 1), 1
    for j in range(n + 1):
        row[j] = float(value)
        value = value * (n - j) // (j + 1)
    return row
