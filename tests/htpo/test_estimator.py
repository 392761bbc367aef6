"""The advantage estimator registered with verl: GRPO's advantages, and the partition with the batch."""

import numpy as np
import pytest
import torch
from verl.trainer.config import AlgoConfig
from verl.trainer.ppo.core_algos import compute_grpo_outcome_advantage, get_adv_estimator_fn

from recipe.htpo import HTPOConfig, partition_tokens
from recipe.htpo.metrics import partition_metrics
from recipe.token_level.context import EstimatorInputs, handing_estimator

T = 6


def inputs_for(keys, acc, settings=None, padding=None):
    rng = np.random.default_rng(0)
    return EstimatorInputs(
        settings=settings or HTPOConfig(),
        keys=keys,
        is_padding=np.zeros(len(keys), dtype=bool) if padding is None else np.array(padding),
        entropy=torch.from_numpy(rng.random((len(keys), T))),
        acc=np.array(acc, dtype=float),
    )


def rows(n_prompts=3, n=4):
    keys = [f"p{i}_{j}_0" for i in range(n_prompts) for j in range(n)]
    acc = [(i + j) % 3 == 0 for i in range(n_prompts) for j in range(n)]
    mask = (torch.arange(T) < torch.arange(len(keys))[:, None] % T + 1).long()
    rewards = torch.zeros(len(keys), T)
    rewards[:, 0] = torch.tensor(acc).float() - 0.1 * torch.arange(len(keys))
    return keys, acc, mask, rewards, np.array([key.split("_")[0] for key in keys], dtype=object)


@pytest.mark.parametrize("norm", [True, False])
def test_advantages_are_verls_grpo_advantages(norm):
    keys, acc, mask, rewards, index = rows()
    with handing_estimator(inputs_for(keys, acc)):
        advantages, returns = get_adv_estimator_fn("htpo")(
            token_level_rewards=rewards.clone(),
            response_mask=mask,
            index=index,
            config=AlgoConfig(norm_adv_by_std_in_grpo=norm),
        )
    expected, _ = compute_grpo_outcome_advantage(rewards.clone(), mask, index, norm_adv_by_std_in_grpo=norm)
    torch.testing.assert_close(advantages, expected, rtol=1e-5, atol=1e-6)  # verl's are computed in float32
    assert torch.equal(returns, advantages)


def test_without_a_config_advantages_are_divided_by_the_deviation():
    keys, acc, mask, rewards, index = rows()
    found = []
    for config in (None, {}, AlgoConfig()):
        with handing_estimator(inputs_for(keys, acc)):
            found.append(
                get_adv_estimator_fn("htpo")(token_level_rewards=rewards, response_mask=mask, index=index, config=config)[0]
            )
    assert torch.equal(found[0], found[2])
    assert torch.equal(found[1], found[2])


def test_the_partition_uses_the_verdict_not_the_reward():
    keys, acc, mask, rewards, index = rows()
    rewards = rewards - 10  # a length penalty makes right answers negative
    inputs = inputs_for(keys, acc)
    with handing_estimator(inputs):
        get_adv_estimator_fn("htpo")(token_level_rewards=rewards, response_mask=mask, index=index, config=AlgoConfig())
    accuracy = torch.tensor(acc).float().view(3, 4).mean(dim=1).repeat_interleave(4)
    expected = partition_tokens(inputs.entropy, mask, accuracy < 0.6, torch.tensor(acc), HTPOConfig())
    assert torch.equal(inputs.token_fields["token_groups"], expected)
    assert inputs.metrics["htpo/correct_share"] == pytest.approx(np.mean(acc))
    assert inputs.metrics["htpo/hard_prompt_share"] == 1.0  # 2, 1 and 1 of 4
    assert partition_metrics(expected, inputs.entropy).items() <= inputs.metrics.items()
    assert inputs.metrics["timing_s/token_partition"] > 0


def test_sessions_of_several_outputs_count_once_for_advantage_and_difficulty():
    # Prompt p: session 0 has two outputs (right in the end), session 1 one wrong output.
    keys = ["p_0_0", "p_0_1", "p_1_0"]
    mask = torch.ones(3, T, dtype=torch.long)
    rewards = torch.zeros(3, T)
    rewards[:, 0] = torch.tensor([1.0, 1.0, 0.0])
    inputs = inputs_for(keys, [1, 1, 0], HTPOConfig(difficulty_threshold=0.6))
    with handing_estimator(inputs):
        advantages, _ = get_adv_estimator_fn("htpo")(
            token_level_rewards=rewards.clone(),
            response_mask=mask,
            index=np.array(["p", "p", "p"], dtype=object),
            config=AlgoConfig(norm_adv_by_std_in_grpo=False),
        )
    assert advantages[:, 0].tolist() == pytest.approx([0.5, 0.5, -0.5])  # mean 1/2, not 2/3
    groups = inputs.token_fields["token_groups"].abs()
    assert (groups <= 4).all()  # hard: accuracy 1/2; counted by outputs it would be 2/3 and easy


def test_padding_rows_have_no_groups():
    keys, acc, mask, rewards, index = rows()
    keys, acc = [*keys, "pad_0_0"], [*acc, float("nan")]
    mask = torch.cat([mask, torch.zeros(1, T, dtype=torch.long)])
    rewards = torch.cat([rewards, torch.zeros(1, T)])
    inputs = inputs_for(keys, acc, padding=[False] * 12 + [True])
    with handing_estimator(inputs):
        get_adv_estimator_fn("htpo")(
            token_level_rewards=rewards,
            response_mask=mask,
            index=np.append(index, "pad"),
            config=AlgoConfig(),
        )
    assert (inputs.token_fields["token_groups"][-1] == 0).all()


def of_prompt(acc, rewards, lengths, filtered=None):
    keys = [f"p_{i}_0" for i in range(len(acc))]
    mask = (torch.arange(T) < torch.tensor(lengths)[:, None]).long()
    table = torch.zeros(len(keys), T)
    table[:, 0] = torch.tensor(rewards)
    inputs = inputs_for(keys, acc)
    inputs.filtered = None if filtered is None else np.array(filtered)
    index = np.array(["p"] * len(keys), dtype=object)
    with handing_estimator(inputs):
        given = {"token_level_rewards": table, "response_mask": mask, "index": index, "config": AlgoConfig()}
        return get_adv_estimator_fn("htpo")(**given)[0], inputs


def test_equal_rewards_have_an_advantage_of_exactly_0_in_float32():
    advantages, inputs = of_prompt([1] * 16, [0.7] * 16, [T] * 16)
    assert (advantages == 0).all()
    assert inputs.metrics["htpo/phantom_advantage_share"] == 0.0
    assert of_prompt([1] * 16, [0.7] * 15 + [0.7001], [T] * 16)[1].metrics["htpo/phantom_advantage_share"] == 1.0


def test_a_rejected_response_moves_neither_baseline_nor_difficulty():
    found, inputs = of_prompt([1, 0, 0], [1.0, 0.0, 100.0], [3, 6, 0])
    expected, fewer = of_prompt([1, 0], [1.0, 0.0], [3, 6])
    assert torch.equal(found[:2], expected)
    assert (found[2] == 0).all()
    assert inputs.metrics["htpo/correct_share"] == fewer.metrics["htpo/correct_share"] == 0.5
    # accuracy 2/3 is easy; with the rejected wrong one it would be 1/2 and hard
    _, inputs = of_prompt([1, 1, 0, 0], [1.0, 1.0, 0.0, 0.0], [3, 6, 2, 0])
    assert (inputs.token_fields["token_groups"].abs() >= 5)[:3, 0].all()
    # the one that is left has its reward, as in verl's groups of one
    assert of_prompt([1, 0], [1.0, 100.0], [3, 0])[0][0, 0].item() == pytest.approx(1 / (1 + 1e-6))


def test_a_filtered_response_counts_in_baseline_and_difficulty_and_has_no_groups():
    given = ([1, 1, 0, 0], [1.0, 1.0, 0.0, 0.0], [3, 5, 2, 6])
    whole, all_in = of_prompt(*given)
    found, inputs = of_prompt(*given, filtered=[False, False, False, True])
    assert torch.equal(found[:3], whole[:3])
    assert (found[3] == 0).all()
    groups, before = inputs.token_fields["token_groups"], all_in.token_fields["token_groups"]
    assert torch.equal(groups[:3], before[:3])
    assert (groups[3] == 0).all()
    assert inputs.metrics["htpo/hard_prompt_share"] == 1.0  # 2 of 4 right, not 2 of 3
    assert inputs.metrics["htpo/correct_share"] == pytest.approx(2 / 3)  # of those trained on
    assert partition_metrics(groups, inputs.entropy).items() <= inputs.metrics.items()


def test_a_reward_function_without_acc_is_named():
    keys, _, mask, rewards, index = rows()
    with handing_estimator(inputs_for(keys, [float("nan")] * 12)), pytest.raises(ValueError, match="returned no 'acc'"):
        get_adv_estimator_fn("htpo")(token_level_rewards=rewards, response_mask=mask, index=index, config=AlgoConfig())


def test_under_verls_own_trainer_the_estimator_says_how_to_start():
    _, _, mask, rewards, index = rows()
    with pytest.raises(ValueError, match=r"python -m recipe.htpo.main"):
        get_adv_estimator_fn("htpo")(token_level_rewards=rewards, response_mask=mask, index=index, config=AlgoConfig())
