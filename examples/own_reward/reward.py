"""Two reward functions: `compute_score` for questions with the choices A to E, `mathematics` for a judged whole response."""

import re
import unicodedata

from recipe.rlvr_math.reward import score
from recipe.rlvr_math.reward.composed import with_judges

_CHOICE = re.compile(r"answer\s{0,3}(?:is\s{0,3})?:?\s{0,3}\(?([A-E])\)?(?![A-Za-z])", re.IGNORECASE)


def compute_score(data_source, solution_str, ground_truth, extra_info=None, **_):
    """The last choice that the response calls its answer."""
    found = _CHOICE.findall(solution_str)
    pred = found[-1].upper() if found else ""
    acc = float(pred == str(ground_truth).strip().upper())
    return {"score": acc, "acc": acc, "pred": pred}


def one_answer_line(response, verdict):
    """Format: half a point less unless the last line alone gives an answer."""
    lines = response.strip().splitlines() or [""]
    answers = [line for line in lines if line.startswith("Answer:")]
    return 0.0 if len(answers) == 1 and answers[0] == lines[-1] else -0.5


def not_too_long(response, verdict, free=12_000, most=16_000):
    """Length: nothing up to `free` characters, then less and less, one point at `most`."""
    return -min(1.0, max(0.0, (len(response) - free) / (most - free)))


def mostly_latin(response, verdict):
    """Language: minus the share of letters that are neither Latin nor Greek, in any of Unicode's typefaces."""
    letters = [letter for letter in unicodedata.normalize("NFKC", response) if letter.isalpha()]
    foreign = sum(not unicodedata.name(letter, "").startswith(("LATIN", "GREEK")) for letter in letters)
    return -foreign / max(1, len(letters))


mathematics = with_judges(score.compute_score, format=one_answer_line, length=not_too_long, language=mostly_latin)
