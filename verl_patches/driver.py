"""Run verl's driver with a task runner that registers trainers of ours, and be told when Ray is up and when all is closed.

Missing upstream, in `verl.trainer.main_ppo` of verl 0.9.1: `run_ppo` takes a task-runner class, but `TaskRunnerV1` looks for
its trainer in a registry that nobody fills in its process, is an actor class that cannot be derived from, and tells the trainer
nothing after it has closed tracking and queue; and `run_ppo` has no hook after `ray.init`, which takes SIGTERM for itself.

Nothing is patched: `run_ppo` gets an object that does what it does with the class (`.options(...)`, `.remote()`).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

from omegaconf import DictConfig


def run(config: DictConfig, trainers: str, on_ray_up: Callable[[], None]) -> None:
    """verl's `run_ppo`.

    trainers: the module that registers the trainers, imported in the task runner.
    on_ray_up: called in this process when Ray has been started or joined, before the task runner is made.
    """
    from verl.trainer.main_ppo import run_ppo

    run_ppo(config, task_runner_class=_Announcing(task_runner(trainers), on_ray_up))


def task_runner(trainers: str):
    """verl's task runner, which imports the module `trainers` first and calls `closed` of its trainer last."""
    import ray
    from verl.trainer.main_ppo import TaskRunnerV1

    class TokenLevelTaskRunner(TaskRunnerV1.__ray_actor_class__):
        def run(self, config):
            importlib.import_module(trainers)
            try:
                super().run(config)
            finally:
                if self.trainer is not None:
                    self.trainer.closed()

    return ray.remote(TokenLevelTaskRunner)


class _Announcing:
    """Stands in for verl's task-runner class: `run_ppo` makes the actor after `ray.init`."""

    def __init__(self, actor_class, on_ray_up: Callable[[], None]):
        self.actor_class, self.on_ray_up = actor_class, on_ray_up

    def options(self, **options):
        return _Announcing(self.actor_class.options(**options), self.on_ray_up)

    def remote(self):
        self.on_ray_up()
        return self.actor_class.remote()
