"""The reward beside verl's `math_dapo` on the same responses: where they agree, and every kind of difference."""

import pytest

from recipe.rlvr_math.reward.score import compute_score
from tests import ROOT

AGREE = [
    ("Answer: 34", "34", True),
    ("Answer: $34$", "34", True),
    ("Answer: 35", "34", False),
    ("first Answer: 1\nAnswer: 34", "34", True),
    (r"so \boxed{34}", "34", True),
    (r"so \boxed{3", "34", False),
    (r"\boxed{1}" + "\nAnswer: 34", "34", True),
    ("Answer: 1,234", "1234", True),
    (r"Answer: \boxed{34}", "34", True),
    (r"Answer: 34 \text{ cm}", "34", True),
    ("Answer: x = 34", "34", True),
    ("34", "34", False),
    ("", "34", False),
]
# response, right answer, here, `math_dapo`, why
DIFFER = [
    ("Answer: 0.5", "1/2", True, False, "equal numbers"),
    (r"Answer: \frac{2}{4}", r"\frac{1}{2}", True, False, "equal fractions"),
    ("Answer: 34.0", "34", True, False, "equal numbers"),
    ("Answer: 034", "34", True, False, "leading zero"),
    ("Answer: 2, 1", "1, 2", True, False, "a set has no order"),
    ("Answer: 34.", "34", True, False, "full stop"),
    ("**Answer:** 34", "34", True, False, "Markdown"),
    ("Answer: 34\n" + "words " * 60, "34", True, False, "before the last 300 characters"),
    (r"\boxed{34}" + " words" * 20, "34", True, False, "before the last 100 characters"),
    ("Answer: 1\n" + r"no, \boxed{34}", "34", True, False, "a box after the answer line"),
    (r"\boxed{\frac12}", "0.5", True, False, "math_dapo takes a box literally"),
    (r"Answer: 1 2", "12", False, True, "math_dapo removes all spaces"),
    ("Answer: an apple", "apple", False, True, "math_dapo removes articles"),
]


def both(response, truth):
    from verl.utils.reward_score import math_dapo

    return bool(compute_score("math_dapo", response, truth)["acc"]), bool(math_dapo.compute_score(response, truth)["acc"])


@pytest.mark.parametrize(("response", "truth", "right"), AGREE)
def test_where_they_agree(response, truth, right):
    assert both(response, truth) == (right, right)


@pytest.mark.parametrize(("response", "truth", "here", "dapo", "why"), DIFFER, ids=lambda value: None)
def test_where_they_differ(response, truth, here, dapo, why):
    assert both(response, truth) == (here, dapo), why


@pytest.mark.parametrize("path", ["pkg://recipe.rlvr_math.reward.score", "recipe/rlvr_math/reward/score.py"])
def test_verl_loads_it_with_keywords(compose, path, monkeypatch):

    from verl.trainer.ppo.reward import get_custom_reward_fn

    monkeypatch.chdir(ROOT)
    function = f"reward.custom_reward_function.path={path}"
    config = compose(function, "+reward.custom_reward_function.reward_kwargs.wrong_score=-1")
    score = get_custom_reward_fn(config)
    assert score(data_source="math", solution_str="Answer: 1", ground_truth="34", extra_info={})["score"] == -1.0


@pytest.mark.parametrize("manager", ["dapo", "naive"])
def test_verls_reward_managers_take_it(compose, manager):
    """They call it from threads and merge what it returns into the sample."""
    import asyncio

    import numpy as np
    import torch
    from verl import DataProto
    from verl.trainer.ppo.reward import load_reward_manager

    responses = ["Answer: 34", r"\boxed{9^{9^{9^{9}}}}", r"\boxed{\frac{68}{2}}", "", r"\boxed{17 \cdot 2}", "Answer: 35"]

    class Tokenizer:
        def decode(self, ids, skip_special_tokens):
            return responses[int(ids[0])]

    def sample(number):
        columns = {"data_source": "math", "reward_model": {"ground_truth": "34"}, "extra_info": {"index": number}}
        tensors = {"responses": torch.tensor([[number]]), "attention_mask": torch.ones(1, 2, dtype=torch.long)}
        objects = {key: np.array([value], dtype=object) for key, value in columns.items()}
        return DataProto.from_dict(tensors=tensors, non_tensors=objects)

    config = compose(
        "reward.custom_reward_function.path=pkg://recipe.rlvr_math.reward.score",
        f"reward.reward_manager.name={manager}",
        "reward.reward_kwargs.overlong_buffer_cfg.enable=False",
        "+reward.custom_reward_function.reward_kwargs.timeout=0.5",
    )

    async def run():
        loop_manager = load_reward_manager(config, Tokenizer())
        loop_manager.loop = asyncio.get_running_loop()
        return await asyncio.gather(*(loop_manager.run_single(sample(number)) for number in range(len(responses))))

    results = asyncio.run(run())
    assert [result["reward_score"] for result in results] == [1.0, 0.0, 1.0, 0.0, 1.0, 0.0]
    assert [result["reward_extra_info"]["timeout"] for result in results] == [0.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    for key in ("acc", "pred", "answered", "timeout"):
        column = np.array([result["reward_extra_info"][key] for result in results])
        assert column.dtype.kind == ("U" if key == "pred" else "f")
