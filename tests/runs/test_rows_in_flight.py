"""A stop while rollouts are generated: the rows that had been drawn for them come again, once, with verl's own dataloader."""

import importlib
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import torch
from torchdata.stateful_dataloader import StatefulDataLoader
from torchdata.stateful_dataloader.sampler import RandomSampler
from verl.trainer.ppo.v1 import get_trainer_cls
from verl.trainer.ppo.v1.trainer_base import PPOTrainer
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync

from recipe.runs import stopping
from recipe.runs.digests import DigestsLater


class Data(torch.utils.data.Dataset):
    def __len__(self):
        return 40

    def __getitem__(self, i):
        return i


def loader(workers):
    """As PPOTrainer._init_dataloader has it."""
    sampler = RandomSampler(data_source=Data(), generator=torch.Generator().manual_seed(1))
    return StatefulDataLoader(dataset=Data(), batch_size=4, num_workers=workers, drop_last=True, sampler=sampler)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("steps", [1, 3, 9, 10, 12])  # of ten in an epoch
def test_rows_in_flight_come_again_once(compose, monkeypatch, tmp_path, workers, steps):
    importlib.import_module("recipe.htpo.trainer")
    expected, draw = [], iter(loader(workers))
    again = loader(workers)
    for _ in range(steps + 3):
        try:
            expected.append(next(draw).tolist())
        except StopIteration:
            draw = iter(again)
            expected.append(next(draw).tolist())
    trainer = object.__new__(get_trainer_cls("htpo_sync"))
    trainer.config = compose(f"trainer.default_local_dir={tmp_path}/run", "actor_rollout_ref.model.path=org/model")
    trainer.trainer_mode, trainer.digests, trainer.checkpoint_manager = "sync", DigestsLater(), Mock()
    trainer.sampling = trainer.entropy_statistics = None
    trainer.train_dataloader, trainer.train_dataloader_it = loader(workers), None
    trainer.total_training_steps, trainer.timing_raw = 99, {}
    trainer.checkpoint_callback = SimpleNamespace(on_save=lambda **_: None)
    saved = []
    monkeypatch.setattr(
        PPOTrainer, "_save_checkpoint", lambda self: saved.append((self.global_steps, self.train_dataloader.state_dict()))
    )
    monkeypatch.setattr(PPOTrainerSync, "on_step_end", lambda self: None)

    def drawn(one):
        """As PPOTrainer._fetch_one_gen_batch does it."""
        if one.train_dataloader_it is None:
            one.train_dataloader_it = iter(one.train_dataloader)
        try:
            return next(one.train_dataloader_it).tolist()
        except StopIteration:
            one.train_dataloader_it = iter(one.train_dataloader)
            return next(one.train_dataloader_it).tolist()

    rows = []
    for trainer.global_steps in range(1, steps + 1):
        trainer.on_step_begin()
        rows.append(drawn(trainer))
        trainer.on_step_end()
    trainer.global_steps = steps + 1
    trainer.on_step_begin()
    in_flight = drawn(trainer)
    stopping.request_file(trainer.config).parent.mkdir(parents=True, exist_ok=True)
    stopping.request_file(trainer.config).touch()
    with pytest.raises(stopping.Stopped):
        trainer._stop()
    ((step, state),) = saved
    assert step == steps
    resumed = SimpleNamespace(train_dataloader=loader(workers), train_dataloader_it=None)
    resumed.train_dataloader.load_state_dict(state)
    assert [*rows, drawn(resumed), drawn(resumed)] == [*rows, in_flight, expected[steps + 1] if steps < 9 else drawn(trainer)]
    if steps < 9:
        assert [*rows, in_flight] == expected[: steps + 1]
