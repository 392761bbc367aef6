"""What a token-level method tells the shared code about itself, and whether verl knows it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from omegaconf import DictConfig, OmegaConf

from recipe.primitives.ranges import check_choice
from recipe.token_level.display import Display
from recipe.token_level.signs import Sign


@dataclass(frozen=True)
class Method:
    """One token-level method.

    name: under which loss and estimator are registered, and of its config node; the trainers are `<name>_<mode>`.
    package: where the method lives, wherever that is, with the modules `plugin`, `trainer`, `main` and `preflight` and the
        config `config/<name>_trainer.yaml`.
    token_fields: fields that the estimator makes for the loss.
    needs_verdict: whether the reward function must return `acc`; or a function that says it for the settings.
    settings: build the typed settings from the method's config node and verl's actor node; ValueError if they are wrong.
    reads_entropy: whether, with these settings, the loss reads the entropies of the policy being updated.
    check: further checks of the whole config; ValueError if it cannot work.
    ratios: turn the sums that the loss filled into metrics.
    signs: of sickness in the method's own metrics, beside those that the run layer knows for all.
    console: what a step's line on the console says of the method's own metrics, as short phrases.
    dump_columns: columns of the token dump of the method's own, each with the token field that it shows.
    display: what the report page shows of it; None: what all methods have, under its name.
    """

    name: str
    package: str
    token_fields: tuple[str, ...]
    needs_verdict: bool | Callable[[Any], bool]
    settings: Callable[[Mapping, DictConfig], Any]
    ratios: Callable[[Mapping[str, float]], dict[str, float]] = lambda sums: {}
    reads_entropy: Callable[[Any], bool] = lambda settings: False
    check: Callable[[DictConfig], None] = lambda config: None
    signs: tuple[Sign, ...] = ()
    console: Callable[[Mapping[str, float]], list[str]] = lambda metrics: []
    dump_columns: Mapping[str, str] = field(default_factory=dict)
    display: Display | None = None

    def __post_init__(self) -> None:
        display = self.display or Display(self.name)
        object.__setattr__(self, "display", display)
        if display.method != self.name:
            raise ValueError(f"the method {self.name!r} has the display of {display.method!r}")
        shown = [column.name for column in display.columns] + ([display.grouping.column] if display.grouping else [])
        if unknown := set(shown) - set(self.dump_columns):
            raise ValueError(f"the display of {self.name!r} shows {sorted(unknown)[0]!r}, which dump_columns lack")

    def reads_verdict(self, config: DictConfig) -> bool:
        """Whether a run with this config needs the reward function's `acc`."""
        if isinstance(self.needs_verdict, bool):
            return self.needs_verdict
        node = OmegaConf.to_container(config[self.name], resolve=True)
        return self.needs_verdict(self.settings(node, config.actor_rollout_ref.actor))

    @property
    def plugin(self) -> str:
        """The module that registers loss and estimator; imported in every process."""
        return f"{self.package}.plugin"

    @property
    def trainers(self) -> str:
        """The module that registers the trainers; imported in the task runner."""
        return f"{self.package}.trainer"

    @property
    def command(self) -> str:
        """How a training run is started."""
        return f"python -m {self.package}.main"


def require_registered(method: Method) -> None:
    """Raise RuntimeError unless verl knows the method's loss and estimator (verl hides a plugin's import error)."""
    from verl.trainer.ppo.core_algos import ADV_ESTIMATOR_REGISTRY, POLICY_LOSS_REGISTRY

    importlib.import_module(method.plugin)
    for registry, kind in ((POLICY_LOSS_REGISTRY, "policy loss"), (ADV_ESTIMATOR_REGISTRY, "advantage estimator")):
        found = registry.get(method.name)
        if found is None:
            raise RuntimeError(f"{method.plugin} was imported but verl has no {kind} named {method.name!r}")
        if found.__module__ != method.plugin:
            raise RuntimeError(
                f"verl's {kind} {method.name!r} comes from {found.__module__}, not from {method.plugin}: another plugin took "
                "the name; remove it from VERL_USE_EXTERNAL_MODULES or uninstall it"
            )


def require_known_names(config: DictConfig) -> None:
    """Raise ValueError for a loss or estimator that verl does not know, after all plugins were loaded. Imports verl."""
    from verl.trainer.ppo.core_algos import ADV_ESTIMATOR_REGISTRY, POLICY_LOSS_REGISTRY

    for key, registry in (
        ("actor_rollout_ref.actor.policy_loss.loss_mode", POLICY_LOSS_REGISTRY),
        ("algorithm.adv_estimator", ADV_ESTIMATOR_REGISTRY),
    ):
        check_choice(key, OmegaConf.select(config, key), tuple(registry))
