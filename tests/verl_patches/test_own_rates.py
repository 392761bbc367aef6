"""A learning rate that was changed for a resume is trained with; the checkpoint's moments and place in the schedule stay."""

import pickle

import pytest
import torch
from verl.utils.checkpoint.fsdp_checkpoint_manager import FSDPCheckpointManager
from verl.utils.torch_functional import get_constant_schedule_with_warmup, get_cosine_schedule_with_warmup

from tests.token_level.actor_update import run_ranks
from verl_patches.checkpoints.own_rates import apply

SCHEDULES = {
    "constant": lambda optimizer: get_constant_schedule_with_warmup(optimizer, num_warmup_steps=4),
    "cosine": lambda optimizer: get_cosine_schedule_with_warmup(optimizer, num_warmup_steps=1, num_training_steps=10),
}


class Manager(FSDPCheckpointManager):
    """A rank's manager of a tiny model; saves and loads what verl's loads, without FSDP's files."""

    def __init__(self, schedule, lr, weight_decay=0.1, betas=(0.9, 0.999)):
        torch.manual_seed(0)
        self.rank, self.model = 0, torch.nn.Linear(3, 1)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=lr, weight_decay=weight_decay, betas=betas)
        self.lr_scheduler = SCHEDULES[schedule](self.optimizer)

    def updates(self, number):
        for _ in range(number):
            self.model(torch.ones(2, 3)).sum().backward()
            self.optimizer.step()
            self.optimizer.zero_grad()
            self.lr_scheduler.step()
        return self

    def state(self):
        parts = (self.model.state_dict(), self.optimizer.state_dict(), self.lr_scheduler.state_dict())
        return pickle.dumps(parts)

    @property
    def group(self):
        return self.optimizer.param_groups[0]


@pytest.fixture
def load(monkeypatch):
    def load_checkpoint(self, local_path):
        model, optimizer, schedule = pickle.loads(local_path)
        self.model.load_state_dict(model)
        self.optimizer.load_state_dict(optimizer)
        self.lr_scheduler.load_state_dict(schedule)

    monkeypatch.setattr(FSDPCheckpointManager, "load_checkpoint", load_checkpoint)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_stock_verl_goes_on_with_the_rate_of_the_checkpoint(load, schedule):
    saved = Manager(schedule, lr=1e-3).updates(2)
    resumed = Manager(schedule, lr=5e-4, weight_decay=0.0)
    resumed.load_checkpoint(saved.state())
    for manager in (saved, resumed):
        manager.updates(1)
    assert resumed.group["lr"] == saved.group["lr"]
    assert resumed.group["weight_decay"] == 0.1


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_here_the_config_decides_and_the_place_in_the_schedule_stays(load, schedule, capsys):
    saved = Manager(schedule, lr=1e-3).updates(2)
    apply()
    apply()
    resumed = Manager(schedule, lr=5e-4, weight_decay=0.0, betas=(0.8, 0.99))
    resumed.load_checkpoint(saved.state())
    told = "with lr 0.0005 (in the checkpoint 0.001), weight_decay 0.0 (in the checkpoint 0.1), betas"
    assert told in capsys.readouterr().out
    assert [resumed.group[key] for key in ("weight_decay", "betas")] == [0.0, (0.8, 0.99)]
    for a, b in zip(saved.optimizer.state.values(), resumed.optimizer.state.values(), strict=True):
        assert all(torch.equal(a[key], b[key]) for key in ("exp_avg", "exp_avg_sq", "step"))
    for _ in range(3):  # as far into the warm-up or the decay as the saved run, at half its rate
        assert resumed.group["lr"] == pytest.approx(saved.group["lr"] / 2)
        assert resumed.lr_scheduler.get_last_lr() == [resumed.group["lr"]]
        for manager in (saved, resumed):
            manager.updates(1)


def test_unchanged_settings_change_nothing_and_say_nothing(load, capsys):
    saved = Manager("cosine", lr=1e-3).updates(3)
    apply()
    resumed = Manager("cosine", lr=1e-3)
    resumed.load_checkpoint(saved.state())
    assert resumed.optimizer.state_dict()["param_groups"] == saved.optimizer.state_dict()["param_groups"]
    assert resumed.lr_scheduler.state_dict() == saved.lr_scheduler.state_dict()
    for manager in (saved, resumed):
        manager.updates(2)
    assert torch.equal(saved.model.weight, resumed.model.weight)
    assert capsys.readouterr().out == ""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_with_verls_own_files(tmp_path, demo_inputs):
    run_ranks("tests.verl_patches.own_rates", 1, demo_inputs / "model", tmp_path)
    found = pickle.loads((tmp_path / "found.pkl").read_bytes())
    assert found == {"saved": pytest.approx(1e-3), "loaded": pytest.approx(2e-4), "trained": pytest.approx(2e-4)}
