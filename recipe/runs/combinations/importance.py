"""Combinations in which a weight pi / mu is computed from numbers that are not those of the distribution sampled from.

With `rollout_is` or `rollout_rs` verl weights or rejects tokens by the actor's log-prob minus that which the rollout returned;
the loss of every method here is multiplied by the weight. Without them the rollouts' log-probs are only compared in metrics.
"""

from __future__ import annotations

from recipe.runs.combinations.rule import ALLOWED, REFUSED, ROLLOUT, WARNED, Rule, correction, get, mode_of

_KEY = "algorithm.rollout_correction"
_OFF = f"or leave the correction out ({_KEY}.rollout_is=null {_KEY}.rollout_rs=null)"


def _bypass(config):
    if get(config, f"{_KEY}.bypass_mode", False):
        return (
            f"{_KEY}.bypass_mode=True skips the old-log-prob pass, which measures the token entropies that the method needs, "
            "and takes the rollouts' log-probs for the old ones; set it to False"
        )


def _no_log_probs(config):
    wanted = correction(config)
    if wanted and not config.actor_rollout_ref.rollout.calculate_log_probs:
        return (
            f"{_KEY} asks for {wanted!r}, which needs the rollouts' log-probs; set "
            "actor_rollout_ref.rollout.calculate_log_probs=True"
        )


def _truncated(config):
    rollout, wanted = config.actor_rollout_ref.rollout, correction(config)
    cut = [
        f"{key}={value}"
        for key, value, all_tokens in (("top_p", rollout.top_p, 1), ("top_k", rollout.top_k, -1))
        if value != all_tokens
    ]
    if wanted and cut:
        return (
            f"{ROLLOUT}.{' and '.join(cut)} with {_KEY} ({wanted}): tokens are sampled from the kept ones only, which the "
            "actor's log-probs do not know, so that the weight of a token is the probability that was kept, smallest where "
            f"the entropy is high; set top_p=1.0 and top_k=-1, {_OFF}"
        )


def _raw(config):
    rollout, wanted = config.actor_rollout_ref.rollout, correction(config)
    mode = rollout.logprobs_mode
    if wanted and mode == "raw_logprobs" and rollout.temperature != 1:
        return (
            f"{ROLLOUT}.logprobs_mode=raw_logprobs with temperature={rollout.temperature} and {_KEY} ({wanted}): the rollouts' "
            "log-probs are those before the temperature, the actor's those after it; set logprobs_mode=processed_logprobs, "
            f"{_OFF}"
        )
    if wanted and mode not in ("raw_logprobs", "processed_logprobs"):
        return (
            f"{ROLLOUT}.logprobs_mode is {mode}: {_KEY} ({wanted}) would take logits for log-probs; set "
            f"logprobs_mode=processed_logprobs, {_OFF}"
        )


def _stale(config):
    mode = mode_of(config)
    if mode != "sync" and not get(config, f"{_KEY}.rollout_is"):
        return (
            f"trainer.v1.trainer_mode={mode} trains on responses that older weights have begun, and nothing corrects for it; "
            f"set {_KEY}.rollout_is=token"
        )


def _quantized(config):
    quantization = get(config, f"{ROLLOUT}.quantization")
    if quantization and not get(config, f"{_KEY}.rollout_is"):
        return (
            f"{ROLLOUT}.quantization={quantization} samples from another model than the one that is trained, and nothing "
            f"corrects for it; set {_KEY}.rollout_is=token"
        )


_TOKEN = "algorithm.rollout_correction.rollout_is=token"
RULES = (
    Rule(
        combination="`algorithm.rollout_correction.bypass_mode=True`",
        stock="The rollouts' log-probs are taken for the old ones, no entropies are measured, and verl's own loss is "
        "installed.",
        ours=REFUSED,
        example=("algorithm.rollout_correction.bypass_mode=True",),
        find=_bypass,
        seen=(("trainer/ppo/v1/trainer_base.py", "if bypass_recomputing_logprobs:  # Use `rollout_log_probs`"),),
    ),
    Rule(
        combination="`rollout_is` or `rollout_rs` with `rollout.calculate_log_probs=False`",
        stock="The correction is left out without a word.",
        ours=REFUSED,
        example=(_TOKEN, "actor_rollout_ref.rollout.calculate_log_probs=False"),
        find=_no_log_probs,
        seen=(("trainer/ppo/v1/trainer_base.py", '"rollout_log_probs" in data.batch and not bypass_recomputing_logprobs'),),
        reports=("verl-project/verl#6963",),
    ),
    Rule(
        combination="`rollout_is` or `rollout_rs` with `rollout.top_p` below 1 or a `rollout.top_k`",
        stock="The weight of every token is the probability mass that was kept, at top_p 0.7 as low as 0.7, lowest at tokens "
        "of high entropy.",
        ours=REFUSED,
        example=(_TOKEN, "actor_rollout_ref.rollout.top_p=0.7"),
        find=_truncated,
        seen=(("trainer/ppo/v1/agent_loop_tq.py", "top_p=config.top_p"),),
        reports=("huggingface/trl#6789", "verl-project/verl#6240"),
    ),
    Rule(
        combination="`rollout_is` or `rollout_rs` with `rollout.logprobs_mode` `raw_logprobs` and a `temperature` other than "
        "1, or with logits for log-probs",
        stock="Log-probs before the temperature are compared with log-probs after it: the weights are those of another policy.",
        ours=REFUSED,
        example=(
            _TOKEN,
            "actor_rollout_ref.rollout.logprobs_mode=raw_logprobs",
            "actor_rollout_ref.rollout.temperature=0.6",
        ),
        find=_raw,
        seen=(("workers/rollout/vllm_rollout/vllm_async_server.py", '"logprobs_mode": self.config.logprobs_mode'),),
        reports=("huggingface/trl#4159", "verl-project/verl#6240", "vllm-project/vime#64"),
    ),
    Rule(
        combination="`colocate_async` or `separate_async` without `rollout_is`",
        stock="Responses of older weights are trained on as if they came from the present ones.",
        ours=WARNED,
        example=("trainer.v1.trainer_mode=colocate_async",),
        find=_stale,
        seen=(("trainer/ppo/v1/trainer_base.py", "rollout_corr_config is not None and"),),
        reports=("radixark/miles#1829",),
    ),
    Rule(
        combination="`rollout.quantization` (fp8) without `rollout_is`",
        stock="Sampled from one model, trained as another.",
        ours=WARNED,
        example=("actor_rollout_ref.rollout.quantization=fp8",),
        find=_quantized,
        seen=(("workers/config/rollout.py", "quantization: Optional[str] = None"),),
        reports=("verl-project/verl#4415", "verl-project/verl#5459"),
    ),
    Rule(
        combination="A model whose `generation_config.json` has a `top_p`, `top_k`, `repetition_penalty` or others",
        stock="Right: each request says its own, and of that file only the ends of a response are taken.",
        ours=ALLOWED,
        test="tests/runs/combinations/test_stock.py::test_sampling_settings_of_the_model_do_not_reach_a_request",
        seen=(
            (
                "workers/rollout/vllm_rollout/vllm_async_server.py",
                "sampling_params = SamplingParams(max_tokens=max_tokens, **sampling_params)",
            ),
            ("trainer/ppo/v1/agent_loop_tq.py", "repetition_penalty=1.0,"),
        ),
        reports=("NVIDIA-NeMo/RL#3497", "verl-project/verl#702"),
    ),
)
