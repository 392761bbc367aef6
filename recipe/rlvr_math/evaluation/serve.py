"""verl's rollout servers without a trainer: replicas of one model on the GPUs of a Ray cluster, behind verl's load balancer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from omegaconf import DictConfig, OmegaConf, open_dict

from recipe.rlvr_math.evaluation.collect import Request, Response
from recipe.runs.preflight.tokenizer import response_ends
from recipe.runs.vllm_door import close_vllm
from verl_patches.contract import check


def count_servers(config: DictConfig) -> int:
    """How many replicas the GPUs make.

    Raises:
        ValueError: the GPUs cannot be shared out to servers.
    """
    rollout, trainer = config.actor_rollout_ref.rollout, config.trainer
    size = rollout.tensor_model_parallel_size * rollout.data_parallel_size * rollout.pipeline_model_parallel_size
    gpus, of_node = trainer.nnodes * trainer.n_gpus_per_node, trainer.n_gpus_per_node
    if gpus % size or max(size, of_node) % min(size, of_node):
        raise ValueError(
            f"a server takes {size} GPUs (tensor x data x pipeline parallel size), which does not divide {trainer.nnodes} x "
            f"{of_node} GPUs (trainer.nnodes x trainer.n_gpus_per_node) evenly; change one of them"
        )
    return gpus // size


def start_ray(config: DictConfig) -> str:
    """Start or join a Ray cluster as verl's driver does, and return a description of the hardware that will be used.

    Raises:
        ValueError: the cluster has too few GPUs, on which verl would wait for ever.
    """
    import ray
    from verl.trainer.constants_ppo import get_ppo_ray_runtime_env
    from verl.utils.device import get_device_name, get_resource_name

    ray_init = OmegaConf.to_container(config.ray_kwargs.ray_init, resolve=True)
    runtime_env = OmegaConf.merge(get_ppo_ray_runtime_env(config), ray_init.pop("runtime_env"))
    ray.init(runtime_env=OmegaConf.to_container(runtime_env), **ray_init)
    gpus = config.trainer.nnodes * config.trainer.n_gpus_per_node
    resources = ray.cluster_resources()
    if (found := int(resources.get(get_resource_name(), 0))) < gpus:
        raise ValueError(
            f"{gpus} GPUs are asked for (trainer.nnodes x trainer.n_gpus_per_node) and the Ray cluster has {found}; lower one "
            "of them, or let more nodes join"
        )
    if get_device_name() == "cpu":
        return f"CPU, {config.trainer.n_gpus_per_node} server slots"
    kinds = sorted(name.partition(":")[2] for name in resources if name.startswith("accelerator_type:"))
    return f"{config.trainer.nnodes} x {config.trainer.n_gpus_per_node} {' or '.join(kinds) or get_device_name()}"


def takes_request_seeds() -> bool:
    """Whether each request can have a seed. vLLM 0.28 on CPU fails with one ("CPU Generator does not use offset")."""
    from verl.utils.device import get_device_name

    return get_device_name() != "cpu"


async def start_servers(
    config: DictConfig, folder: str, tokenizer, engine_seed: int, request_seed: Callable[[Request], int] | None
) -> Callable[[Request], Awaitable[Response]]:
    """Load the model of `folder` into all servers; returns `generate` for `collect`, with which they live and end.

    engine_seed: of what has no seed of its own. request_seed: the seed of each request, None for none.
    """
    check("evaluation")
    from verl.workers.rollout.llm_server import LLMServerManager

    rollout = config.actor_rollout_ref.rollout
    close_vllm(config)
    with open_dict(config):
        config.actor_rollout_ref.model.path = folder
        rollout.seed = engine_seed
        rollout.max_model_len = rollout.max_model_len or config.max_prompt_tokens + config.max_response_tokens
    manager = await LLMServerManager.create(config)
    sampling = {"temperature": config.temperature, "top_p": config.top_p, "top_k": config.top_k}
    sampling["max_tokens"] = config.max_response_tokens
    return _Servers(manager, tokenizer, response_ends(folder, tokenizer), sampling, request_seed).generate


class _Servers:
    def __init__(self, manager, tokenizer, ends: set[int], sampling: dict, request_seed: Callable[[Request], int] | None):
        self._manager = manager  # Ray ends servers that nobody refers to
        self._client = manager.get_client()
        self._tokenizer, self._ends, self._sampling, self._request_seed = tokenizer, ends, sampling, request_seed

    async def generate(self, request: Request) -> Response:
        seed = {} if self._request_seed is None else {"seed": self._request_seed(request)}
        name = f"{request.benchmark}/{request.problem.id}/{request.sample}"
        answer = await self._client.generate(name, prompt_ids=request.prompt_ids, sampling_params=self._sampling | seed)
        if answer.stop_reason != "completed":
            raise RuntimeError(f"a server ended the response {name} with {answer.stop_reason!r}")
        ids = list(answer.token_ids)
        # As verl hands responses to a reward function. Not on the event loop: a long response takes milliseconds.
        output = await asyncio.to_thread(self._tokenizer.decode, ids, skip_special_tokens=True)
        # verl's stop reason does not tell the end token from the limit.
        cut_off = len(ids) >= self._sampling["max_tokens"] and ids[-1] not in self._ends
        return Response(output, len(ids), cut_off)
