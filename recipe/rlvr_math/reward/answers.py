"""The final answer in a response, and what of the comparison with the right one needs no computer algebra."""

from __future__ import annotations

import re

MAX_ANSWER = 1000  # characters; what is longer is no answer (the longest of the seven data sets has some hundred)

# Every repetition is bounded, so that a megabyte of anything takes milliseconds.
_ANSWER_LINE = re.compile(r"\banswer\s{0,8}(?:\*\*|__)?\s{0,8}:\s{0,8}(?:\*\*|__)?\s{0,8}([^\n]{0,1001})", re.IGNORECASE)
_MARKS = re.compile(r"[\s#>*_-]*(?:(?:my|the|so|therefore,?|hence,?|final)\s+)*(?:\*\*|__)?", re.IGNORECASE)
_BOXED = re.compile(r"\\(?:boxed|fbox)\s{0,8}\{")
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_SPACING = re.compile(r"\\[,;:! ]|\\q?quad\b|~")
_SPACE = re.compile(r"(?<![A-Za-z0-9])\s+|\s+(?![A-Za-z0-9])")  # not that of "\\pi r" or "1 2"
_STYLE = re.compile(r"\\(?:left|right|displaystyle)(?![A-Za-z])")
_PERCENT = re.compile(r"\s*\\?%$")
_DELIMITERS = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), ("**", "**"), ("__", "__"), ("`", "`"))


def final_answer(response: str) -> str | None:
    """The content of the last `\\boxed{...}` or of the last "Answer:" line, whichever begins later; None if there is none.

    A box inside the answer line begins later than the line, so its content is taken. A box also goes before a later "answer:"
    in the middle of a sentence ("I checked my answer: it is right"). If the last box is not closed, there is no box. May be
    empty; what is longer than MAX_ANSWER is cut to one character more.
    """
    box, line = _last(_BOXED, response), _last(_ANSWER_LINE, response)
    if box and (line is None or box.start() > line.start() or not _begins_line(response, line.start())):
        content = _braced(response[box.end() : box.end() + MAX_ANSWER + 2])
        if content is not None:
            return content
    return _displayed(response, line) if line else None


def _begins_line(text: str, position: int) -> bool:
    before = text[max(0, position - 40) : position].rpartition("\n")
    return (bool(before[1]) or position <= 40) and _MARKS.fullmatch(before[2]) is not None


def _displayed(response: str, line: re.Match) -> str:
    """The answer of a line; that of the next lines, if it has only the opening sign of a displayed formula."""
    closing = {"$$": "$$", r"\[": r"\]"}.get(line[1].strip())
    if closing:
        content, closed, _ = response[line.end() : line.end() + MAX_ANSWER + 2].partition(closing)
        if closed:
            return content.strip()
    return line[1]


def _last(pattern: re.Pattern, text: str) -> re.Match | None:
    match = None
    for match in pattern.finditer(text):  # noqa: B007
        pass
    return match


def _braced(text: str) -> str | None:
    """What stands before the closing brace of an open one; None if it is not closed; all if that is too long to say."""
    depth = 1
    for position, character in enumerate(text):
        if character in "{}" and text[position - 1 : position] != "\\":
            depth += 1 if character == "{" else -1
            if depth == 0:
                return text[:position]
    return text if len(text) > MAX_ANSWER + 1 else None


def clean(answer: str) -> str:
    """`answer` without what surrounds formulas: spaces, dollars, Markdown marks, a final full stop, a percent sign."""
    before = None
    while answer != before:
        before = answer
        answer = answer.replace(r"\$", "").replace("$ $", " ")  # money; two formulas that Minerva has for one
        answer = _PERCENT.sub("", answer.strip().removesuffix(".").rstrip())
        for opening, closing in _DELIMITERS:
            inner = answer[len(opening) : -len(closing)]
            if answer.startswith(opening) and answer.endswith(closing) and len(answer) > len(opening + closing):
                answer = answer if closing in inner or opening in inner else inner
    return answer


def normalise(answer: str) -> str:
    """The same answer in one way of writing it: no spacing, one kind of fraction and bracket."""
    answer = _SPACING.sub(" ", clean(answer))
    answer = _STYLE.sub("", answer).replace(r"\dfrac", r"\frac").replace(r"\tfrac", r"\frac")
    return _SPACE.sub("", answer).strip()


def quick_verdict(gold: str, answer: str) -> bool | None:
    """Whether two normalised answers agree, where that shows without computer algebra; else None."""
    if gold == answer:
        return bool(gold)
    if not answer or not gold:
        return False
    if _INTEGER.fullmatch(gold) and _INTEGER.fullmatch(answer):
        return _digits(gold) == _digits(answer)
    return None


def _digits(integer: str) -> tuple[bool, str]:
    """Sign and digits: int() refuses more than 4300 of them."""
    digits = integer.lstrip("+-").lstrip("0") or "0"
    return integer.startswith("-") and digits != "0", digits
