"""What the checks learn and hand on to later ones."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from omegaconf import DictConfig

from recipe.runs.data_checks import Data, read_data
from recipe.token_level.method import Method

_LAYER = re.compile(r".*?\.\d+\.")  # of a parameter's name, e.g. `model.layers.7.`


class SkipCheck(Exception):
    """What a check needs is not known; the message says what."""


@dataclass(frozen=True)
class Model:
    """What a model's folder says about it.

    folder: where its files are on this machine.
    config: the `transformers` config of its text part, with `model.override_config` applied.
    shapes: of every parameter, by name; tied weights once.
    """

    folder: str
    config: Any
    shapes: dict[str, tuple[int, ...]]

    def setting(self, name: str) -> int:
        """A number of the config; SkipCheck for an architecture that has no such thing."""
        value = getattr(self.config, name, None)
        if value is None:
            raise SkipCheck(f"the model's config has no {name}")
        return value

    @cached_property
    def heads(self) -> tuple[int, int]:
        """Attention heads, and heads of keys and values."""
        heads = self.setting("num_attention_heads")
        return heads, getattr(self.config, "num_key_value_heads", None) or heads

    @cached_property
    def parameters(self) -> int:
        """Number of parameters."""
        return sum(map(math.prod, self.shapes.values()))

    @cached_property
    def largest_layer(self) -> int:
        """Parameters of the largest decoder layer, which FSDP gathers at once."""
        layers: dict[str, int] = {}
        for name, shape in self.shapes.items():
            if layer := _LAYER.match(name):
                layers[layer[0]] = layers.get(layer[0], 0) + math.prod(shape)
        return max(layers.values(), default=self.parameters)

    @cached_property
    def outside_layers(self) -> int:
        """Parameters of embeddings, head and final norm."""
        return sum(math.prod(shape) for name, shape in self.shapes.items() if not _LAYER.match(name))

    def lora_parameters(self, rank: int) -> int:
        """Parameters of adapters of this rank on every linear layer (verl's default target)."""
        linear = (s for name, s in self.shapes.items() if _LAYER.match(name) and len(s) == 2)
        return rank * sum(rows + columns for rows, columns in linear)


@dataclass(frozen=True)
class Node:
    """One machine.

    name: its address in Ray, or `this machine`.
    id: Ray's; None for this machine without a cluster.
    gpus, free: GPUs that Ray (or torch) counts on it, and those that nobody has taken.
    about: what `on_node.describe` found; None if it did not answer.
    """

    name: str
    id: str | None
    gpus: int
    free: int
    about: dict | None


@dataclass(frozen=True)
class Layout:
    """How the trainer's GPUs are divided; all numbers count GPUs.

    gpus: of the trainer, on all nodes.
    parallel: that share one sequence (Ulysses, or tensor x pipeline x context parallel with Megatron).
    shard: over which FSDP spreads a parameter; there are gpus / shard copies of each.
    """

    gpus: int
    parallel: int
    shard: int

    @property
    def ranks(self) -> int:
        """Data-parallel ranks."""
        return self.gpus // self.parallel


@dataclass
class Run:
    """The run that is looked at; checks fill in the facts, and one that needs a missing fact is skipped."""

    config: DictConfig
    method: Method
    known_model: Model | None = None
    known_tokenizer: Any = None
    known_nodes: list[Node] | None = None

    @cached_property
    def data(self) -> Data:
        """What the data files hold; why they cannot be used is said by the check `data`."""
        try:
            return read_data(self.config)
        except ValueError:
            raise SkipCheck("the data cannot be used") from None

    @property
    def model(self) -> Model:
        """The model, once the check `model` has read it."""
        if self.known_model is None:
            raise SkipCheck("the model could not be read")
        return self.known_model

    @property
    def tokenizer(self) -> Any:
        """The tokenizer with its chat template, once the check `tokenizer` has read it."""
        if self.known_tokenizer is None:
            raise SkipCheck("the tokenizer could not be read")
        return self.known_tokenizer

    @property
    def nodes(self) -> list[Node]:
        """The machines, once the check `nodes` has asked them."""
        if self.known_nodes is None:
            raise SkipCheck("the nodes could not be asked")
        return self.known_nodes

    @property
    def on_cluster(self) -> bool:
        """Whether the nodes are those of a running Ray cluster."""
        return any(node.id for node in self.nodes)

    @cached_property
    def layout(self) -> Layout:
        """How the GPUs are divided, which the check `parallelism` has found possible."""
        layout = read_layout(self.config)
        if layout.gpus % layout.parallel:
            raise SkipCheck("the GPUs cannot be divided as configured")
        return layout


def read_layout(config: DictConfig) -> Layout:
    """Layout as configured, whether or not the numbers divide each other."""
    actor, trainer = config.actor_rollout_ref.actor, config.trainer
    if actor.strategy not in ("fsdp", "fsdp2", "megatron"):
        raise SkipCheck(f"only FSDP and Megatron are known here, not {actor.strategy}")
    gpus = trainer.nnodes * trainer.n_gpus_per_node
    if actor.strategy == "megatron":
        engine = actor.megatron
        parallel = engine.tensor_model_parallel_size * engine.pipeline_model_parallel_size * engine.context_parallel_size
        return Layout(gpus, parallel, shard=parallel)
    engine = actor.fsdp_config
    shard = engine.fsdp_size if 0 < engine.fsdp_size < gpus else gpus
    return Layout(gpus, max(actor.ulysses_sequence_parallel_size, engine.ulysses_sequence_parallel_size), shard)
