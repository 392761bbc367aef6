"""The policy for numbers that are not finite, in the trainer's real steps; verl's halves are stood in for."""

import importlib
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import torch
from tensordict import TensorDict
from tensordict.tensorclass import NonTensorStack
from verl.trainer.ppo.v1 import get_trainer_cls
from verl.trainer.ppo.v1.trainer_base import PPOTrainer

from recipe.runs import finite, stopping
from recipe.runs.digests import DigestsLater

NAN = float("nan")


@pytest.fixture
def trainer(compose, monkeypatch, tmp_path):
    importlib.import_module("recipe.htpo.trainer")
    built = object.__new__(get_trainer_cls("htpo_sync"))
    built.config = compose(f"trainer.default_local_dir={tmp_path}/run", "actor_rollout_ref.model.path=org/model")
    built.global_steps, built.total_training_steps, built.timing_raw = 12, 99, {}
    built.sampling = built.entropy_statistics = None
    built.digests = DigestsLater()
    built.tokenizer = SimpleNamespace(decode=lambda ids, skip_special_tokens: " ".join(map(str, ids)))
    return built


def rows(rewards, places):
    """TransferQueue's rows of these places."""
    nested = torch.nested.nested_tensor([torch.tensor([0.0, rewards[i]]) for i in places], layout=torch.jagged)
    ids = torch.nested.nested_tensor([torch.tensor([i, i]) for i in places], layout=torch.jagged)
    return TensorDict(
        {
            **{"rm_scores": nested, "prompts": ids, "responses": ids},
            **{"data_source": NonTensorStack(*["math" for _ in places]), "index": NonTensorStack(*places)},
        },
        batch_size=len(places),
    )


@pytest.mark.parametrize("value", [NAN, float("inf"), -float("inf")])
def test_a_reward_that_is_not_finite_ends_before_the_update_and_names_its_sample(trainer, monkeypatch, value):
    def get(keys, partition_id, select_fields=None):
        return rows([1.0, value, 0.0, value], [int(key) for key in keys])

    monkeypatch.setattr(finite.tq, "kv_batch_get", get)
    monkeypatch.setattr(PPOTrainer, "_compute_advantage", lambda *_: pytest.fail("went on"))
    batch = SimpleNamespace(keys=list("0123"), partition_id="train", tags=[{}] * 4)
    with pytest.raises(ValueError, match="in step 12 the reward of 2 of 4 responses is not finite, the first is") as error:
        trainer._compute_advantage(batch, {})
    assert f"the first is {value} (data_source 'math', index 1, prompt '1 1', response '1 1')" in str(error.value)


@pytest.fixture
def update(trainer, monkeypatch):
    """One step's update with this gradient norm, then a save; what was saved."""
    saved = []
    monkeypatch.setattr(PPOTrainer, "_save_checkpoint", lambda self: saved.append(self.global_steps))
    trainer.checkpoint_callback = SimpleNamespace(on_save=lambda **_: None)

    def update(step, norm):
        trainer.global_steps = step
        monkeypatch.setattr(PPOTrainer, "_update_actor", lambda self, batch, metrics: metrics.update({"actor/grad_norm": norm}))
        trainer._update_actor(None, {})
        trainer._save_checkpoint()
        return saved

    trainer.method = SimpleNamespace(name="htpo", ratios=lambda sums: {})
    return update


def test_updates_that_are_left_out_are_said_and_not_saved(update, capsys):
    assert update(1, 0.5) == [1]
    assert capsys.readouterr().err == ""
    assert update(2, NAN) == [1]
    assert update(3, float("inf")) == [1]
    first, no_save, second, _ = capsys.readouterr().err.splitlines()
    assert first.startswith(
        "warning: step 2: the gradient norm is nan, so at least one update is left out; 3 such steps in a row"
    )
    assert no_save == "warning: step 2: no checkpoint, since updates were left out from step 2 on"
    assert second.startswith("warning: step 3: the gradient norm is inf, ")
    assert update(4, 0.5) == [1, 4]
    for step in (5, 6):
        update(step, NAN)  # counted anew
    assert update(7, 0.5) == [1, 4, 7]


def test_so_many_in_a_row_end_the_run_which_resumes_from_before_them(update, trainer, tmp_path):
    update(1, 0.5)
    (tmp_path / "run/latest_checkpointed_iteration.txt").write_text("1")
    update(2, NAN)
    update(3, NAN)
    expected = r"not finite in 3 steps in a row, 2 to 4, .*; the same command resumes from .*/global_step_1$"
    with pytest.raises(ValueError, match=expected):
        update(4, NAN)


def test_a_stop_among_them_says_that_nothing_new_is_saved(update, trainer, tmp_path):
    update(1, 0.5)
    (tmp_path / "run/latest_checkpointed_iteration.txt").write_text("1")
    update(2, NAN)
    trainer.finished_step = 2
    stopping.request_file(trainer.config).touch()
    trainer.global_steps = 3
    trainer.train_dataloader, trainer.checkpoint_manager = None, Mock()
    expected = r"with no new checkpoint; the same command resumes from .*/global_step_1$"
    with pytest.raises(stopping.StoppedUnsaved, match=expected):
        trainer.on_step_begin()


def test_several_updates_of_one_step_count_once(update):
    for _ in range(4):
        update(2, NAN)
    update(3, NAN)
    with pytest.raises(ValueError, match="2 to 4"):
        update(4, NAN)
