"""One combination of settings: what stock verl makes of it, what this project does, and how it is recognised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from omegaconf import DictConfig, OmegaConf
from packaging.specifiers import SpecifierSet

REFUSED, SET, WARNED, ALLOWED = "refused", "set right", "warned of", "allowed, tested"
FSDP = ("fsdp", "fsdp2")
ACTOR, ROLLOUT, MODEL = "actor_rollout_ref.actor", "actor_rollout_ref.rollout", "actor_rollout_ref.model"


@dataclass(frozen=True)
class Rule:
    """One row of docs/combinations.md, and the check that it is written from.

    combination: the settings, as the table has them.
    stock: what happens with stock verl, nothing of this project in the way.
    ours: REFUSED, SET, WARNED or ALLOWED.
    example: overrides of a shipped config that make the combination; environment: variables that belong to it.
    find: the sentence of the refusal or warning, what is wrong, where, how to mend it; None where the config is not like that.
    mend: for SET, changes the config in place, and does nothing where there is nothing to mend.
    how: for SET and ALLOWED, what is done instead, in the table's words; test: where ALLOWED is seen, `file::name`.
    verl: versions of verl that do so, a version specifier; other versions are not held to the rule. Empty: it is no fault of
        verl's that a later version would mend.
    seen: (file below verl's package, text in it) that shows it in the installed version; a test looks.
    reports: public ones, `repository#number`.
    """

    combination: str
    stock: str
    ours: str
    example: tuple[str, ...] = ()
    find: Callable[[DictConfig], str | None] = lambda config: None
    mend: Callable[[DictConfig], Any] = lambda config: None
    how: str = ""
    test: str = ""
    verl: str = ""
    seen: tuple[tuple[str, str], ...] = ()
    reports: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def holds(self) -> bool:
        """Whether the installed verl does so."""
        return not self.verl or version("verl") in SpecifierSet(self.verl, prereleases=True)


def get(config: DictConfig, key: str, default: Any = None) -> Any:
    """The value of a dotted key; `default` where it is absent or null, as with another engine."""
    value = OmegaConf.select(config, key)
    return default if value is None else value


def mode_of(config: DictConfig) -> str:
    """verl's own name of the trainer mode, without the method's."""
    asynchronous = (mode for mode in ("colocate_async", "separate_async") if config.trainer.v1.trainer_mode.endswith(mode))
    return next(asynchronous, "sync")


def has_lora(config: DictConfig) -> bool:
    """Whether adapters are trained instead of all weights."""
    return get(config, f"{MODEL}.lora_rank", 0) > 0 or get(config, f"{MODEL}.lora.rank", 0) > 0


def computes_in_fp32(config: DictConfig) -> bool:
    """Whether FSDP's forward pass is in float32, so that logits are, too."""
    dtype = get(config, f"{ACTOR}.fsdp_config.mixed_precision.param_dtype", "bf16")
    return dtype in ("fp32", "float32")


def correction(config: DictConfig) -> str | None:
    """Which importance weights or rejections the rollouts' own log-probs are used for; None without any."""
    node = config.algorithm.get("rollout_correction") or {}
    return node.get("rollout_is") or node.get("rollout_rs") or None
