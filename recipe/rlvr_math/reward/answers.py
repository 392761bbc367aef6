r"""Where the answer stands in a response.

The rule, to be applied by hand. Four things state an answer:

* a box: `\boxed{...}` or `\fbox{...}`, or `\boxed` before one number, letter or command without braces. Boxes with nothing but
  commas, "and" or "or" between them are one, which has the list of their contents;
* an answer line: a line that begins with "answer" and a colon (also the full-width one); only marks of Markdown, the number of
  an item and words such as "the", "final" or "so" may stand before, "is" between the two. What follows on it is the answer;
  if nothing does, the next line that is not empty is, or the formula displayed or the code fenced there;
* an answer heading: a line with nothing but such words and "answer", without a colon. What stands below is the answer, if it
  is alone there: at most two words beside formulas, or one word without a number or formula;
* "answer:" in the middle of a sentence, and an answer line with nothing but three or more words (no digit, no formula).

"Answer" is also the word for it in Chinese (before 是, 为 or a colon), Japanese, Korean, French, German, Dutch, Spanish,
Portuguese, Italian and Russian. Three Chinese or Japanese signs count as three words.

Empty ones are no statement, and an unclosed last box is no box. The last box, answer line or heading counts. Only where there
is none, the last of the fourth kind does. A box in an answer line begins later than the line, so it counts.

So "Answer: 5 ... I checked my answer: it is right", "\boxed{5} ... Answer:" say 5; "Answer: 5 ... no, \boxed{6}" says 6.
"""

from __future__ import annotations

import re

from recipe.rlvr_math.reward.answer_lines import MAX_ANSWER, SENTENCE, Found, answer_lines

_BOX = re.compile(r"\\(?:boxed|fbox)(?![A-Za-z])\s{0,8}")
_BETWEEN = re.compile(
    r"(?:[\s$]|\\[()\[\],; ]|\\q?quad|(?P<joint>[,;，、和或]|(?:\\text\s{0,2}\{\s{0,2})?(?:and|or)(?:\s{0,2}\})?))+"
)
_MAX_BETWEEN, _MAX_JOINED = 40, 20  # characters between two boxes that are one; how many there may be
_TOKEN = re.compile(r"-?\d+(?:\.\d+)?|\\[A-Za-z]+|[A-Za-z]", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_SPACING = re.compile(r"\\[,;:! ]|\\q?quad\b|~")
_SPACE = re.compile(r"(?<![A-Za-z0-9])\s+|\s+(?![A-Za-z0-9])")  # not that of "\\pi r" or "1 2"
_STYLE = re.compile(r"\\(?:left|right|displaystyle)(?![A-Za-z])")
_PERCENT = re.compile(r"\s*\\?%$")
_EMPHASIS = re.compile(r"[\d})\]$%.]\*\Z")  # of a line in italics as a whole; the star of `A^*` is none
_DELIMITERS = (
    ("$$", "$$"),
    ("$", "$"),
    (r"\(", r"\)"),
    (r"\[", r"\]"),
    ("**", "**"),
    ("__", "__"),
    ("*", "*"),
    ("_", "_"),
    ("`", "`"),
)


def find_answer(response: str) -> Found | None:
    """The answer that counts, by the rule above; None if there is none. What is longer than MAX_ANSWER is cut to one more."""
    box, lines = _last_box(response), answer_lines(response)
    proper = next((line for line in reversed(lines) if line.place != SENTENCE), None)
    if box and (proper is None or box.start > proper.start):
        return box
    return proper or (lines[-1] if lines else None)


def final_answer(response: str) -> str | None:
    """The text of the answer that counts; None if there is none. May be empty."""
    found = find_answer(response)
    return found and found.text


def _last_box(response: str) -> Found | None:
    """The last box that is not empty; the last one, if all are empty; None if the last one is not closed."""
    matches = list(_BOX.finditer(response))
    for number in reversed(range(len(matches))):
        box = _box(response, matches[number])
        if box is None and number == len(matches) - 1:
            return None
        if box and box.text.strip():
            return _joined(response, matches, number, box)
    return _box(response, matches[-1]) if matches else None


def _joined(response: str, matches: list[re.Match], number: int, last: Found) -> Found:
    """The box with those before it to which it is joined. It begins where the last one does."""
    texts, start = [last.text], last.start
    for match in matches[max(0, number - _MAX_JOINED) : number][::-1]:
        if start - match.start() > MAX_ANSWER or (box := _box(response, match)) is None or not box.text.strip():
            break
        end = response.index(box.text, match.end()) + len(box.text) + (box.place == "box")
        between = _BETWEEN.fullmatch(response, end, start) if start - end <= _MAX_BETWEEN else None
        if between is None or not between["joint"]:
            break
        texts, start = [box.text, *texts], box.start
    return last if len(texts) == 1 else Found(", ".join(texts), "joined boxes", last.start)


def _box(response: str, match: re.Match) -> Found | None:
    if response[match.end() : match.end() + 1] != "{":
        token = _TOKEN.match(response, match.end())
        return Found(token[0], "box without braces", match.start()) if token else None
    content = _braced(response[match.end() + 1 : match.end() + MAX_ANSWER + 3])
    return None if content is None else Found(content, "box", match.start())


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
    """`answer` without spaces, formula signs and Markdown marks around all of it, and without a full stop or "?" at its end."""
    before = None
    while answer != before:
        before = answer
        answer = answer.strip()
        if answer.endswith((".", "?", "\u3002", "\uff0e", "\uff1f")):
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
        if _EMPHASIS.search(answer) and answer.count("*") == 1:
            answer = answer[:-1]
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
