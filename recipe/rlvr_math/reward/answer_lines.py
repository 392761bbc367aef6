"""Answer lines and answer headings of a response; `answers` has the rule, of which these are the last three kinds."""

from __future__ import annotations

import heapq
import re
from dataclasses import dataclass

MAX_ANSWER = 1000  # characters; what is longer is no answer (the longest of the seven data sets has some hundred)


@dataclass(frozen=True)
class Found:
    """A stated answer: its text (may be empty in a box), which kind of statement it is, and where in the response it begins."""

    text: str
    place: str
    start: int


SENTENCE = "answer: in a sentence"
# "Answer" in other languages, before a colon. Chinese and Japanese need none after "the answer is".
_WORDS = "antwort|antwoord|respuesta|resposta|risposta|réponse|ответ"
_SIGNS = "答案|答え|解答|정답|答|답"
_OTHERS = (*_WORDS.split("|"), "答", "답")
_OTHERS_ASCII = tuple(word for word in _OTHERS if word.isascii())

# Every repetition is bounded, so that a megabyte of anything takes milliseconds.
_MARK = r"(?:\*{1,3}|__|_|`)?"
_TEXT = r"[^\S\n]{0,8}(?:\n[^\S\n]{0,8}){0,2}([^\n]{0,1001})"
_AFTER_COLON = r"(?:\*{3}|\*(?!\*)|_(?!_))?\s{0,8}(?:\*\*|__)?"
_HEADING = r"(?P<heading>(?:\*{1,3}|__?)?[^\S\n]{0,8}\n)"
_LINE = re.compile(
    rf"\banswer(?:\s{{0,8}}{_MARK}(?:\s{{1,8}}is)?\s{{0,8}}[:：]{_AFTER_COLON}{_TEXT}|{_HEADING}(?={_TEXT}))",
    re.IGNORECASE,
)
_OTHER_LINE = re.compile(
    rf"(?:(?:(?<!\w)(?:{_WORDS})(?:\s{{1,4}}finale?)?|{_SIGNS})"
    rf"(?:\s{{0,8}}{_MARK}(?:\s{{0,8}}(?:is|ist|es|est|é|è|是|为|為|は))?\s{{0,8}}[:：]{_AFTER_COLON}{_TEXT}"
    rf"|{_HEADING}(?={_TEXT}))"
    rf"|(?:答案(?:是|为|為)|答えは)(?!什么|否|何|不){_AFTER_COLON}{_TEXT})",
    re.IGNORECASE,
)
_BEGIN = re.compile(
    r"(?:[^\S\n]{0,8}\d{1,2}[.)])?[\s#>*_\-•✅]*"
    r"(?:(?:my|the|so|thus|and|therefore,?|hence,?|final|correct|la|le|die|el|a)\s+"
    r"|最终|最后|正确|因此|所以|综上所述|综上|故|则|即|本题|该题|此题|题目|其|的|最終|したがって|よって|최종|[，,、\s])*(?:\*{1,3}|__)?",
    re.IGNORECASE,
)
_VALUE = re.compile(r"[\d$\\]")
_FORMULA = re.compile(r"\$[^$]*\$|\\\(.*?\\\)|\\[A-Za-z]+")
_WORD = re.compile(r"[^\W\d_]{2,}")
_SIGN = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


def answer_lines(response: str) -> list[Found]:
    """The last lines that have an answer: the last proper one and what follows it."""
    found: list[Found] = []
    for match in _matches(response):
        text, proper = _displayed(response, match), _begins_line(response, match.start())
        if not text.strip(" \t*_`。."):
            continue
        if match["heading"]:
            if not proper or not _alone(text):
                continue
            place = "below the answer heading"
        else:
            words = _VALUE.search(text) is None and (len(text.split()) > 2 or len(_SIGN.findall(text)) > 2)
            proper = proper and not words
            place = SENTENCE if not proper else "answer line" if "\n" not in match[0] else "below the answer line"
        found = [*(line for line in found[-1:] if not proper and line.place != SENTENCE), Found(text, place, match.start())]
    return found


def _matches(response: str):
    """In the order of the response. Looking for the words first is ten times as fast as the patterns."""
    small = response.lower()
    lines = _LINE.finditer(response) if "answer" in small else iter(())
    if any(word in small for word in (_OTHERS_ASCII if response.isascii() else _OTHERS)):
        return heapq.merge(lines, _OTHER_LINE.finditer(response), key=re.Match.start)
    return lines


def _begins_line(text: str, position: int) -> bool:
    before = text[max(0, position - 40) : position].rpartition("\n")
    return (bool(before[1]) or position <= 40) and _BEGIN.fullmatch(before[2]) is not None


def _alone(text: str) -> bool:
    """Whether a line has nothing but a value: at most two words beside its formulas, and one if it has no number or formula."""
    outside = _FORMULA.sub(" ", text)
    return len(_SIGN.findall(outside)) <= 4 and len(_WORD.findall(outside)) <= (2 if _VALUE.search(text) else 1)


def _displayed(response: str, line: re.Match) -> str:
    """The answer of a line; that of the next lines, if it has only the opening sign of a displayed formula."""
    text, end = line[line.lastindex], line.end(line.lastindex)  # that of a heading is looked ahead at
    closing = {"$$": "$$", r"\[": r"\]", "```": "```"}.get(text.strip())
    if closing:
        content, closed, _ = response[end : end + MAX_ANSWER + 2].partition(closing)
        if closed:
            return content.strip()
    return text
