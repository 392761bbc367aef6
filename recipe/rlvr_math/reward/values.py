"""Whether two single values are the same: numbers exactly, units by name, expressions by computer algebra."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from fractions import Fraction

from recipe.rlvr_math.reward.algebra import Algebra, NeedsAlgebra, NoAlgebra
from recipe.rlvr_math.reward.nodes import Value
from recipe.rlvr_math.reward.numerals import meets, numeral
from recipe.rlvr_math.reward.unit_names import ratio
from recipe.rlvr_math.reward.units import split_letter, without


@dataclass
class Values:
    """Compares; `rules` are the names of the rules by which something was found equal or different, in order."""

    algebra: Algebra = field(default_factory=NoAlgebra)
    rules: list[str] = field(default_factory=list)

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

    def _same_value(self, gold: Value, answer: Value) -> bool:
        if gold.unit and not answer.unit and (number := without(answer.text, gold.unit)):
            answer = Value(number, gold.unit)  # "5 m", where the gold is in metres
        elif gold.unit and not answer.unit:
            number, letter = split_letter(answer.text)  # or in km
            answer = Value(number, letter) if letter and ratio(letter, gold.unit) else answer
        if gold.unit and gold.unit == answer.unit:
            return self._same_number(gold.text, answer.text, gold.error)
        if gold.unit and answer.unit:
            return self._other_unit(gold, answer)
        if not gold.unit and not answer.unit and numeral(gold.text) and not numeral(answer.text):
            answer = Value(*split_letter(answer.text))  # "5 J", where the gold has no variable
        return (
            self._unit_on_one_side(gold, answer)
            if answer.unit or gold.unit
            else self._same_number(gold.text, answer.text, gold.error)
        )

    def _other_unit(self, gold: Value, answer: Value) -> bool:
        if {gold.unit, answer.unit} == {"degree", "radian"}:
            degrees = r"\frac{180 \cdot (%s)}{\pi}" if gold.unit == "degree" else r"\frac{\pi \cdot (%s)}{180}"
            return self._rule("degrees and radians", self._same_number(gold.text, degrees % answer.text, gold.error))
        size, number = ratio(answer.unit, gold.unit), numeral(answer.text)
        if size is None or number is None:
            return self._rule(f"{gold.unit} is not {answer.unit}", False)
        same = self._same_number(gold.text, _fraction(number.value * size), gold.error)
        return self._rule(f"{answer.unit} converted to {gold.unit}", same)

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
        if is_text(gold) or is_text(answer):
            return self._rule("as text", as_words(gold) == as_words(answer))
        if (gold_number and _has_variable(answer)) or (answer_number and _has_variable(gold)):
            return self._rule("a number has no variables", False)
        return self._rule("computer algebra", self._ask("same", gold, answer, gold_number))

    def _less(self, one: str, other: str) -> bool:
        numbers = numeral(one), numeral(other)
        return numbers[0].value < numbers[1].value if None not in numbers else self._ask("less", one, other)


_NO_EXPRESSION = re.compile(
    r"\\text\s*\{[^{}]*\}(?!\s*\})|\\(?:ldots|surd|mho|notin|equiv|forall|exists|mod|pmod|bmod|Rightarrow|implies|cap)"
    r"|[?:;,&#@\"]|[^\x00-\x7f]"
)


def is_text(text: str) -> bool:
    """Whether a text is surely no expression."""
    return _NO_EXPRESSION.search(text) is not None


_BOUND = re.compile(r"\\(?:sum|prod|int|lim)(?![A-Za-z])")
_CONSTANTS = re.compile(r"\\[A-Za-z]+|(?<=\d)[eE](?=[+-]?\d)|(?<![A-Za-z])[eiI](?![A-Za-z])")


def _has_variable(text: str) -> bool:
    """Whether a letter stands for a variable; then it is no number, even if it could be cancelled. A bound one does not."""
    return not _BOUND.search(text) and re.search("[A-Za-z]", _CONSTANTS.sub(" ", text)) is not None


def _scaled(text: str, part: str) -> str:
    number = numeral(text)
    if number is not None and "100" in part:
        value = number.value / 100
        return _fraction(value) if number.unit_of_last_digit is None else _decimal(value)
    return part % text


def _fraction(value: Fraction) -> str:
    return rf"{'-' * (value < 0)}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


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


def as_words(text: str) -> str:
    """Text without case, spaces and full stops."""
    return re.sub(r"\\text\s*|[{}\s~.]", "", text).lower()
