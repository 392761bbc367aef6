"""Whether an answer is the right one: two nodes of `reading` are compared, by rules that have names.

`Judge.decide` needs computer algebra for expressions only. Without it (in the process that scores) it raises `NeedsAlgebra`
there, and the whole question goes to a verifier process. Where no rule applies or a text cannot be read, an answer is wrong.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Protocol

from recipe.rlvr_math.reward.numerals import Numeral, meets, numeral
from recipe.rlvr_math.reward.reading import (
    REALS,
    Builder,
    Chain,
    Either,
    Group,
    Matrix,
    Node,
    Sets,
    Several,
    Value,
    Words,
    is_name,
    read,
)
from recipe.rlvr_math.reward.stated import NOTHING, Stated, dressed
from recipe.rlvr_math.reward.units import without
from recipe.rlvr_math.reward.writing import plain


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


class _NoAlgebra:
    def same(self, *texts):
        raise NeedsAlgebra

    same_equation = same_function = less = reads = same


@dataclass
class Judge:
    """Decides; `rules` are the names of the rules by which something was found equal or different, in order."""

    algebra: Algebra = field(default_factory=_NoAlgebra)
    rules: list[str] = field(default_factory=list)

    def decide(self, gold: str, answer: str, stated: Stated = NOTHING) -> bool:
        """Whether `answer`, as it stands in the response, is right for `gold`, of which a data set may state more."""
        gold, answer = plain(gold), plain(answer)
        if not gold or not answer:
            return self._rule("an empty answer is wrong", False)
        if squeezed(gold) == squeezed(answer):
            return self._rule("written alike", True)
        return self.equal(dressed(gold, stated), read(answer))

    def reads(self, answer: str) -> bool:
        """Whether every value in an answer is an expression, so that it can be met by more than its own text."""
        return self._reads(read(plain(answer)))

    def _reads(self, node: Node) -> bool:
        match node:
            case Value(text):
                return numeral(text) is not None or r"\infty" in text or self._ask("reads", text)
            case Several(items) | Sets(_, items) | Either(items) | Group(_, items, _):
                return all(map(self._reads, items))
            case Chain(parts):
                return all(is_name(part) or self._reads(read(part)) for part in parts)
            case Matrix(rows):
                return all(self._reads(node) for row in rows for node in row)
        return not isinstance(node, Words)

    def _ask(self, question: str, *texts) -> bool:
        try:
            return getattr(self.algebra, question)(*texts)
        except NeedsAlgebra:
            raise
        except Exception:  # whatever such text raises: it is equal to nothing
            self.rules.append("it cannot be read or computed")
            return False

    def _rule(self, name: str, verdict: bool) -> bool:
        self.rules.append(f"{name}: {'equal' if verdict else 'different'}")
        return verdict

    def equal(self, gold: Node, answer: Node) -> bool:
        """Whether two nodes are the same answer."""
        if isinstance(gold, Either) or isinstance(answer, Either):
            golds = gold.readings if isinstance(gold, Either) else (gold,)
            answers = answer.readings if isinstance(answer, Either) else (answer,)
            return any(self.equal(one, other) for one in golds for other in answers)
        if isinstance(gold, Chain) and gold.relations in (("=",), (r"\in",)):
            return self._equal_to_equation(gold, answer)
        if isinstance(answer, Chain) and (value := self._stated(answer)) is not None:
            return self.equal(gold, value)
        if (sets := self._sets(gold, answer)) is not None:
            return self._rule("as sets of numbers", self._same_sets(*sets))
        if type(gold) is not type(answer):
            return self._across(gold, answer)
        match gold:
            case Value():
                return self._same_value(gold, answer)
            case Several():
                return self._rule("several answers in any order", self._matched(gold.items, answer.items))
            case Group():
                brackets = (gold.opening, gold.closing) == (answer.opening, answer.closing)
                return self._rule("component by component", brackets and self._each(gold.items, answer.items))
            case Matrix():
                shapes = [len(row) for row in gold.rows] == [len(row) for row in answer.rows]
                return self._rule("entry by entry", shapes and all(map(self._each, gold.rows, answer.rows)))
            case Chain():
                same = (
                    gold.relations == answer.relations
                    and len(gold.parts) == 2
                    and gold.relations[0] in ("<", ">", r"\le", r"\ge")
                )
                return self._rule(
                    "part by part", same and self._each(*(tuple(map(Value, node.parts)) for node in (gold, answer)))
                )
        return self._rule("as they stand", gold == answer)

    def _across(self, gold: Node, answer: Node) -> bool:
        """Nodes of two kinds."""
        if isinstance(answer, Several) and len(answer.items) == 1:
            return self.equal(gold, answer.items[0])
        if isinstance(gold, Several) and len(gold.items) == 1:
            return self.equal(gold.items[0], answer)
        if (isinstance(gold, Words) and isinstance(answer, Value)) or (isinstance(gold, Value) and isinstance(answer, Words)):
            return self._rule("as words", _words(gold.text) == _words(answer.text))
        return self._rule(f"{_kind(gold)} is no {_kind(answer)}", False)

    # Several things.

    def _each(self, golds: tuple, answers: tuple) -> bool:
        return len(golds) == len(answers) and all(map(self.equal, golds, answers))

    def _matched(self, golds: tuple, answers: tuple) -> bool:
        """One to one, in any order. Equal ones are interchangeable, so the first that fits will do."""
        if len(golds) != len(answers):
            return False
        left = list(answers)
        for gold in golds:
            fitting = next((i for i, answer in enumerate(left) if self.equal(gold, answer)), None)
            if fitting is None:
                return False
            left.pop(fitting)
        return True

    # One value.

    def _same_value(self, gold: Value, answer: Value) -> bool:
        if gold.unit and not answer.unit and (number := without(answer.text, gold.unit)):
            answer = Value(number, gold.unit)  # "5 m", where the gold is in metres
        if gold.unit == answer.unit:
            return self._same_number(gold.text, answer.text, gold.error)
        if gold.unit and answer.unit:
            return self._rule(f"{gold.unit} is not {answer.unit}", False)
        return self._unit_on_one_side(gold, answer)

    def _unit_on_one_side(self, gold: Value, answer: Value) -> bool:
        unit, number = gold.unit or answer.unit, numeral(gold.text)
        part = {"percent": r"\frac{%s}{100}", "degree": r"\frac{(%s) \cdot \pi}{180}"}.get(unit)
        small = unit == "percent" and answer.unit and number is not None and abs(number.value) < 1
        if not small and self._same_number(gold.text, answer.text, gold.error):
            return self._rule("a unit on one side only", True)
        bare = unit == "degree" and not re.search(r"\\pi|\\circ", gold.text + answer.text)
        if part is None or bare or gold.error is not None:  # the error is that of the number as it stands
            return self._rule("a unit on one side only", False)
        scaled = [value.text if value.unit is None else _scaled(value.text, part) for value in (gold, answer)]
        return self._rule(f"the value of a {unit}", self._same_number(*scaled))

    def _same_number(self, gold: str, answer: str, error: Fraction | None = None) -> bool:
        if squeezed(gold) == squeezed(answer):
            return self._rule("written alike", True)
        gold_number, answer_number = numeral(gold), numeral(answer)
        if gold_number and error is not None:
            gold_number = replace(gold_number, error=error)
        if gold_number and answer_number:
            rule = "exact numbers" if gold_number.is_exact else "to the digits of the decimal gold"
            rule = rule if error is None else "within the stated error"
            return self._rule(rule, meets(gold_number, answer_number.value))
        if r"\infty" in gold + answer:
            return self._rule("infinite", squeezed(gold).lstrip("+") == squeezed(answer).lstrip("+"))
        if _UNREADABLE.search(gold) or _UNREADABLE.search(answer):
            return self._rule("as text", _words(gold) == _words(answer))
        if (gold_number and _has_variable(answer)) or (answer_number and _has_variable(gold)):
            return self._rule("a number has no variables", False)
        return self._rule("computer algebra", self._ask("same", gold, answer, gold_number))

    # Equations.

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
            if any(_UNREADABLE.search(part) for sides in equations for part in sides):
                return self._rule("as text", False)
            return self._rule("as equations", self._same_equation(*equations, named))
        if not named:
            return self._rule(f"an equation is no {_kind(answer)}", False)
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

    # Sets of numbers.

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
            case Sets(_, (whole, Several(points))) if whole == REALS and all(isinstance(point, Value) for point in points):
                return None, self._without([point.text for point in points])
        return None

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
        names = [i for i, part in enumerate(parts) if is_name(part)]
        if names not in ([0], [1]) or (len(parts) == 3 and names != [1]):
            return None
        name = names[0]
        low = (parts[name - 1], ups[name - 1][1]) if name else (r"-\infty", False)
        high = (parts[name + 1], ups[name][1]) if name + 1 < len(parts) else (r"\infty", False)
        return parts[name], [(*low, *high)]

    def _without(self, points: list[str]) -> list:
        """All numbers without some points."""
        ordered: list[str] = []
        for point in points:
            place = next((i for i, other in enumerate(ordered) if self._less(point, other)), len(ordered))
            ordered.insert(place, point)
        ends = [r"-\infty", *ordered, r"\infty"]
        return [(low, False, high, False) for low, high in itertools.pairwise(ends)]

    def _less(self, one: str, other: str) -> bool:
        numbers = numeral(one), numeral(other)
        return numbers[0].value < numbers[1].value if None not in numbers else self._ask("less", one, other)


_ALL = (r"-\infty", False, r"\infty", False)
_UPWARD = {"<": (True, False), r"\le": (True, True), ">": (False, False), r"\ge": (False, True)}
_UNREADABLE = re.compile(
    r"\\text\s*\{[^{}]*\}(?!\s*\})|\\(?:ldots|surd|mho|notin|equiv|forall|exists|mod|pmod|bmod|Rightarrow|implies|cap)|[?:;,&#@\"]|[^\x00-\x7f]"
)


_BOUND = re.compile(r"\\(?:sum|prod|int|lim)(?![A-Za-z])")
_CONSTANTS = re.compile(r"\\[A-Za-z]+|(?<=\d)[eE](?=[+-]?\d)|(?<![A-Za-z])[eiI](?![A-Za-z])")


def _has_variable(text: str) -> bool:
    """Whether a letter stands for a variable; then it is no number, even if it could be cancelled. A bound one does not."""
    return not _BOUND.search(text) and re.search("[A-Za-z]", _CONSTANTS.sub(" ", text)) is not None


def _is_range(node: Node) -> bool:
    return isinstance(node, Chain) and bool(set(node.relations) & {*_UPWARD, r"\ne", r"\in"})


def _scaled(text: str, part: str) -> str:
    number = numeral(text)
    if number is not None and "100" in part:
        value = number.value / 100
        exact = (
            rf"\frac{{{value.numerator}}}{{{value.denominator}}}"
            if value >= 0
            else rf"-\frac{{{-value.numerator}}}{{{value.denominator}}}"
        )
        return exact if number.unit_of_last_digit is None else _decimal(value)
    return part % text


def _decimal(value: Fraction) -> str:
    """As a decimal, so that it keeps its digits: a hundredth of a decimal is one."""
    places = 0
    while (value * 10**places).denominator != 1:
        places += 1
    digits = str(abs(int(value * 10**places))).rjust(places + 1, "0")
    return f"{'-' * (value < 0)}{digits[: len(digits) - places]}.{digits[len(digits) - places :] or '0'}"


def squeezed(text: str) -> str:
    r"""Without the spaces that TeX ignores: `2 n` is `2n`. `\pi r` and `1 2` keep theirs."""
    return _SPACE.sub(_needed_space, text)


_SPACE = re.compile(r"(\\[A-Za-z]+|[0-9])?\s+(?=(.?))")


def _needed_space(found: re.Match) -> str:
    before, after = found[1] or "", found[2]
    needed = (before.startswith("\\") and after.isalpha()) or (before.isdigit() and after.isdigit())
    return before + " " * needed


def _words(text: str) -> str:
    return re.sub(r"\\text\s*|[{}\s~.]", "", text).lower()


def _kind(node: Node) -> str:
    return {Value: "one value", Several: "list", Group: "tuple or interval", Chain: "relation", Sets: "union"}.get(
        type(node), type(node).__name__.lower()
    )
