"""Whether an answer is the right one: two nodes of `reading` are compared, by rules that have names.

`Judge.decide` needs computer algebra for expressions only. Without it (in the process that scores) it raises `NeedsAlgebra`
there, and the whole question goes to a verifier process. Where no rule applies or a text cannot be read, an answer is wrong.
"""

from __future__ import annotations

from recipe.rlvr_math.reward.equations import Equations
from recipe.rlvr_math.reward.nodes import Chain, Colon, Either, Group, Matrix, Node, Sets, Several, Value, Words, kind
from recipe.rlvr_math.reward.number_sets import NumberSets
from recipe.rlvr_math.reward.numerals import numeral
from recipe.rlvr_math.reward.reading import is_name, read
from recipe.rlvr_math.reward.stated import NOTHING, Stated, dressed
from recipe.rlvr_math.reward.values import as_words, squeezed
from recipe.rlvr_math.reward.writing import plain


class Judge(Equations, NumberSets):
    """Decides; `rules` are the names of the rules by which something was found equal or different, in order."""

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
            case Several() if gold.in_order or answer.in_order:
                return self._rule("part by part", self._each(gold.items, answer.items))
            case Several():
                return self._rule("several answers in any order", self._matched(gold.items, answer.items))
            case Group():
                brackets = (gold.opening, gold.closing) == (answer.opening, answer.closing)
                return self._rule("component by component", brackets and self._each(gold.items, answer.items))
            case Colon():
                return self._rule("as times or ratios", gold.parts == answer.parts or _same_ratio(gold, answer))
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
            return self._rule("as words", as_words(gold.text) == as_words(answer.text))
        return self._rule(f"{kind(gold)} is no {kind(answer)}", False)

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


def _same_ratio(gold: Colon, answer: Colon) -> bool:
    if not (gold.is_ratio and answer.is_ratio) or len(gold.parts) != len(answer.parts):
        return False
    golds, answers = (tuple(map(int, node.parts)) for node in (gold, answer))
    return all((golds[0], answers[0])) and all(golds[0] * b == answers[0] * a for a, b in zip(golds, answers, strict=True))
