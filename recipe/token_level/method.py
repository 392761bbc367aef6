"""What a token-level method tells the shared code about itself, and whether verl knows it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from omegaconf import DictConfig, OmegaConf

from recipe.primitives.ranges import check_choice
from recipe.token_level.signs import Sign


@dataclass(frozen=True)
class Method:
    """One token-level method.

    name: under which loss and estimator are registered; the trainers are `<name>_<mode>`.
    plugin: module that registers loss and estimator; imported in every process.
    trainers: module that registers the trainers; imported in the task runner.
    token_fields: fields that the estimator makes for the loss.
    needs_verdict: whether the reward function must return `acc`.
    settings: build the typed settings from the method's config node and verl's actor node; ValueError if they are wrong.
    reads_entropy: whether, with these settings, the loss reads the entropies of the policy being updated.
    check: further checks of the whole config; ValueError if it cannot work.
    ratios: turn the sums that the loss filled into metrics.
    signs: of sickness in the method's own metrics, beside those that the run layer knows for all.
    console: what a step's line on the console says of the method's own metrics, as short phrases.
    dump_columns: columns of the token dump of the method's own, each with the token field that it shows.
    groups: the names of the groups, if one of those columns holds their numbers from 1.
    """

    name: str
    plugin: str
    trainers: str
    token_fields: tuple[str, ...]
    needs_verdict: bool
    settings: Callable[[Mapping, DictConfig], Any]
    ratios: Callable[[Mapping[str, float]], dict[str, float]]
    reads_entropy: Callable[[Any], bool] = lambda settings: False
    check: Callable[[DictConfig], None] = lambda config: None
    signs: tuple[Sign, ...] = ()
    console: Callable[[Mapping[str, float]], list[str]] = lambda metrics: []
    dump_columns: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()


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
