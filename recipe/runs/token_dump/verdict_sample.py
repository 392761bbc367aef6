"""A sample of a step's verdicts: which ones, and their file `verdicts_<n>.parquet` beside the token dump.

Of any reward function that returns `pred`, the answer which it found, beside `acc`. Preferred are the verdicts that a person
should look at, because a plain comparison of texts, made here without the reward, does not agree with them. One row a response:

    step, prompt_id, session, data_source, ground_truth, pred, acc
    disagreement   "equal but wrong": judged wrong, though both are one text in another dress (case, spacing, dollars, braces);
                   "right but different": judged right, though not the same string; "timeout": the reward says that it gave up;
                   "" none of these
    details        the reward's other values, a JSON object
    prompt         the whole prompt
    response_end   the last RESPONSE_END tokens, where the answer usually stands

The file's key-value metadata has "verdicts", a JSON object: format, responses (of the step), and disagreements, how many
of these responses are of each kind.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from recipe.files.scalars import scalar

FORMAT = 1
RESPONSE_END = 256  # tokens
EQUAL_BUT_WRONG, RIGHT_BUT_DIFFERENT, TIMEOUT = KINDS = ("equal but wrong", "right but different", "timeout")
COLUMNS = ("data_source", "ground_truth", "pred", "disagreement", "details", "prompt", "response_end", "prompt_id")
_DRESS = re.compile(r"\\(?:left|right|displaystyle|[,;:!])(?![A-Za-z])|\\q?quad(?![A-Za-z])|\\[()\[\]]|[\s${}~*`]")
_FRACTION = re.compile(r"\\[dt]frac(?![A-Za-z])")


def loose(text: str) -> str:
    """Equal for texts that differ only in case, spacing, LaTeX's sizes, dollar signs, braces, or a full stop at the end."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return _DRESS.sub("", _FRACTION.sub(r"\\frac", text)).rstrip(".")


def disagreement(ground_truth: str, info: Mapping[str, Any]) -> str:
    """The kind of a verdict, "" for an ordinary one. info: verl's `reward_extra_info`, that is what the reward returned."""
    if _number(info.get("timeout")):
        return TIMEOUT
    acc, pred = _number(info.get("acc")), info.get("pred")
    if acc is None or not isinstance(pred, str):
        return ""
    if acc >= 0.5:
        return RIGHT_BUT_DIFFERENT if pred.strip() != ground_truth.strip() else ""
    return EQUAL_BUT_WRONG if pred and loose(pred) == loose(ground_truth) else ""


def choose(kinds: Sequence[str], pairs: Sequence[tuple], order: Sequence[int], most: int) -> list[int]:
    """The rows to keep, at most `most`: disagreements of different `pairs` (answers) first, a quarter for ordinary verdicts.

    Args:
        kinds: `[N]` from `disagreement`.
        pairs: `[N]` what a person would look at once, as (ground truth, answer).
        order: `[N]` numbers that order the rows at random, but always alike.
    """
    ranks = {kind: rank for rank, kind in enumerate(KINDS)}
    rows = sorted(range(len(kinds)), key=lambda i: (ranks.get(kinds[i], len(ranks)), order[i]))
    odd, ordinary = ([i for i in rows if bool(kinds[i]) is wanted] for wanted in (True, False))
    seen: set[tuple] = set()
    again = []
    first = []
    for i in odd:
        (again if (kinds[i], pairs[i]) in seen else first).append(i)
        seen.add((kinds[i], pairs[i]))
    room = most - min(len(ordinary), most // 4)
    chosen = (first + again)[:room]
    return sorted(chosen + ordinary[: most - len(chosen)])


def details(info: Mapping[str, Any]) -> str:
    """What else the reward returned, as a JSON object; what is no scalar becomes text, what is not finite too."""
    return json.dumps({str(k): scalar(v) for k, v in info.items() if k not in ("acc", "pred")}, ensure_ascii=False)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
