"""Dynamic sampling that finds no batch ends with a sentence: verl's own replay buffers over a queue that is stood in for."""

import importlib
from types import SimpleNamespace

import pytest
from verl.trainer.ppo.v1 import get_trainer_cls, replay_buffer, trainer_base
from verl.trainer.ppo.v1.trainer_base import PPOTrainer

from recipe.runs.filled import FilledTrainer
from verl_patches.replay_buffer import set_poll_interval

GIVEN = ("actor_rollout_ref.model.path=org/model", "data.train_files=t.parquet", "data.val_files=v.parquet")


class Queue:
    """Prompts that are answered at once: `verdicts(n)` are those of the n-th prompt, None if its rollouts failed."""

    def __init__(self, verdicts):
        self.verdicts, self.rows, self.count = verdicts, {}, 0

    def issue(self, number):
        for _ in range(number):
            uid, verdicts = f"p{self.count}", self.verdicts(self.count)
            self.count += 1
            self.rows[uid] = {"is_prompt": True, "status": "finished" if verdicts else "failure", "global_steps": 7}
            self.rows |= {f"{uid}_{i}_0": {"acc": acc} for i, acc in enumerate(verdicts or ())}

    def kv_list(self, partition_id=None):
        return {"train": dict(self.rows)}

    def kv_clear(self, keys, partition_id):
        for key in keys:
            del self.rows[key]

    def kv_batch_get(self, keys, partition_id, select_fields):
        assert select_fields == ["extra_fields"]
        return {"extra_fields": [{"reward_extra_info": self.rows[key]} for key in keys]}


@pytest.fixture
def sample(compose, monkeypatch):
    """What a step samples; the number of prompts that it took."""

    def sample(verdicts, mode="sync", *overrides):
        importlib.import_module("recipe.htpo.trainer")
        config = compose(
            *GIVEN,
            *("algorithm.filter_groups.enable=True", "data.train_batch_size=4", "data.gen_batch_size=1"),
            *(f"trainer.v1.trainer_mode={mode}", "trainer.hang_timeout_s=null", *overrides),
        )
        queue = Queue(verdicts)
        monkeypatch.setattr(replay_buffer, "tq", queue)
        monkeypatch.setattr(PPOTrainer, "_add_prompts_to_generate", lambda self, number: queue.issue(number))
        monkeypatch.setattr(trainer_base, "RolloutMoELoadBalanceMetricsAccumulator", lambda model_config: None)
        trainer = get_trainer_cls(f"htpo_{mode}")(config)
        set_poll_interval(trainer.replay_buffer, 0)
        monkeypatch.setattr(PPOTrainer, "_add_batch_to_generate", lambda self: queue.issue(4))
        trainer.global_steps = 7
        monkeypatch.setattr(PPOTrainer, "step", step)
        trainer.step({}, {})
        return queue.count

    def step(self, metrics, timing_raw):
        self.prepare_step()
        self.replay_buffer.sample(global_steps=7, partition_id="train", batch_size=4)

    return sample


def test_the_shipped_limit_is_thirty_batches(sample):
    assert sample(lambda n: (1.0, 0.0)) == 4
    assert sample(lambda n: (1.0, 0.0) if n % 10 == 0 else (1.0, 1.0)) > 30
    expected = (
        r"^step 7 has dropped 12\d groups .*, 30 times data.train_batch_size=4, .*: 7\d% were all right, 2\d% were all wrong; "
    )
    with pytest.raises(ValueError, match=expected):
        sample(lambda n: (1.0, 1.0) if n % 4 else (0.0, 0.0))


@pytest.mark.parametrize("mode", ["sync", "colocate_async"])
def test_the_limit_is_the_one_that_verl_ignores_and_verl_does_not_say_so(sample, mode, caplog):
    with pytest.raises(ValueError, match=r"3 times data.train_batch_size=4.*100% were all wrong"):
        sample(lambda n: (0.0, 0.0), mode, "algorithm.filter_groups.max_num_gen_batches=3")
    assert "ignored" not in caplog.text


def test_failed_rollouts_count_as_well(sample):
    with pytest.raises(ValueError, match="100% failed, see the errors of their reward or agent loop above"):
        sample(lambda n: None, "colocate_async", "algorithm.filter_groups.enable=False")
    refill = "trainer.v1.sampler.sync_refill_failed_groups=True"
    with pytest.raises(ValueError, match="100% failed"):
        sample(lambda n: None, "sync", "algorithm.filter_groups.enable=False", refill)


def test_a_step_without_one_response_says_where_to_look(sample):
    expected = r"^in step 7 not one response came: .* see the first `Error in _run_prompt` above; no checkpoint had been saved$"
    with pytest.raises(ValueError, match=expected):
        sample(lambda n: None, "sync", "algorithm.filter_groups.enable=False")


@pytest.mark.parametrize("error", ["Received an empty list as keys.", "another one"])
def test_a_validation_without_one_response_says_where_to_look(sample, monkeypatch, error):
    def validate(self):
        raise ValueError(error)

    monkeypatch.setattr(PPOTrainer, "_validate", validate)

    def after_the_last_step(self):
        self.finished_step = self.total_training_steps = 7
        self.validate()

    monkeypatch.setattr(PPOTrainer, "prepare_step", after_the_last_step)
    none = r"^in the validation after step 7 not one response came: .*; no checkpoint had been saved$"
    with pytest.raises(ValueError, match=none if error.startswith("Received") else error):
        sample(lambda n: None, "sync", "algorithm.filter_groups.enable=False")


@pytest.mark.parametrize(("missing", "share"), [(0, 0.0), (3, 3 / 16)])
def test_responses_that_failed_are_counted(compose, monkeypatch, missing, share):
    trainer = object.__new__(type("Trainer", (FilledTrainer,), {"on_sample_end": None, "on_step_end": None}))
    trainer.config = compose("data.train_batch_size=4", "actor_rollout_ref.rollout.n=4")
    trainer.parameter_sync_step = 1
    monkeypatch.setattr(PPOTrainer, "_compute_advantage", lambda self, batch, metrics: "went on")
    keys = [f"p{i // 4}_{i % 4}_0" for i in range(16 - missing)] + ["p0_0_1", "padding_0_0"]
    tags = [{}] * (len(keys) - 1) + [{"is_padding": True}]
    metrics = {}
    assert trainer._compute_advantage(SimpleNamespace(keys=keys, tags=tags), metrics) == "went on"
    assert metrics == {"rollouts/failed_share": share}


def test_none_is_no_limit_and_each_step_begins_anew(sample):
    few = [0]

    def verdicts(n):
        few[0] = n
        return (1.0, 0.0) if n > 400 else (0.0, 0.0)

    assert sample(verdicts, "sync", "algorithm.filter_groups.max_num_gen_batches=0") > 400
    trainer = SimpleNamespace(_step=None, _most=1, config=None)
    trainer.config = SimpleNamespace(data=SimpleNamespace(train_batch_size=4))
    for step in range(5):
        FilledTrainer.dropped_groups(trainer, step, {0.0: 3}, 0)
