import asyncio
import math

import numpy as np
import pytest

from recipe.rlvr_math.reward.composed import with_judges
from recipe.rlvr_math.reward.contract import returned


def answer(data_source, solution_str, ground_truth, extra_info=None, *, scale=1.0):
    acc = float(solution_str == ground_truth)
    return {"score": scale * acc, "acc": acc, "pred": solution_str}


def short(response, verdict):
    return -0.1 * len(response)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({"score": 1.0}, "mine returns score, but no 'acc'"),
        ({"acc": 1.0, "pred": "5"}, "mine returns acc, pred, but no 'score'"),
        ({}, "mine returns nothing, but no 'score'"),
        ({"score": math.nan, "acc": 1}, "mine returns the score nan; it must be a finite number"),
        ({"score": "1", "acc": 1}, "mine returns the score '1'"),
        ({"score": 1, "acc": 0.5}, r"mine returns the verdict acc 0.5; it must be 1 \(right\) or 0 \(wrong\)"),
        ({"score": 1, "acc": None}, "mine returns the verdict acc None"),
        (0.5, "mine returns the verdict acc 0.5"),
        (None, "mine returns the score None"),
        ("right", "mine returns the score 'right'"),
    ],
)
def test_what_breaks_the_contract_is_said_in_one_sentence(result, message):
    with pytest.raises(ValueError, match=message):
        returned(result, "mine")


def test_what_keeps_it():
    assert returned({"score": np.float32(0.5), "acc": True, "rule": "x"}, "mine") == {"score": 0.5, "acc": 1.0, "rule": "x"}
    assert returned({"score": 1, "acc": 1, "pred": 5}, "mine")["pred"] == "5"
    assert returned({"score": 1, "acc": 1, "pred": None}, "mine")["pred"] is None
    assert returned(1, "mine") == {"score": 1.0, "acc": 1.0}
    assert returned({"score": np.array(-1), "acc": np.int64(0)}, "mine") == {"score": -1.0, "acc": 0.0}


def test_judges_add_to_the_score_and_never_to_the_verdict():
    function = with_judges(answer, short=short, kind=lambda response, verdict: verdict["acc"])
    assert function("any", "12", "12", {}) == {"score": 1 - 0.2 + 1, "acc": 1.0, "pred": "12", "short": -0.2, "kind": 1.0}
    assert function("any", "13", "12") == {"score": -0.2, "acc": 0.0, "pred": "13", "short": -0.2, "kind": 0.0}
    weighted = function("any", "12", "12", weights={"short": 10, "kind": 0}, scale=3)
    assert (weighted["score"], weighted["short"]) == (3 - 2, -0.2)


def test_an_async_reward_stays_async():
    async def asked(data_source, solution_str, ground_truth, extra_info=None):
        await asyncio.sleep(0)
        return answer(data_source, solution_str, ground_truth)

    function = with_judges(asked, short=short)
    assert asyncio.iscoroutinefunction(function)
    assert asyncio.run(function("any", "1", "1"))["score"] == 0.9


def test_what_a_judge_does_wrong_is_told_by_its_name():
    def fails(response, verdict):
        return 1 / 0

    for judge, message in (
        (fails, "the judge 'mine' fails for a response: ZeroDivisionError"),
        (lambda response, verdict: math.inf, "the judge 'mine' returns inf; it must return a finite number"),
        (lambda response, verdict: None, "the judge 'mine' returns None"),
    ):
        with pytest.raises(ValueError, match=message):
            with_judges(answer, mine=judge)("any", "1", "1")
    with pytest.raises(ValueError, match="answer returns 'pred' itself; give the judge another name"):
        with_judges(answer, pred=short)("any", "1", "1")
    with pytest.raises(ValueError, match="a weight for 'long', but no such judge; there are short"):
        with_judges(answer, short=short)("any", "1", "1", weights={"long": 1})
    with pytest.raises(ValueError, match="with_judges has no judge"):
        with_judges(answer)
    with pytest.raises(ValueError, match="<lambda> returns the score None"):
        with_judges(lambda **_: None, short=short)("any", "1", "1")


def test_composed_rewards_compose():
    once = with_judges(answer, short=short)
    twice = with_judges(once, again=short)
    assert twice("any", "1", "1")["score"] == pytest.approx(0.8)
    assert once.VERIFIER in twice.VERIFIER


def test_it_says_which_code_it_is_made_of(tmp_path):
    import importlib.util

    def loaded(text):
        (tmp_path / "mine.py").write_text(text)
        spec = importlib.util.spec_from_file_location("mine", tmp_path / "mine.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.judge

    first = with_judges(answer, mine=loaded("def judge(response, verdict): return 0\n")).VERIFIER
    other = with_judges(answer, mine=loaded("def judge(response, verdict): return 1\n")).VERIFIER
    assert first.split(";")[0] == other.split(";")[0]
    assert first != other
    assert with_judges(answer, mine=loaded("VERIFIER = 'rules 3'\ndef judge(*_): return 1\n")).VERIFIER.endswith("mine rules 3")
