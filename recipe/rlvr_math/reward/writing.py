r"""Ways of writing one answer, brought to one: plain LaTeX without dress.

`plain` applies the rules in the order of RULES. A rule changes how an answer is written and never what it means; each is named,
and has cases in tests/rlvr_math/reward/test_writing.py. Every pattern is linear in the length of the text.
"""

from __future__ import annotations

import re

from recipe.rlvr_math.reward.answers import undressed
from recipe.rlvr_math.reward.bases import bases
from recipe.rlvr_math.reward.number_words import number_words
from recipe.rlvr_math.reward.unicode_signs import unicode_signs

_ROOT_OF_GROUP = re.compile(r"(√|(?<![A-Za-z\\])sqrt|\\sqrt)\s*\(")


def grouped_roots(text: str) -> str:
    r"""`√(2+x)`, `sqrt(2)` and `\sqrt(2)` as `\sqrt{...}`. (latex2sympy2 1.11 refuses the last.)"""
    while (found := _ROOT_OF_GROUP.search(text)) is not None:
        close = _closing(text, found.end() - 1)
        if close is None:
            return text.replace("√", r"\surd ")
        text = text[: found.start()] + r"\sqrt{" + text[found.end() : close] + "}" + text[close + 1 :]
    return text


def _closing(text: str, opening: int) -> int | None:
    """The place of the bracket that closes the one at `opening`; brackets of other kinds are not looked at."""
    pair, depth = {"(": "()", "{": "{}", "[": "[]"}[text[opening]], 0
    for position in range(opening, len(text)):
        if text[position] in pair and text[position - 1 : position] != "\\":
            depth += 1 if text[position] == pair[0] else -1
            if depth == 0:
                return position
    return None


_SIZES = re.compile(
    r"\\(?:left|right|middle|[bB]igg?[lrm]?|displaystyle|textstyle|scriptstyle|limits|nolimits|rm|bf|it|bfseries|boldmath)"
    r"(?![A-Za-z])\s?\.?"
)
_FRACTIONS = re.compile(r"\\[dtc]frac(?![A-Za-z])|\\sfrac(?![A-Za-z])|\\nicefrac(?![A-Za-z])")
_NEGATIVE_SPACE = re.compile(r"\\!\s*|\{\}|\\(?:phantom|hspace|vspace|label|tag|color|textcolor)\*?\{[^{}]*\}")
_WIDE_SPACE = re.compile(r"\\(?:q?quad|enspace|hfill|newline|par)(?![A-Za-z])|(?<!\\)\\[;: ]|(?<!\\)\\\n|~|\n|\t")
_SAME = {
    **{r"\\leqslant": r"\\le", r"\\geqslant": r"\\ge", r"\\leq": r"\\le", r"\\geq": r"\\ge", r"\\neq": r"\\ne", r"\\lt": "<"},
    **{
        r"\\gt": ">",
        r"\\varnothing": r"\\emptyset",
        r"\\O": r"\\emptyset",
        r"\\land": r"\\text{ and }",
        r"\\lor": r"\\text{ or }",
    },
    **{r"\\to": r"\\text{ to }", r"\\lbrace": r"\\{", r"\\rbrace": r"\\}", r"\\lbrack": "[", r"\\rbrack": "]", r"\\vert": "|"},
    **{
        r"\\lvert": "|",
        r"\\rvert": "|",
        r"\\simeq": r"\\approx",
        r"\\backslash": r"\\setminus",
        r"\\smallsetminus": r"\\setminus",
    },
    **{r"\\degree": r"^{\\circ}", r"\\colon": ":", r"\\dots": r"\\ldots", r"\\cdots": r"\\ldots", r"\\tan^{-1}": r"\\arctan"},
}
_COMMANDS = [(re.compile(f"{command}(?![A-Za-z])"), sign) for command, sign in _SAME.items() if "^" not in command]


def sizes_and_spaces(text: str) -> str:
    r"""`\left(`, `\dfrac`, `\displaystyle`, `\!`, `~`, `\leqslant`: what only looks different."""
    text = _SIZES.sub(" ", text) if "\\" in text else text
    text = _FRACTIONS.sub(r"\\frac", text)
    text = _NEGATIVE_SPACE.sub("", text)
    text = _WIDE_SPACE.sub(" ", text)
    for command, sign in _COMMANDS:
        text = command.sub(sign, text)
    return text


_DRESS = re.compile(
    r"\\(?:mathbf|mathrm|mathit|mathsf|mathtt|boldsymbol|bm|textbf|textit|textrm|textnormal|emph|underline|boxed|fbox|mbox|text|"
    r"mathbb|mathcal|operatorname)\*?\s*\{"
)
_WORDS = {"textbf": "text", "textit": "text", "textrm": "text", "textnormal": "text", "emph": "text", "mbox": "text"}
_KEPT = ("mathbb", "mathcal", "operatorname")
_NUMERIC = re.compile(r"[\s(){}\d.,+\-/$\\%]*\d[\s(){}\d.,+\-/$\\%]*")
_LETTER = re.compile(r"[A-Za-z]")
_TEXTUAL = re.compile(r"\\mathrm\{\s*(?:e|i|d)\s*\}")


def undress(text: str) -> str:
    r"""Bold, roman and boxed: `\mathbf{73}`, `\textbf{(073)}`, `\boxed{\boxed{5}}`. Words stay in `\text{}`."""
    text = _TEXTUAL.sub(lambda found: found[0][8:-1].strip(), text)
    start = 0
    while (found := _DRESS.search(text, start)) is not None:
        close = _closing(text, found.end() - 1)
        if close is None:
            break
        name, inner = re.match(r"\\([a-z]+)", found[0])[1], text[found.end() : close]
        if name in _KEPT:
            start = found.end()
        elif (
            name in ("boxed", "fbox", "boldsymbol", "bm", "underline", "mathbf")
            or _NUMERIC.fullmatch(inner.strip())
            or (name in ("textbf", "textit", "mathit") and _LETTER.fullmatch(inner.strip()))
        ):
            inner = inner.strip() if name != "text" and name not in _WORDS else inner
            before = text[: found.start()]
            gap = " " if re.search(r"\\[A-Za-z]+$", before) and inner[:1].isalpha() else ""
            text, start = before + gap + inner + text[close + 1 :], len(before)
        else:
            head = r"\text{" if name in (*_WORDS, "mathrm", "mathit", "mathsf", "mathtt", "text") else found[0]
            text = text[: found.start()] + head + inner + text[close:]
            start = found.start() + len(head)
    return text


_MONEY = re.compile(r"\\\$|€|£|¥|(?<![A-Za-z])(?:US|C|A)\\?\$")


def formula_signs(text: str) -> str:
    r"""Dollars around formulas, also around each of several. Money (`\$5`) becomes its word after the number."""
    text = text.replace(r"\$", "\ue000").replace("$", "").replace("\ue000", r"\$")
    return text.replace(r"\(", " ").replace(r"\)", " ").replace(r"\[", " ").replace(r"\]", " ").strip()


_PYTHON = re.compile(r"(?<![A-Za-z\\])(?:np|math|numpy|sympy|sp)\.(?=[a-z])")
_FUNCTION = re.compile(
    r"(?<![A-Za-z\\])(arcsin|arccos|arctan|asin|acos|atan|sinh|cosh|tanh|sin|cos|tan|cot|sec|csc|ln|log|exp|pi)(?=[^A-Za-z]|$)"
)
_LONG_NAMES = {"asin": "arcsin", "acos": "arccos", "atan": "arctan"}
_INFINITY = re.compile(r"(?<![A-Za-z\\])(?:infinity|infty|oo|inf)(?![A-Za-z])")


def code(text: str) -> str:
    r"""`np.arcsin(10/13)`, `2**3`, `exp(x)`, `<=`: as a program writes it."""
    text = _PYTHON.sub("", text).replace("**", "^").replace("<=", r"\le ").replace(">=", r"\ge ").replace("!=", r"\ne ")
    text = _FUNCTION.sub(lambda found: "\\" + _LONG_NAMES.get(found[1], found[1]) + " ", text)
    return _INFINITY.sub(r"\\infty ", text)


_SPACED_GROUPS = re.compile(r"(?<![\d.,\\])(\d{1,3}(?:(?:\\,|\\ | )\s?\d{3})+)(?!\d|\s?\d)")
_SURE_COMMA = re.compile(r"(?<=\d)(?:\{,\}|\\mathord\{,\}|,\\!)\s*(?=\d{3}(?!\d))")


def thousands(text: str) -> str:
    r"""`1{,}200`, `115\,000`, `1 200`: groups of three digits. `1,200` may be two numbers, and is left to `reading`."""
    text = _SURE_COMMA.sub("", text).replace("{,}", ",")
    text = _SPACED_GROUPS.sub(lambda found: re.sub(r"\\,|\\ |\s", "", found[1]), text)
    return text.replace(r"\,", " ")


_PERCENT_WORD = re.compile(
    r"(?:\\text\s*\{\s*)?(?<![A-Za-z])(?:percent|per\s?cent|percentage|pct)\.?(?![A-Za-z])(?:\s*\})?", re.IGNORECASE
)


def percent(text: str) -> str:
    r"""`28 percent`, `28%`, `28\text{ per cent}`: `28\%`."""
    text = _PERCENT_WORD.sub(r"\\%", text)
    return re.sub(r"(?<!\\)%", r"\\%", text)


_FRACTION = re.compile(r"\\frac(?![A-Za-z])")
_ARGUMENT = re.compile(r"\s*(\d|[A-Za-z]|\\[A-Za-z]+)")
_SHORT_ROOT = re.compile(r"\\sqrt(?:\s*(\d)|\s+([A-Za-z])(?![A-Za-z]))")
_CHOOSE = re.compile(r"\{\s*([^{}]*?)\s*\\choose(?![A-Za-z])\s*([^{}]*?)\s*\}")


def braces(text: str) -> str:
    r"""`\frac12`, `\frac\pi2`, `\sqrt2`, `x^2`, `{n \choose k}`: with braces. (latex2sympy2 1.11 refuses the first.)"""
    start = 0
    while (found := _FRACTION.search(text, start)) is not None:
        text, start = _argument(*_argument(text, found.end()))[0], found.end()
    text = _SHORT_ROOT.sub(lambda found: rf"\sqrt{{{found[1] or found[2]}}}", text)
    text = re.sub(r"_\s*([A-Za-z0-9])", r"_{\1}", text)
    text = re.sub(r"\^\s*(-?\d+(?:\.\d+)?)(?![\d.])", r"^{\1}", text)
    text = re.sub(r"\^\s*([A-Za-z])", r"^{\1}", text)
    text = re.sub(r"\^\s*\(([^()]*)\)", r"^{\1}", text)
    text = re.sub(r"\^\s*\\circ(?![A-Za-z])", r"^{\\circ}", text)
    text = re.sub(r"\\(sin|cos|tan)\s*\^\s*\{-1\}", r"\\arc\1", text)
    text = _CHOOSE.sub(r"\\binom{\1}{\2}", text)
    return re.sub(r"\s+", " ", text).strip()


def _argument(text: str, position: int) -> tuple[str, int]:
    """The text with braces around the argument at `position`, and where the argument ends."""
    if (found := _ARGUMENT.match(text, position)) is not None:
        argument = f"{{{found[1]}}}"
        return text[:position] + argument + text[found.end() :], position + len(argument)
    opening = re.compile(r"\s*\{").match(text, position)
    close = opening and _closing(text, opening.end() - 1)
    if close is None:
        return text, len(text)
    argument = text[opening.end() - 1 : close + 1]
    return text[:position] + argument + text[close + 1 :], position + len(argument)


_PROSE = re.compile(
    r"(?:the|a|an|so|thus|hence|therefore|final|correct|answer|value|result|number|sum|total|length|area|probability|it|x|"
    r"which|that|we|i (?:think|believe|get|find|obtain)|get|find|obtain|have|of|and|is|are|be|equals?|equal|to|must|will|"
    r"would|[:,]|\s)*\b(?:is|are|equals|equal to|be)[\s:]+",
    re.IGNORECASE,
)


def sentence(text: str) -> str:
    """`The value is 34`: 34. Only for a few harmless words that end in "is"; "is not" is none of them."""
    found = _PROSE.match(text)
    if not found or re.match(r"(?:not|n't|no|never|less|more|at|between|greater|either)\b", text[found.end() :], re.IGNORECASE):
        return text
    return text[found.end() :]


_ABOUT = re.compile(
    r"\s*(?:\\approx(?![A-Za-z])|(?:\\text\s*\{\s*)?(?:about|approximately|approx\.?|roughly|around)(?:\s*\}|\s)(?!\s*than))\s*",
    re.IGNORECASE,
)


def approximately(text: str) -> str:
    r"""`about 7`, `\approx 7`: 7, as `x \approx 7` states it. "Almost" and "over" say that it is another number."""
    found = _ABOUT.match(text)
    return text[found.end() :] if found else text


def undress_marks(text: str) -> str:
    """Spaces, dollars, Markdown and full stops around the whole."""
    return undressed(text)


RULES = (
    undress_marks, sentence, undress_marks, unicode_signs, sizes_and_spaces, approximately, number_words, bases, undress,
    undress_marks, formula_signs, percent, grouped_roots, code, thousands, braces,
)  # fmt: skip


def plain(text: str) -> str:
    """`text` after all RULES."""
    for rule in RULES:
        text = rule(text)
    return text
