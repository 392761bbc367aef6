r"""Where the answer stands in a response.

The rule, to be applied by hand. Three things state an answer:

* a box: `\boxed{...}` or `\fbox{...}`, or `\boxed` before one number, letter or command without braces;
* an answer line: a line that begins with "answer" and a colon (also the full-width one); only marks of Markdown, the number of
  an item and words such as "the", "final" or "so" may stand before, "is" between the two. What follows on it is the answer;
  if nothing does, the next line that is not empty is, or the formula displayed or the code fenced there;
* "answer:" in the middle of a sentence, and an answer line with nothing but three or more words (no digit, no formula).

Empty ones are no statement, and an unclosed last box is no box. The last box or answer line counts. Only where there is none,
the last of the third kind does. A box in an answer line begins later than the line, so it counts.

So "Answer: 5 ... I checked my answer: it is right", "\boxed{5} ... Answer:" say 5; "Answer: 5 ... no, \boxed{6}" says 6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_ANSWER = 1000  # characters; what is longer is no answer (the longest of the seven data sets has some hundred)

# Every repetition is bounded, so that a megabyte of anything takes milliseconds.
_MARK = r"(?:\*\*|__|\*|_|`)?"
_LINE = re.compile(
    rf"\banswer\s{{0,8}}{_MARK}(?:\s{{1,8}}is)?\s{{0,8}}[:\uff1a]\s{{0,8}}(?:\*\*|__)?"
    r"[^\S\n]{0,8}(?:\n[^\S\n]{0,8}){0,2}([^\n]{0,1001})",
    re.IGNORECASE,
)
_BEGIN = re.compile(
    r"(?:[^\S\n]{0,8}\d{1,2}[.)])?[\s#>*_\-•✅]*(?:(?:my|the|so|thus|and|therefore,?|hence,?|final|correct)\s+)*(?:\*\*|__)?",
    re.IGNORECASE,
)
_BOX = re.compile(r"\\(?:boxed|fbox)(?![A-Za-z])\s{0,8}")
_TOKEN = re.compile(r"-?\d+(?:\.\d+)?|\\[A-Za-z]+|[A-Za-z]", re.ASCII)
_VALUE = re.compile(r"[\d$\\]")
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_SPACING = re.compile(r"\\[,;:! ]|\\q?quad\b|~")
_SPACE = re.compile(r"(?<![A-Za-z0-9])\s+|\s+(?![A-Za-z0-9])")  # not that of "\\pi r" or "1 2"
_STYLE = re.compile(r"\\(?:left|right|displaystyle)(?![A-Za-z])")
_PERCENT = re.compile(r"\s*\\?%$")
_DELIMITERS = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), ("**", "**"), ("__", "__"), ("`", "`"))


@dataclass(frozen=True)
class Found:
    """A stated answer: its text (may be empty in a box), which kind of statement it is, and where in the response it begins."""

    text: str
    place: str
    start: int


def find_answer(response: str) -> Found | None:
    """The answer that counts, by the rule above; None if there is none. What is longer than MAX_ANSWER is cut to one more."""
    box, lines = _last_box(response), _lines(response)
    proper = next((line for line in reversed(lines) if line.place != SENTENCE), None)
    if box and (proper is None or box.start > proper.start):
        return box
    return proper or (lines[-1] if lines else None)


def final_answer(response: str) -> str | None:
    """The text of the answer that counts; None if there is none. May be empty."""
    found = find_answer(response)
    return found and found.text


SENTENCE = "answer: in a sentence"


def _last_box(response: str) -> Found | None:
    """The last box that is not empty; the last one, if all are empty; None if the last one is not closed."""
    matches = list(_BOX.finditer(response))
    boxes = (_box(response, match) for match in reversed(matches))
    last = next(boxes, None)
    if last is None or last.text.strip():
        return last
    return next((box for box in boxes if box and box.text.strip()), last)


def _box(response: str, match: re.Match) -> Found | None:
    if response[match.end() : match.end() + 1] != "{":
        token = _TOKEN.match(response, match.end())
        return Found(token[0], "box without braces", match.start()) if token else None
    content = _braced(response[match.end() + 1 : match.end() + MAX_ANSWER + 3])
    return None if content is None else Found(content, "box", match.start())


def _lines(response: str) -> list[Found]:
    """The last lines that have an answer: the last proper one and what follows it."""
    found: list[Found] = []
    if "answer" not in response.lower():  # ten times as fast as the pattern
        return found
    for match in _LINE.finditer(response):
        text = _displayed(response, match)
        if not text.strip(" \t*_`."):
            continue
        words = _VALUE.search(text) is None and len(text.split()) > 2
        proper = not words and _begins_line(response, match.start())
        place = SENTENCE if not proper else "answer line" if "\n" not in match[0] else "below the answer line"
        found = [*(line for line in found[-1:] if not proper and line.place != SENTENCE), Found(text, place, match.start())]
    return found


def _begins_line(text: str, position: int) -> bool:
    before = text[max(0, position - 40) : position].rpartition("\n")
    return (bool(before[1]) or position <= 40) and _BEGIN.fullmatch(before[2]) is not None


def _displayed(response: str, line: re.Match) -> str:
    """The answer of a line; that of the next lines, if it has only the opening sign of a displayed formula."""
    closing = {"$$": "$$", r"\[": r"\]", "```": "```"}.get(line[1].strip())
    if closing:
        content, closed, _ = response[line.end() : line.end() + MAX_ANSWER + 2].partition(closing)
        if closed:
            return content.strip()
    return line[1]


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
        answer = _PERCENT.sub("", undressed(answer))
    return answer


def undressed(answer: str) -> str:
    """`answer` without spaces, formula signs and Markdown marks around all of it, and without a full stop at its end."""
    before = None
    while answer != before:
        before = answer
        answer = answer.strip()
        if answer.endswith((".", "\u3002", "\uff0e")):
            answer = answer[:-1].rstrip()
        for opening, closing in _DELIMITERS:
            inner = answer[len(opening) : -len(closing)]
            if answer.startswith(opening) and answer.endswith(closing) and len(answer) > len(opening + closing):
                answer = answer if closing in inner or opening in inner else inner
        for mark in ("**", "__"):  # of a line that is bold as a whole
            if answer.endswith(mark) and answer.count(mark) == 1:
                answer = answer[: -len(mark)]
            if answer.startswith(mark) and answer.count(mark) == 1:
                answer = answer[len(mark) :]
    return answer


def normalise(answer: str) -> str:
    """The same answer in one way of writing it: no spacing, one kind of fraction and bracket."""
    answer = _SPACING.sub(" ", clean(answer))
    answer = _STYLE.sub("", answer).replace(r"\dfrac", r"\frac").replace(r"\tfrac", r"\frac")
    return _SPACE.sub("", answer).strip()


def quick_verdict(gold: str, answer: str) -> bool | None:
    """Whether two normalised answers agree, where equal strings or integers show it; else None."""
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
