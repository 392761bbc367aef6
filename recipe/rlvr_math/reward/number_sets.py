"""Sets of numbers, whichever way they are written: intervals, inequalities, unions, all but some points."""

from __future__ import annotations

import itertools
import re

from recipe.rlvr_math.reward.nodes import REALS, Builder, Chain, Group, Node, Sets, Several, Value
from recipe.rlvr_math.reward.numerals import numeral
from recipe.rlvr_math.reward.reading import is_name, read
from recipe.rlvr_math.reward.values import Values, squeezed


class NumberSets(Values):
    """The part of `equality.Judge` for sets of numbers."""

    def _sets(self, gold: Node, answer: Node) -> tuple | None:
        """Both as sets of numbers, where one of them can only be read as such."""
        if not any(isinstance(node, Sets | Builder) or node == REALS or _is_range(node) for node in (gold, answer)):
            return None
        sets = self._pieces(gold), self._pieces(answer)
        return sets if None not in sets else None

    def _same_sets(self, gold: tuple, answer: tuple) -> bool:
        """The same pieces in any order, and of the same variable where both name one."""
        (gold_name, golds), (answer_name, answers) = gold, answer
        if gold_name and answer_name and squeezed(gold_name) != squeezed(answer_name):
            return False
        if len(golds) != len(answers):
            return False
        left = list(answers)
        for one in golds:
            fitting = next((i for i, other in enumerate(left) if self._same_piece(one, other)), None)
            if fitting is None:
                return False
            left.pop(fitting)
        return True

    def _same_piece(self, one: tuple, other: tuple) -> bool:
        (low, closed_low, high, closed_high), (low2, closed_low2, high2, closed_high2) = one, other
        return (
            (closed_low, closed_high) == (closed_low2, closed_high2)
            and self._same_number(low, low2)
            and self._same_number(high, high2)
        )

    def _pieces(self, node: Node) -> tuple[str | None, list] | None:
        """The name of the variable and the intervals (low, closed, high, closed) of a set; a point is one that is closed."""
        match node:
            case _ if node == REALS:
                return None, [_ALL]
            case Several() if all(isinstance(item, Value) and not item.unit for item in node.items):
                return None, [(item.text, True, item.text, True) for item in node.items]
            case Group(opening, (Value(low, None), Value(high, None)), closing, False) if opening in "([" and closing in ")]":
                return None, [(low, opening == "[", high, closing == "]")]
            case Builder(name, condition):
                found = self._pieces(condition)
                return found and (found[0] or name, found[1])
            case Chain():
                return self._range(node)
            case Sets(r"\cup", items):
                found = [self._pieces(item) for item in items]
                if None in found:
                    return None
                names = {name for name, _ in found if name}
                return (
                    (names.pop() if names else None, [piece for _, pieces in found for piece in pieces])
                    if len(names) < 2
                    else None
                )
            case Sets(r"\cap", (one, other)):
                return self._between(self._pieces(one), self._pieces(other))
            case Sets(_, (whole, Several(points))) if whole == REALS and all(isinstance(point, Value) for point in points):
                return None, self._without([point.text for point in points])
        return None

    def _between(self, one: tuple | None, other: tuple | None) -> tuple | None:
        """`-2 < x` and `x < 2`: two ends of one interval. Other sets are not intersected."""
        if one is None or other is None or one[0] != other[0] or len(one[1]) != 1 or len(other[1]) != 1:
            return None
        (below,), (above,) = sorted((one[1], other[1]), key=lambda pieces: pieces[0][0] == r"-\infty")
        if below[0] == r"-\infty" or below[2] != r"\infty" or above[0] != r"-\infty" or above[2] == r"\infty":
            return None
        return one[0], [(below[0], below[1], above[2], above[3])]

    def _range(self, chain: Chain) -> tuple[str | None, list] | None:
        parts, relations = chain.parts, chain.relations
        if relations == (r"\in",) and is_name(parts[0]):
            found = self._pieces(read(parts[1]))
            return found and (found[0] or parts[0], found[1])
        if relations == (r"\ne",) and (is_name(parts[0]) or is_name(parts[1])):
            name, point = parts if is_name(parts[0]) else reversed(parts)
            return name, self._without([point])
        ups = [_UPWARD.get(relation) for relation in relations]
        if None in ups or len({up for up, _ in ups}) > 1 or len(parts) > 3:
            return None
        if not ups[0][0]:
            parts, ups = parts[::-1], ups[::-1]
        sizes = [_SIZE.fullmatch(part) for part in parts]  # |x|
        names = [i for i, part in enumerate(parts) if is_name(part) or (sizes[i] and is_name(sizes[i][1]))]
        if names not in ([0], [1]) or (len(parts) == 3 and names != [1]):
            return None
        name = names[0]
        low = (parts[name - 1], ups[name - 1][1]) if name else (r"-\infty", False)
        high = (parts[name + 1], ups[name][1]) if name + 1 < len(parts) else (r"\infty", False)
        if sizes[name] is None:
            return parts[name], [(*low, *high)]
        if low[0] == r"-\infty":
            return sizes[name][1], [(_minus(high[0]), high[1], *high)]
        return sizes[name][1], [(_minus(high[0]), high[1], _minus(low[0]), low[1]), (*low, *high)]

    def _without(self, points: list[str]) -> list:
        """All numbers without some points."""
        ordered: list[str] = []
        for point in points:
            place = next((i for i, other in enumerate(ordered) if self._less(point, other)), len(ordered))
            ordered.insert(place, point)
        ends = [r"-\infty", *ordered, r"\infty"]
        return [(low, False, high, False) for low, high in itertools.pairwise(ends)]


_ALL = (r"-\infty", False, r"\infty", False)
_UPWARD = {"<": (True, False), r"\le": (True, True), ">": (False, False), r"\ge": (False, True)}


_SIZE = re.compile(r"\|\s*([A-Za-z])\s*\|")


def _minus(text: str) -> str:
    if text.startswith("-"):
        return rf"-({text})"
    return f"-{text}" if numeral(text) or text == r"\infty" else f"-({text})"


def _is_range(node: Node) -> bool:
    return isinstance(node, Chain) and bool(set(node.relations) & {*_UPWARD, r"\ne", r"\in"})
