"""The example of docs/own-reward.md: it keeps the contract, verl loads it, and the guide shows it as it is."""

import re

import pytest

from examples.own_reward import reward
from recipe.rlvr_math.reward.contract import returned
from tests import ROOT

PATH = "examples/own_reward/reward.py"
FOREIGN = "ответ очевиден"


@pytest.mark.parametrize(
    ("response", "pred"),
    [
        ("The answer is (B).", "B"),
        ("Answer: c", "C"),
        ("My answer is A. No, the answer: D", "D"),
        ("An answer at last", ""),
        ("", ""),
        ("answer " * 200_000, ""),
    ],
)
def test_choices(response, pred):
    assert reward.compute_score("choice", response, "B") == {
        "score": float(pred == "B"),
        "acc": float(pred == "B"),
        "pred": pred,
    }


@pytest.mark.parametrize("response", ["", "\n", "Answer: 4", "x" * 10**6, FOREIGN, "\ud800", "Answer: \x00"])
@pytest.mark.parametrize("function", [reward.compute_score, reward.mathematics], ids=["choice", "mathematics"])
def test_every_response_gets_the_same_keys_and_types(function, response):
    usual = returned(function("any", "Answer: 5", "5", None), "usual")
    found = returned(function("any", response, "5", {"index": 1}), "odd")
    assert {key: type(value) for key, value in found.items()} == {key: type(value) for key, value in usual.items()}


def test_the_judges():
    assert reward.one_answer_line("so\nAnswer: 4\n", {}) == 0
    assert reward.one_answer_line("Answer: 4\nAnswer: 4", {}) == -0.5
    assert reward.one_answer_line("Answer: 4\nI hope", {}) == -0.5
    assert reward.one_answer_line("", {}) == -0.5
    assert [reward.not_too_long("x" * n, {}) for n in (0, 12_000, 14_000, 10**6)] == [0, 0, -0.5, -1]
    assert reward.mostly_latin("The angle \u03b1 is 90\u00b0, x \u2208 \u211d\n", {}) == 0  # alpha, the set of reals
    assert reward.mostly_latin("", {}) == 0
    assert reward.mostly_latin(FOREIGN, {}) == -1


def test_the_verdict_stays_the_answers():
    right = f"{FOREIGN}\nAnswer: 5"
    found = reward.mathematics("math", right, "5")
    assert (found["acc"], found["pred"], found["format"], found["length"]) == (1.0, "5", 0.0, 0.0)
    assert found["score"] == 1 + found["language"] < 0.5
    assert reward.mathematics("math", "Answer: 6", "5")["acc"] == 0.0


@pytest.mark.parametrize("name", ["compute_score", "mathematics"])
def test_verl_loads_it(compose, monkeypatch, name):
    from recipe.runs.reward_function import call_reward, load_reward

    monkeypatch.chdir(ROOT)
    overrides = [f"reward.custom_reward_function.path={PATH}", f"reward.custom_reward_function.name={name}"]
    weights = "+reward.custom_reward_function.reward_kwargs.weights"
    if name == "mathematics":
        overrides += [
            f"{weights}.format=2",
            f"{weights}.language=0",
            "+reward.custom_reward_function.reward_kwargs.wrong_score=-1",
        ]
    function = load_reward(compose(*overrides))
    result = call_reward(function, "any", f"{FOREIGN}: Answer: b", "A", {"index": 3})
    assert result["score"] == (0.0 if name == "compute_score" else -1 + 2 * -0.5)
    assert result["acc"] == 0.0


def test_an_evaluation_says_which_code_it_is_made_of(compose, monkeypatch):
    from recipe.rlvr_math.evaluation.scoring import describe_verifier
    from recipe.rlvr_math.reward import score

    monkeypatch.chdir(ROOT)
    overrides = [f"reward.custom_reward_function.path={PATH}", "reward.custom_reward_function.name=mathematics"]
    described = describe_verifier(compose(*overrides))
    assert described.startswith("reward.py:with_judges(compute_score, format, length, language) compute_score ")
    assert score.VERIFIER in described
    assert len(set(re.findall(r"(?:format|length|language) sha256 (\w{12})", described))) == 1


def test_the_guide_shows_it_as_it_is():
    guide = (ROOT / "docs/own-reward.md").read_text()
    excerpts = re.findall(r"^\*\*(\S+)\*\*\n\n```python\n(.*?)^```$", guide, flags=re.MULTILINE | re.DOTALL)
    assert len(excerpts) == guide.count("```python") == 3
    for name, code in excerpts:
        assert f"\n{code}" in (ROOT / name).read_text()
