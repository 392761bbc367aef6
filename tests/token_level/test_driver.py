"""The trainer's part on the driver, with a stand-in for TransferQueue: what the estimator is given, what is sent and logged."""

import importlib
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
import transfer_queue
from omegaconf import open_dict
from tensordict import TensorDict
from tensordict.tensorclass import NonTensorStack
from transfer_queue import KVBatchMeta
from verl.trainer.ppo.v1 import get_trainer_cls
from verl.trainer.ppo.v1.replay_buffer import DAPO_FILTERED_REWARD_COUNTS_KEY
from verl.trainer.ppo.v1.trainer_base import PPOTrainer

from recipe.adaptive_temperature.settings import AdaptiveTemperatureConfig
from recipe.adaptive_temperature.temperature import request_parameters
from recipe.hapo import HAPOConfig, entropy_statistics
from recipe.htpo import HTPOConfig, partition_tokens
from recipe.token_level.loss import SUMS

GIVEN = ("actor_rollout_ref.model.path=org/model", "data.train_files=train.parquet", "data.val_files=val.parquet")
# Two prompts of two sessions, the first session with two outputs, and a padding row.
KEYS = ["p_0_0", "p_0_1", "p_1_0", "q_0_0", "q_1_0", "pad_0_0"]
LENGTHS = [2, 5, 3, 1, 4, 1]
ACC = [0.0, 1.0, 0.0, 1.0, 1.0, 0.0]  # of the padding row, too, which must count nowhere
REAL = [i for i, key in enumerate(KEYS) if not key.startswith("pad")]
WIDTH = max(LENGTHS)
MASK = torch.arange(WIDTH) < torch.tensor(LENGTHS)[:, None]
MASK[1, 2] = False  # tool output
MASK[5] = False


def nested(table):
    return torch.nested.as_nested_tensor([row[:n] for row, n in zip(table, LENGTHS, strict=True)], layout=torch.jagged)


@pytest.fixture
def queue(monkeypatch):
    """The rows that TransferQueue holds; what is written goes there too."""
    entropy = torch.rand(len(KEYS), WIDTH, generator=torch.Generator().manual_seed(0)).pow(3) + 0.01
    rewards = torch.zeros(len(KEYS), WIDTH)
    for i, n in enumerate(LENGTHS):
        rewards[i, n - 1] = ACC[i] - 0.25
    rows = TensorDict(
        {
            "uid": NonTensorStack(*(key.split("_")[0] for key in KEYS)),
            "response_mask": nested(MASK.long()),
            "rm_scores": nested(rewards),
            "entropy": nested(entropy),
            "extra_fields": NonTensorStack(*({"reward_extra_info": {"acc": a}} for a in ACC)),
        },
        batch_size=len(KEYS),
    )
    queue = SimpleNamespace(rows=rows, entropy=entropy * (torch.arange(WIDTH) < torch.tensor(LENGTHS)[:, None]), written=[])

    def get(keys, partition_id, select_fields):
        assert keys == KEYS
        return queue.rows.select(*select_fields, strict=False)

    def put(keys, partition_id, fields):
        assert keys == KEYS
        queue.rows.update(fields)
        queue.written.append(sorted(fields.keys()))
        return KVBatchMeta(
            keys=keys, tags=[{}] * len(keys), partition_id=partition_id, extra_info={"write": len(queue.written)}
        )

    monkeypatch.setattr(transfer_queue, "kv_batch_get", get)
    monkeypatch.setattr(transfer_queue, "kv_batch_put", put)
    return queue


@pytest.fixture
def trainer(compose):
    def build(recipe, settings, sampling=None, **algorithm):
        importlib.import_module(f"recipe.{recipe}.trainer")
        trainer = object.__new__(get_trainer_cls(f"{recipe}_sync"))
        trainer.config = compose(*GIVEN, recipe=recipe)
        with open_dict(trainer.config):
            trainer.config.algorithm.update(use_kl_in_reward=False, rollout_correction=None, **algorithm)
        trainer.settings, trainer.timing_raw, trainer.global_steps = settings, {}, 1
        trainer.parameter_sync_step = 1
        trainer.sampling, trainer.entropy_statistics = sampling, None
        trainer.agent_loop_manager = SimpleNamespace(parameters=None)
        return trainer

    return build


def batch():
    tags = [{"is_padding": True} if key.startswith("pad") else {} for key in KEYS]
    return KVBatchMeta(keys=KEYS, tags=tags, partition_id="train")


def test_the_estimator_sees_the_batch_and_its_field_goes_with_it(trainer, queue):
    metrics = {}
    found = trainer("htpo", HTPOConfig())._compute_advantage(batch(), metrics)
    assert queue.written == [["advantages", "returns"], ["token_groups"]]
    assert found.extra_info == {"write": 2}  # verl goes on with what the last write gave
    hard = torch.tensor([True] * 3 + [False] * 2 + [True])  # p: 1 of 2 sessions right, q: both
    correct = torch.tensor([True, True, False, True, True, False])  # a session by its last output
    expected = partition_tokens(queue.entropy, MASK, hard, correct, HTPOConfig())
    groups = queue.rows["token_groups"]
    assert [len(row) for row in groups.unbind()] == LENGTHS
    assert torch.equal(groups.to_padded_tensor(0), expected)
    assert metrics["htpo/hard_prompt_share"] == 0.5
    assert metrics["htpo/correct_share"] == 0.75
    assert metrics["rollouts/acc"] == 0.75
    assert metrics["rollouts/all_right_share"] == 0.5
    assert metrics["rollouts/cut_off_share"] == 0.0
    advantages = queue.rows["advantages"].to_padded_tensor(0)
    assert advantages[1, 0].item() == pytest.approx(0.5 / (0.5**0.5 + 1e-6))  # rewards 0.75 and -0.25 of two sessions
    assert (advantages[~MASK] == 0).all()


def test_an_estimator_without_a_field_sends_none(trainer, queue):
    given = trainer("htpo", HTPOConfig(), adv_estimator="grpo")
    metrics = {}
    assert given._compute_advantage(batch(), metrics).extra_info == {"write": 1}
    assert queue.written == [["advantages", "returns"]]
    assert metrics["rollouts/acc"] == 0.75
    assert not any(name.startswith("htpo/") for name in metrics)


@pytest.mark.parametrize(
    ("filter_groups", "counted"),
    [
        ({"enable": True, "metric": "acc"}, True),
        ({"enable": True, "metric": "score"}, False),
        ({"enable": False, "metric": "acc"}, False),
        (None, False),
    ],
)
def test_dropped_prompts_count_where_they_were_dropped_by_their_verdicts(trainer, queue, filter_groups, counted):
    metrics = {DAPO_FILTERED_REWARD_COUNTS_KEY: {1.0: 3, 0.0: 1}}
    trainer("htpo", HTPOConfig(), filter_groups=filter_groups)._compute_advantage(batch(), metrics)
    assert metrics["rollouts/acc"] == pytest.approx((0.5 + 1 + 3) / 6 if counted else 0.75)
    assert metrics["rollouts/all_wrong_share"] == pytest.approx(1 / 6 if counted else 0.0)


SAMPLING = AdaptiveTemperatureConfig(enabled=True, tau=0.3)


@pytest.mark.parametrize(
    ("recipe", "settings", "sampling"),
    [
        ("htpo", HTPOConfig(), SAMPLING),
        ("hapo", HAPOConfig(), SAMPLING),
        ("hapo", HAPOConfig(), replace(SAMPLING, entropy_pivot=0.5)),
        ("hapo", HAPOConfig(), replace(SAMPLING, variant="released")),
    ],
    ids=["a method without scores", "the same score", "another pivot", "another variant"],
)
def test_the_next_prompts_get_the_steps_statistics_by_the_samplers_settings(trainer, queue, recipe, settings, sampling):
    given, metrics = trainer(recipe, settings, sampling), {}
    given._compute_advantage(batch(), metrics)
    expected = entropy_statistics(queue.entropy, MASK, sampling)
    assert given.entropy_statistics == expected
    assert given.agent_loop_manager.parameters == request_parameters(expected, 0.3)
    assert expected.metrics("adaptive_temperature").items() <= metrics.items()
    if recipe == "hapo":
        assert entropy_statistics(queue.entropy, MASK, settings).metrics("hapo").items() <= metrics.items()


def test_tokens_that_rollout_correction_rejects_are_not_measured(trainer, queue, monkeypatch):
    verls = PPOTrainer._compute_advantage

    def rejecting(self, meta, metrics):
        meta = verls(self, meta, metrics)
        queue.rows["response_mask"] = nested(MASK.long() * (torch.arange(WIDTH) != 0))
        return meta

    monkeypatch.setattr(PPOTrainer, "_compute_advantage", rejecting)
    given = trainer("htpo", HTPOConfig(), SAMPLING)
    given._compute_advantage(batch(), {})
    kept = MASK & (torch.arange(WIDTH) != 0)
    assert given.entropy_statistics == entropy_statistics(queue.entropy, kept, SAMPLING)


@pytest.mark.parametrize(("recipe", "settings"), [("htpo", HTPOConfig()), ("hapo", HAPOConfig())])
def test_filtered_responses_are_in_neither_of_verls_masks(trainer, queue, recipe, settings):
    queue.rows["responses"] = nested(torch.full((len(KEYS), WIDTH), 7))
    given, metrics = trainer(recipe, settings, SAMPLING), {}
    given.config.overlong_filtering.enabled = True
    given.config.data.max_response_length = WIDTH
    given._ends = {2}
    given._compute_advantage(batch(), metrics)
    kept = MASK.clone()
    kept[[0, 1]] = False  # the session p_0, whose last output has five tokens and no end
    for name in ("response_mask", "loss_mask"):
        assert [len(row) for row in queue.rows[name].unbind()] == LENGTHS
        assert torch.equal(queue.rows[name].to_padded_tensor(0).bool(), kept)
    assert metrics["rollouts/filtered_share"] == pytest.approx(2 / 5)
    assert given.entropy_statistics == entropy_statistics(queue.entropy, kept, SAMPLING)
    advantages = queue.rows["advantages"].to_padded_tensor(0)
    assert (advantages[~kept] == 0).all()
    assert advantages[2, 0] < 0  # its right sibling is in the baseline
    if recipe == "htpo":
        assert torch.equal(queue.rows["token_groups"].to_padded_tensor(0) != 0, kept)


def test_the_loss_is_not_divided_by_rejected_tokens(trainer, queue, monkeypatch):
    verls, kept = PPOTrainer._compute_advantage, MASK & (torch.arange(WIDTH) != 0)

    def rejecting(self, meta, metrics):
        meta = verls(self, meta, metrics)
        queue.rows["response_mask"] = nested(kept.long())
        return meta

    monkeypatch.setattr(PPOTrainer, "_compute_advantage", rejecting)
    given = trainer("htpo", HTPOConfig())
    with open_dict(given.config):
        given.config.algorithm.rollout_correction = {"rollout_rs": "token_k1", "rollout_rs_threshold": "0.5_2.0"}
    given._compute_advantage(batch(), {})
    assert torch.equal(queue.rows["loss_mask"].to_padded_tensor(0).bool(), kept)


def test_without_adaptive_temperatures_nothing_is_measured_for_them(trainer, queue):
    given, metrics = trainer("hapo", HAPOConfig()), {}
    given._compute_advantage(batch(), metrics)
    assert given.agent_loop_manager.parameters is None
    assert given.entropy_statistics is None
    assert not any(name.startswith("adaptive_temperature/") for name in metrics)


def test_the_sums_of_the_loss_become_ratios_and_go_no_further(trainer, monkeypatch):
    sums = {"hard_correct_low/tokens": 8.0, "hard_correct_low/outside": 2.0, "hard_correct_low/loss": -4.0}
    logged = {f"actor/{SUMS}{name}": value for name, value in sums.items()} | {"actor/pg_loss": 0.5}
    monkeypatch.setattr(PPOTrainer, "_update_actor", lambda self, batch, metrics: metrics.update(logged) or batch)
    metrics = {"rollouts/acc": 1.0}
    assert trainer("htpo", HTPOConfig())._update_actor("batch", metrics) == "batch"
    assert metrics == {
        "rollouts/acc": 1.0,
        "actor/pg_loss": 0.5,
        "htpo/hard_correct_low/outside_clip_share": 0.25,
        "htpo/hard_correct_low/loss": -0.5,
    }


@pytest.mark.parametrize("mode", ["sync", "colocate_async", "separate_async"])
def test_verl_sees_its_own_trainer_mode_and_the_method_its_settings(compose, monkeypatch, mode):
    importlib.import_module("recipe.htpo.trainer")
    seen = []
    cls = get_trainer_cls(f"htpo_{mode}")
    verls = next(base for base in cls.__mro__ if base.__module__.startswith("verl."))
    monkeypatch.setattr(verls, "__init__", lambda self, config: seen.append(config.trainer.v1.trainer_mode))
    separate = (
        ["actor_rollout_ref.rollout.nnodes=1", "actor_rollout_ref.rollout.checkpoint_engine.backend=nccl"]
        if mode == "separate_async"
        else []
    )
    overrides = [f"trainer.v1.trainer_mode=htpo_{mode}", "htpo.high_entropy_fraction=0.3", *separate]
    built = cls(compose(*GIVEN, *overrides))
    assert seen == [mode]
    assert built.settings.high_entropy_fraction == 0.3
    assert built.settings.clip_ratio_high == 0.28


@pytest.mark.parametrize("mode", ["sync", "colocate_async", "separate_async"])
def test_the_actor_gets_the_loss_with_the_methods_fields_before_a_checkpoint_is_loaded(trainer, monkeypatch, mode):
    """The ranks' patches, among them that nothing in a checkpoint is run, arrive with the loss."""
    built = trainer("htpo", HTPOConfig())
    given = object.__new__(get_trainer_cls(f"htpo_{mode}"))
    vars(given).update(vars(built))
    done = []
    monkeypatch.setattr(PPOTrainer, "_load_checkpoint", lambda self: done.append("loaded"))
    given.actor_rollout_wg = SimpleNamespace(set_loss_fn=done.append, workers=[])
    given.global_steps, given.trainer_mode = 0, mode
    given._load_checkpoint()
    loss, loaded = done
    assert loaded == "loaded"
    assert (loss.plugin, loss.token_fields) == ("recipe.htpo.plugin", ("token_groups",))
    assert loss.settings.objectives == HTPOConfig().objectives
    assert loss.settings.clip_ratio_high == 0.28
