"""Equations: which value an answer such as `x = 2 + 2 = 4` states, and when it says the same as a gold that is an equation."""

from __future__ import annotations

import re

from recipe.rlvr_math.reward.nodes import Chain, Node, Several, kind
from recipe.rlvr_math.reward.reading import is_name, read
from recipe.rlvr_math.reward.values import Values, is_text, squeezed


class Equations(Values):
    """The part of `equality.Judge` for equations."""

    def equal(self, gold: Node, answer: Node) -> bool:
        """Whether two nodes are the same answer."""
        raise NotImplementedError

    def _stated(self, chain: Chain) -> Node | None:
        """The value that a chain of equations states for what was asked; None if it states none.

        `x = 4`, `4 = x`, `x = 2 + 2 = 4` and `2 + 2 = 4` state 4: a name (see `reading.is_name`) at one end is what was asked
        for, and all other members must be equal. `x^2 = 5`, `2 + 2 = 5` and `x = 4 = 5` state nothing. `a \\approx b` states a,
        if a is a number that rounds to the decimal b, and b, if a is a name.
        """
        parts, relations = list(chain.parts), list(chain.relations)
        if relations == [r"\in"] and is_name(parts[0]):
            node = read(parts[1])
            return node if isinstance(node, Several) else None
        if relations[-1] == r"\approx" and set(relations[:-1]) <= {"="}:
            return self._approximated(parts, relations)
        if set(relations) != {"="}:
            return None
        while is_name(parts[0]) and len(parts) > 1:
            parts.pop(0)
        if is_name(parts[-1]) and len(parts) == len(chain.parts) == 2:
            parts.pop()
        values = [read(part) for part in parts]
        if all(self.equal(values[-1], value) for value in values[:-1]):
            return values[-1]
        return None

    def _approximated(self, parts: list[str], relations: list[str]) -> Node | None:
        exact = read(parts[0]) if len(parts) == 2 else self._stated(Chain(tuple(parts[:-1]), tuple(relations[:-1])))
        near = read(parts[-1])
        if len(parts) == 2 and is_name(parts[0]):
            return near
        return exact if exact is not None and self.equal(near, exact) else None

    def _equal_to_equation(self, gold: Chain, answer: Node) -> bool:
        left, right = gold.parts
        named = is_name(left)
        if gold.relations == (r"\in",):
            return self.equal(read(right), answer)
        if isinstance(answer, Chain) and answer.relations == ("=",):
            if named and squeezed(left) == squeezed(answer.parts[1]):
                return self.equal(read(right), read(answer.parts[0]))
            if named and is_name(answer.parts[0]):
                return self._same_definition(gold, answer)
            equations = (gold.parts, answer.parts)
            if any(is_text(part) for sides in equations for part in sides):
                return self._rule("as text", False)
            return self._rule("as equations", self._same_equation(*equations, named))
        if not named:
            return self._rule(f"an equation is no {kind(answer)}", False)
        if isinstance(answer, Chain):
            stated = self._stated(answer)
            return self.equal(read(right), stated) if stated is not None else self._rule("no value is stated", False)
        return self.equal(read(right), answer)

    def _same_equation(self, gold: tuple, answer: tuple, named: bool) -> bool:
        if any(squeezed(gold[0]) == squeezed(answer[i]) and self.equal(read(gold[1]), read(answer[1 - i])) for i in (0, 1)):
            return True
        if self._ask("same_equation", gold, answer):
            return True
        stated = self._stated(Chain(answer, ("=",))) if named else None
        return stated is not None and self.equal(read(gold[1]), stated)

    def _same_definition(self, gold: Chain, answer: Chain) -> bool:
        """`f(x) = 2x` and `f(n) = 2n` are the same function; the names of other things must be the same letter."""
        (name, value), (other_name, other_value) = gold.parts, answer.parts
        one, other = (re.fullmatch(r"\s*([A-Za-z])\s*\(\s*([A-Za-z])\s*\)\s*", text) for text in (name, other_name))
        if one and other and one[1] == other[1] and one[2] != other[2]:
            return self._rule("as functions", self._ask("same_function", (one[2], value), (other[2], other_value)))
        letters = [re.findall(r"\\[A-Za-z]+|[A-Za-z]", text)[:1] for text in (name, other_name)]
        if letters[0] != letters[1]:
            return self._rule(f"{name.strip()} is not {other_name.strip()}", False)
        return self.equal(read(value), read(other_value))
