"""How a composed config spreads a model over GPUs: what the presets' headers claim is computed from it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Model:
    """From the model's config.json."""

    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    vocabulary: int
    tied: bool
    positions: int
    head_dim: int = 128

    @property
    def parameters(self):
        attention = 2 * self.hidden * self.head_dim * (self.heads + self.kv_heads)
        layer = attention + 3 * self.hidden * self.intermediate
        return self.layers * layer + (1 if self.tied else 2) * self.vocabulary * self.hidden


MODELS = {
    "Qwen/Qwen3-8B-Base": Model(36, 4096, 12288, 32, 8, 151936, False, 32768),
    "Qwen/Qwen3-8B": Model(36, 4096, 12288, 32, 8, 151936, False, 40960),
    "Qwen/Qwen3-1.7B-Base": Model(28, 2048, 6144, 16, 8, 151936, True, 32768),
    "starriver030515/Qwen2.5-Math-7B-32k": Model(28, 3584, 18944, 28, 4, 152064, False, 32768),
    "starriver030515/Qwen2.5-Math-1.5B-16k": Model(28, 1536, 8960, 12, 2, 151936, True, 16384),
}


class Layout:
    """How a composed config spreads a model over GPUs; sizes in GB of a GPU."""

    def __init__(self, config):
        actor, rollout = config.actor_rollout_ref.actor, config.actor_rollout_ref.rollout
        self.model = MODELS.get(config.actor_rollout_ref.model.path)
        self.gpus = config.trainer.nnodes * config.trainer.n_gpus_per_node
        self.separate = config.trainer.v1.trainer_mode == "separate_async"
        self.rollout_gpus = rollout.nnodes * rollout.n_gpus_per_node if self.separate else self.gpus
        self.megatron = actor.strategy == "megatron"
        if self.megatron:
            engine = actor.megatron
            self.tensor, self.sequence, self.shards = engine.tensor_model_parallel_size, engine.context_parallel_size, self.gpus
            self.ranks = self.gpus // (self.tensor * engine.pipeline_model_parallel_size * self.sequence)
        else:
            engine = actor.fsdp_config
            self.tensor, self.sequence = 1, max(actor.ulysses_sequence_parallel_size, engine.ulysses_sequence_parallel_size)
            self.shards = self.gpus if engine.fsdp_size < 0 else engine.fsdp_size
            self.ranks = self.gpus // self.sequence
        self.tokens = actor.ppo_max_token_len_per_gpu
        offloaded = self.billions * ((2 / self.tensor if self.megatron else 0) + 12 / self.shards)
        # Beside vLLM on the GPU, and of all GPUs of a node in its memory: there, separate_async has two copies of the weights.
        self.kept = 0 if engine.param_offload and engine.optimizer_offload else offloaded
        self.host = config.trainer.n_gpus_per_node * (
            self.billions * 8 / self.shards if self.separate else offloaded - self.kept
        )

    @property
    def billions(self):
        return self.model.parameters / 1e9 if self.model else 0.0

    @property
    def state(self):
        """FSDP: parameters, gradients, two moments in fp32. Megatron: bf16 and fp32 gradients, then the sharded optimizer."""
        if self.megatron:
            return self.billions * ((2 + 4) / self.tensor + 12 / self.shards)
        return self.billions * 16 / self.shards

    @property
    def logits(self):
        """bf16, overwritten by their gradient; Megatron's also in fp32."""
        return self.tokens * self.model.vocabulary / self.tensor * (6 if self.megatron else 2) / 1e9

    @property
    def activations(self):
        """One bf16 hidden state a layer: all is recomputed."""
        return self.model.layers * self.tokens * self.model.hidden / self.tensor * 2 / 1e9

    @property
    def checkpoint(self):
        """GB on disk. FSDP2: fp32 parameters and moments, once. Megatron: bf16 weights, fp32 optimizer."""
        return self.billions * (14 if self.megatron else 12)
