"""The reward of a mathematical answer, one function for training and evaluation.

    reward.custom_reward_function.path=pkg://recipe.rlvr_math.reward.score
    +reward.custom_reward_function.reward_kwargs.wrong_score=-1       # DAPO's reward, +1 or -1

verl 0.9.1 takes `pkg://` as well as the path of this file. Only expressions that are no plain numbers go to computer algebra,
in processes of `verifier_pool`. docs/verdicts.md has the rules and what was measured; `python -m recipe.rlvr_math.reward.judge`
explains a verdict.

Differences from verl's `math_dapo`, each of them an example in tests/rlvr_math/reward/test_score_against_dapo.py:

* Equality is mathematical: 1/2, 0.5 and \\frac{1}{2} are one. `math_dapo` compares strings, after removing units and words.
* The last box or answer line counts, wherever it is in the response. `math_dapo` looks at the last 300 characters, and there
  at a box only if they have no "Answer:", and only within the last 100.
* `math_dapo` removes "a ", "an ", "square", "cm" and more from any text and takes equal remainders for equal answers.
* The score of a wrong answer is 0, not -1, and `acc` is a number, not a boolean.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from recipe.rlvr_math.reward.algebra import NeedsAlgebra
from recipe.rlvr_math.reward.answers import MAX_ANSWER, final_answer, normalise, quick_verdict
from recipe.rlvr_math.reward.equality import Judge
from recipe.rlvr_math.reward.stated import NOTHING, Stated
from recipe.rlvr_math.reward.thinking import TAGS, after_thinking
from recipe.rlvr_math.reward.verifier_pool import VerifierTimeout, pool

MATH_VERIFY = "0.9.0"
_FROM_VERL = {"reward_router_address", "reward_model_tokenizer"}  # given to every reward function where a judge model runs

try:
    _installed = version("math-verify")
except PackageNotFoundError:
    _installed = "no version"
if _installed != MATH_VERIFY:  # verdicts differ between versions
    raise ImportError(
        f"the reward needs math-verify {MATH_VERIFY}, and {_installed} is installed; pip install math-verify=={MATH_VERIFY}",
        name="math_verify",
    )


def _digest() -> str:
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


# Which verdicts these are, for the settings of an evaluation.
VERIFIER = f"sha256 {_digest()}, math-verify {MATH_VERIFY}"


def compute_score(
    data_source,
    solution_str,
    ground_truth,
    extra_info=None,
    *,
    wrong_score: float = 0.0,
    timeout: float = 5.0,
    thinking: str = "none",
    thinking_tags=TAGS,
    **others,
) -> dict[str, float | str]:
    """Score a response.

    Args:
        data_source: not read; verl gives it.
        extra_info: the row's; of it the fields of `stated.Stated` (unit, error and more), where it has them.
        solution_str: the response.
        ground_truth: the right answer in LaTeX or plain text; several are separated by commas.
        wrong_score: the score of a wrong answer; -1 as in DAPO.
        timeout: seconds of CPU time for one comparison by computer algebra; it takes at most four times as long on the clock,
            and what other threads' answers take where all verifier processes are busy.
        thinking, thinking_tags: which part of the response may hold the answer, see `thinking`.

    Returns:
        The same keys with the same types for every response:
        score: 1.0 or `wrong_score`. acc: 1.0 or 0.0.
        pred: the answer, normalised; "" if there is none.
        answered: 1.0 if an answer was found, which may be empty or too long.
        timeout: 1.0 if the comparison reached its time limit or broke its process; the answer counts as wrong.

    Raises:
        TypeError: an unknown keyword.
        RuntimeError: no verifier process can be started.
    """
    if unknown := set(others) - _FROM_VERL:
        raise TypeError(
            f"compute_score has no keyword {', '.join(sorted(unknown))}; it has wrong_score, timeout, "
            "thinking and thinking_tags"
        )
    answer = final_answer(after_thinking(solution_str, thinking, thinking_tags))
    timed_out = False
    if answer is None or len(answer) > MAX_ANSWER:
        right = False
    else:
        try:
            right = decide(str(ground_truth), answer, timeout, Stated.of(extra_info))[0]
        except VerifierTimeout:
            right, timed_out = False, True
    return {
        "score": 1.0 if right else float(wrong_score),
        "acc": float(right),
        "pred": normalise((answer or "")[:MAX_ANSWER]).encode("utf-8", "replace").decode(),
        "answered": float(answer is not None),
        "timeout": float(timed_out),
    }


def same_answer(gold: str, answer: str, timeout: float) -> bool:
    """Whether `answer` equals `gold`. Raises VerifierTimeout if that is not decided in `timeout` seconds."""
    return decide(gold, answer, timeout)[0]


def decide(gold: str, answer: str, timeout: float, stated: Stated = NOTHING) -> tuple[bool, list[str]]:
    """The verdict, and the rules by which it was found. Raises VerifierTimeout."""
    quick = quick_verdict(gold.strip(), answer.strip())
    if quick or (quick is False and stated.error is None):
        return quick, ["the same text" if gold.strip() == answer.strip() else "integers"]
    if len(gold) > MAX_ANSWER:
        return False, [f"a gold of more than {MAX_ANSWER} characters is met only by its own text"]
    judge = Judge()
    try:
        return judge.decide(gold, answer, stated), judge.rules
    except NeedsAlgebra:
        return pool().decide(gold, answer, timeout, stated)
