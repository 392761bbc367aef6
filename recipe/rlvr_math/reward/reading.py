r"""What kind of thing an answer is, and its parts. Nothing is computed here, and no library is needed.

`read` takes the plain LaTeX of `writing` and returns one of `nodes`. What can be read in two ways (`1,200`) is
`Either`.
"""

from __future__ import annotations

import re

from recipe.rlvr_math.reward.brackets import TOKEN, encloses, split, turned_brackets
from recipe.rlvr_math.reward.matrices import cells
from recipe.rlvr_math.reward.nodes import (
    EMPTY,
    REALS,
    Based,
    Builder,
    Chain,
    Colon,
    Either,
    Group,
    Matrix,
    Node,
    Sets,
    Several,
    Value,
    Words,
)
from recipe.rlvr_math.reward.parts import labelled
from recipe.rlvr_math.reward.units import split_unit

MAX_ITEMS = 64  # of a list; what is longer is text

_OR, _AND = "\ue001", "\ue002"
_JOINT = re.compile(r"\\text\s*\{\s*,?\s*(and|or)\s*,?\s*\}|(?<![A-Za-z\\])(and|or)(?![A-Za-z])")
_RELATION = re.compile(r"\\(?:le|ge|ne|in|notin|approx|equiv|sim|subset|subseteq|implies|iff|Rightarrow|mid)(?![A-Za-z])|[=<>]")
_BASED = re.compile(r"\(?([0-9A-Z]+)\)?\s*_\s*\{?\s*(\d{1,2})\s*\}?")
_COLON = re.compile(
    r"(\d{1,6})\s*(?::|to|\\text\s*\{\s*to\s*\})\s*(\d{1,6})(?:\s*:\s*(\d{1,6}))?\s*((?:\\text\s*\{)?\s*[ap]\.?\s?m\.?\s*\}?)?",
    re.IGNORECASE,
)
_COMMA_NUMBER = re.compile(r"([+-]?(?:\\\$|€|£)?\s?)(\d{1,3}(?:,\d{3})+)((?:\.\d+)?(?!\d).*)", re.DOTALL)
_CHOICE = re.compile(r"\\text\s*\{\s*\(?([A-E])[.):]+\s*\}\s*(\S.*)", re.DOTALL)  # \textbf{(C)}\ 36
_TEXT = re.compile(r"\\(?:text|operatorname)\s*\{([^{}]*)\}")
_NO_SOLUTION = re.compile(r"(?:\\text\s*\{)?\s*(?:[Nn]o (?:real )?solutions?|(?:[Tt]he )?[Ee]mpty set)\s*\}?")
_OPEN, _CLOSE = ("(", "[", r"\{", r"\langle"), (")", "]", r"\}", r"\rangle")


def read(text: str, several: bool | None = None) -> Node:
    """The node of an answer; `several` is whether `1,200` is two answers, None if that is not known."""
    text = turned_brackets(text.strip())
    if parts := labelled(text):
        return Several(tuple(map(read, parts)), in_order=True)
    if found := _CHOICE.fullmatch(text):
        return Either((Value(found[1]), read(found[2])))
    if (found := _COMMA_NUMBER.fullmatch(text)) and not re.search(r"[,;]", found[3]):
        number = _read_one(found[1] + found[2].replace(",", "") + found[3])
        return Either((number, _read_list(text))) if several is None else _read_list(text) if several else number
    try:
        return _read_list(text)
    except RecursionError:  # hundreds of brackets in each other, how many depends on who called
        return Words(text)


def _read_list(text: str) -> Node:
    marked = _JOINT.sub(lambda found: _OR if "or" in (found[1], found[2]) else _AND, text)
    joints, parts = split(marked, lambda token: token in (",", ";", _OR, _AND))
    if not joints:
        return _read_one(text)
    if len(parts) > MAX_ITEMS:
        return Words(text)
    items = [read(part) if "," in part else _read_one(part) for part in parts if part]
    if len(items) == 1:
        return items[0]
    if all(isinstance(item, Chain) and not set(item.relations) & {"=", r"\approx"} for item in items):
        operation = r"\cap" if set(joints) == {_AND} else r"\cup"
        return Sets(operation, tuple(items)) if set(joints) in ({_AND}, {_OR}, {","}, {",", _OR}) else Words(text)
    first = items[0] if items else None
    if isinstance(first, Chain) and first.relations == ("=",) and not any(isinstance(item, Chain) for item in items[1:]):
        items[0] = read(first.parts[1])  # n = 2, 3, 4
    return Several(tuple(_flat(items)))


def _flat(items):
    for item in items:
        yield from item.items if isinstance(item, Several) and item.items else (item,)


def _read_one(text: str) -> Node:
    """A part without separators of a list."""
    text = _unwrapped(text.strip())
    if text in (r"\emptyset", r"\{\}", r"\{ \}") or _NO_SOLUTION.fullmatch(text):
        return EMPTY
    if text in (r"\mathbb{R}", r"(-\infty,\infty)", r"\text{all real numbers}", "all real numbers"):
        return REALS
    if (found := _BASED.fullmatch(text)) and (based := _based(found[1], int(found[2]))):
        return based
    if found := _COLON.fullmatch(text):
        half = re.sub(r"\\text|[^a-z]", "", (found[4] or "").lower())
        numbers = [part for part in found.groups()[:3] if part]
        is_ratio = not half and len(numbers[1]) != 2 and not any(number.startswith("0") for number in numbers)
        return Colon((*(number.lstrip("0") or "0" for number in numbers), *([half] if half else [])), is_ratio)
    relations, parts = split(text, lambda token: _RELATION.fullmatch(token) is not None)
    if relations:
        return Chain(tuple(parts), tuple(relations)) if all(parts) else Words(text)
    if rows := cells(text):
        return Matrix(tuple(tuple(map(_read_one, row)) for row in rows))
    for operation in (r"\setminus", r"\cup"):
        joints, sets = split(text, lambda token, operation=operation: token == operation)
        if joints:
            return Sets(operation, tuple(_read_one(part) for part in sets)) if all(sets) else Words(text)
    if group := _group(text):
        return group
    if re.search(r"\\(?:pm|mp)(?![A-Za-z])", text):
        upper = re.sub(r"\\pm(?![A-Za-z])", "+", re.sub(r"\\mp(?![A-Za-z])", "-", text))
        lower = re.sub(r"\\pm(?![A-Za-z])", "-", re.sub(r"\\mp(?![A-Za-z])", "+", text))
        return Several((_value(upper), _value(lower)))
    return _value(text)


def _unwrapped(text: str) -> str:
    r"""Without braces around the whole, and without `\text{}` around it."""
    while True:
        if text.startswith("{") and text.endswith("}") and encloses(text, "{", "}"):
            text = text[1:-1].strip()
        elif (found := re.match(r"\\text\s*(?=\{)", text)) and text.endswith("}") and encloses(text[found.end() :], "{", "}"):
            inner = text[found.end() + 1 : -1].strip()
            if not re.fullmatch(r"\(?[A-Z]\)?", inner):
                return text
            text = inner
        else:
            return text


def _group(text: str) -> Node | None:
    """What stands in brackets as a whole."""
    opening = next((bracket for bracket in _OPEN if text.startswith(bracket)), None)
    closing = next((bracket for bracket in _CLOSE if text.endswith(bracket)), None)
    if not opening or not closing:
        return None
    inner = text[len(opening) : -len(closing)]
    depth = 0
    for token in TOKEN.findall(inner):
        depth += (token in ("(", "[", "{", r"\{", r"\langle")) - (token in (")", "]", "}", r"\}", r"\rangle"))
        if depth < 0:
            return None
    if depth:
        return None
    if opening == r"\{" and closing == r"\}":
        bars, parts = split(inner, lambda token: token in (":", "|", r"\mid"))
        if len(bars) == 1:
            name, kind = re.split(r"\\in(?![A-Za-z])", parts[0], maxsplit=1)[0].strip(), read(parts[1])
            return Builder(name, kind)
        node = _read_list(inner)
        return Several(node.items if isinstance(node, Several) else (node,))
    joints, parts = split(inner, lambda token: token in (",", ";"))
    if joints:
        if not all(parts) or len(parts) > MAX_ITEMS:
            return Words(text)
        return Group(
            opening.replace(r"\langle", "("), tuple(_read_one(part) for part in parts), closing.replace(r"\rangle", ")")
        )
    if opening == "(" and closing == ")" and not _RELATION.search(inner):
        return _read_one(inner)
    return Words(text) if opening == "[" else None  # a list of one, or an integer part


def _value(text: str) -> Node:
    number, unit = split_unit(text)
    if unit is not None:
        return Value(_unparenthesised(number), unit)
    words = _TEXT.sub(r"\1", text).replace("~", " ").strip(" .")
    worded = (words != text and r"\text" in text) or re.fullmatch(r"[A-Za-z]{3,}(?:[ '-][A-Za-z]+)*", words)
    if worded and re.fullmatch(r"[A-Za-z][A-Za-z '.,()/-]*", words) and len(words) > 1:
        return Words(" ".join(words.lower().split()))
    return Value(text)


def _unparenthesised(text: str) -> str:
    return text[1:-1].strip() if text.startswith("(") and text.endswith(")") and encloses(text, "(", ")") else text


def _based(digits: str, base: int) -> Based | None:
    values = [int(digit, 36) for digit in digits]
    is_number = digits[0].isdigit() or (len(digits) > 1 and any(digit.isdigit() for digit in digits))
    return Based(digits.lstrip("0") or "0", base) if base > 1 and is_number and max(values) < base else None


_NAME = re.compile(
    r"(?:(?:\\(?:angle|triangle|overline|vec|hat|bar|tilde|operatorname|text|mathcal|max|min|measuredangle|alpha|beta|gamma|delta|"
    r"theta|lambda|mu|rho|sigma|tau|phi|omega|Delta|Omega|varphi|epsilon)(?![A-Za-z])|[A-Za-z']|\s|[{}]|"
    r"_\s*(?:\{[^{}]*\}|[A-Za-z0-9])|\((?=[\w, ]*\))[\w, ]*\)|\[(?=[A-Z]+\])[A-Z]+\])+)"
)
_CONSTANT = re.compile(r"\s*(?:e|i|\\pi)\s*")
_SUM_OF_NAMES = re.compile(r"[A-Za-z](?:\s*\+\s*[A-Za-z])+")
_TUPLE_OF_NAMES = re.compile(r"\(\s*[A-Za-z](?:_\{?\w\}?)?(?:\s*,\s*[A-Za-z](?:_\{?\w\}?)?)+\s*\)")


def is_name(text: str) -> bool:
    r"""Whether a side of an equation only names what was asked for.

    `x`, `f(x)`, `AB`, `\angle ABC`, `m+n`, `m_{\max}` and `(x, y)` do. `2x`, `x^2`, `|x|`, `-x`, `\ln x`, `x + x` and `e` do
    not: those make an equation for something else.
    """
    if _CONSTANT.fullmatch(text):
        return False
    if _SUM_OF_NAMES.fullmatch(text):
        letters = re.findall("[A-Za-z]", text)
        return len(set(letters)) == len(letters)
    return (_NAME.fullmatch(text) is not None and re.search("[A-Za-z]", text) is not None) or bool(
        _TUPLE_OF_NAMES.fullmatch(text)
    )
