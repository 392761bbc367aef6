"""Every value of a config, looked at before anything computes with it: is it of the type that verl's own configs have there?

verl checks no types: it fails at the first place that uses the value, often in an actor and with the GPUs held.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from recipe.runs.misspelt import keys_of, refuse_misspelt
from recipe.runs.value_ranges import check_choices, check_ranges, is_number

_SHARED = Path(__file__).parent / "config/dapo_base.yaml"
_ACTOR, _REF = "actor_rollout_ref.actor", "actor_rollout_ref.ref"
_RAY, _REWARD = "ray_kwargs.ray_init", "reward.reward_kwargs"
# Mappings that verl's own configs do not have as such, and those that may be null.
_MORE_MAPPINGS = (
    "adaptive_temperature",
    "overlong_filtering",
    "trainer.token_dump",
    *(_REWARD, f"{_REWARD}.overlong_buffer_cfg"),
    *(_RAY, f"{_RAY}.runtime_env", f"{_RAY}.runtime_env.env_vars"),
    *(f"{part}.fsdp_config.mixed_precision" for part in (_ACTOR, _REF)),
    "reward.custom_reward_function.reward_kwargs",
    "actor_rollout_ref.rollout.engine_kwargs.vllm",
    "preflight",
)
_MAPPINGS_OR_NULL = (
    "algorithm.filter_groups",
    "algorithm.rollout_correction",
    *(_REWARD, f"{_REWARD}.overlong_buffer_cfg", f"{_RAY}.runtime_env.env_vars"),
    *(f"{part}.fsdp_config.mixed_precision" for part in (_ACTOR, _REF)),
)
# Where verl takes more than what its default is.
_ALSO = {
    f"{_ACTOR}.fsdp_config.reshard_after_forward": (int,),
    f"{_REF}.fsdp_config.reshard_after_forward": (int,),
    "actor_rollout_ref.model.target_modules": (list,),
    "data.train_files": (list, type(None)),
    "data.val_files": (list, type(None)),
    "trainer.logger": (str,),
    "actor_rollout_ref.model.path": (type(None),),  # what must be given is asked for elsewhere
    "actor_rollout_ref.rollout.prometheus.served_model_name": (type(None),),  # the same value
}


def check_values(config: DictConfig, method: str) -> None:
    """Raise ValueError for the first thing without meaning: a reference to nothing, a misspelt key, a wrong type, out of range.

    method: the key of the method's own settings.
    """
    tree = OmegaConf.to_container(config)
    of_any_engine = verls_defaults("fsdp")
    _refuse_removed(tree, (*{key.partition(".")[0]: None for key in of_any_engine}, f"{_ACTOR}.strategy", method))
    for key in (*_mappings(tuple(of_any_engine)), *_MORE_MAPPINGS, method):
        _check_mapping(tree, key)
    written = dict(leaves(tree))
    try:
        values = dict(leaves(OmegaConf.to_container(config, resolve=True)))
    except OmegaConfBaseException:
        _refuse_broken_references(config, written)
        raise
    check_choices(values)
    _check_engine(config.actor_rollout_ref.actor)
    schema = verls_defaults(config.actor_rollout_ref.actor.strategy)
    _refuse_removed(tree, schema)
    refuse_misspelt(tree, (*schema, *keys_of(_SHARED), method, *_MORE_MAPPINGS))
    # What only refers to another value comes last, so that the key that the user has set is named.
    for key in sorted(values, key=lambda key: any(_refers(written.get(part)) for part in (key, *_above(key)))):
        _check_type(key, values[key], schema)
    check_ranges(values)


def leaves(node: dict, path: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted key, value) of everything in a config that is no mapping, and of the empty ones."""
    for name, value in node.items():
        key = f"{path}.{name}" if path else str(name)
        if isinstance(value, dict) and value:
            yield from leaves(value, key)
        else:
            yield key, value


@cache
def verls_defaults(strategy: str) -> dict[str, Any]:
    """verl's own value of each key with this engine."""
    engine = f"{strategy}_" if strategy in ("megatron", "torchtitan", "veomni") else ""
    file = Path(find_spec("verl").submodule_search_locations[0]) / f"trainer/config/_generated_ppo_{engine}trainer.yaml"
    plain = yaml.load(file.read_text(), yaml.CSafeLoader)  # OmegaConf's own reader takes ten times as long
    return dict(leaves(OmegaConf.to_container(OmegaConf.create(plain), resolve=True)))


def _check_mapping(tree: dict, key: str) -> None:
    """What other keys are below is a mapping, if it is there."""
    node: Any = tree
    for part in key.split("."):
        if not isinstance(node, dict) or part not in node:
            return
        node = node[part]
    if not isinstance(node, dict) and not _refers(node) and not (node is None and key in _MAPPINGS_OR_NULL):
        raise ValueError(f"{key} is {node!r}; it must be a mapping, since other keys are below it")


def _refuse_removed(tree: dict, keys: Iterable[str]) -> None:
    """verl reads its keys without asking whether they are there."""
    for key in keys:
        node: Any = tree
        for above in (*reversed([*_above(key)]), key):
            if not isinstance(node, dict):  # a reference, or null
                break
            name = above.rpartition(".")[2]
            if name not in node:
                raise ValueError(f"{above} is not in the config, and is needed; leave out ~{above}")
            node = node[name]


def _refers(text: Any) -> bool:
    return isinstance(text, str) and "${" in text


def _refuse_broken_references(config: DictConfig, written: dict[str, Any]) -> None:
    broken = {}
    for key in (key for key, text in written.items() if _refers(text)):
        try:
            OmegaConf.select(config, key)
        except OmegaConfBaseException as error:
            broken[key] = str(error).splitlines()[0]
    for key, reason in broken.items():
        if not any(
            re.search(rf"[{{:]{re.escape(other)}[,}}]", written[key]) for other in broken
        ):  # else the other one is to be mended
            raise ValueError(f"{key} refers to what is not there: {reason}; mend the ${{...}} in it")


def _check_type(key: str, value: Any, schema: dict[str, Any]) -> None:
    wanted = next((wish for wish in _wishes(key, value, schema)), None)
    if wanted:
        raise ValueError(f"{key} is {value!r}; it must be {wanted}")


def _wishes(key: str, value: Any, schema: dict[str, Any]) -> Iterator[str]:
    """What else the value must be, nothing if it is right or not known to verl's configs."""
    for above in _above(key):
        if schema.get(above) is not None and not isinstance(schema[above], dict):
            yield f"no mapping: {above} has one value, {schema[above]!r} for example"
    default = schema.get(key)
    if value == "???" and default != "???":
        yield "set, which ??? asks for"
    if default is None or default == "???" or isinstance(value, _ALSO.get(key, ())):
        return
    for kind, right, name in (
        (bool, isinstance(value, bool), "true or false"),
        (int | float, is_number(value), "a finite number"),
        (str, isinstance(value, str), "text"),
        (list, isinstance(value, list), "a list, [a,b]"),
        (dict, isinstance(value, dict), "a mapping, {key:value}"),
    ):
        if isinstance(default, kind):
            if not right:
                yield f"{name}, as in verl's {default!r}"
            return


def _above(key: str) -> Iterator[str]:
    while key := key.rpartition(".")[0]:
        yield key


@cache
def _mappings(keys: tuple[str, ...]) -> frozenset[str]:
    """The keys that have others below them."""
    return frozenset(above for key in keys for above in _above(key))


def _check_engine(actor: DictConfig) -> None:
    """The strategy and the part of the config that belongs to it come together, by `model_engine`."""
    part = "megatron" if actor.strategy == "megatron" else "fsdp_config" if actor.strategy in ("fsdp", "fsdp2") else None
    if part and "_target_" not in (actor.get(part) or ()):  # which a preset does not bring
        engine = "megatron" if part == "megatron" else "dp"
        raise ValueError(
            f"{_ACTOR}.strategy is {actor.strategy}, which needs another engine's settings; set model_engine={engine}"
        )
