"""Settings given at a place that verl's configs take and its trainers do not read."""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig, OmegaConf

from recipe.runs.combinations.rule import ACTOR, REFUSED, ROLLOUT, WARNED, Rule, get

_OLD = {
    "custom_reward_function": "reward.custom_reward_function",
    "reward_model.reward_manager": "reward.reward_manager.name",
    "reward_model.reward_kwargs": "reward.reward_kwargs",
    "reward_model": "reward.reward_model",
    "sandbox_fusion": "reward.sandbox_fusion",
}


def _old_reward_keys(config):
    for old, new in _OLD.items():
        if _holds_anything(OmegaConf.select(config, old)):
            return f"{old} is a place that verl does not read any more; set {new} instead"


def _holds_anything(node: Any) -> bool:
    return any(map(_holds_anything, node.values())) if isinstance(node, DictConfig) else node is not None


def _old_clip(config):
    asked, read = get(config, f"{ACTOR}.grad_clip", 1.0), get(config, f"{ACTOR}.optim.clip_grad", 1.0)
    if asked not in (1.0, read):  # 1.0: verl's default
        return (
            f"{ACTOR}.grad_clip={asked} is not read, gradients are clipped to the norm {read}; set {ACTOR}.optim.clip_grad "
            "instead"
        )


def _unread_sampling(config):
    penalty = get(config, f"{ROLLOUT}.repetition_penalty", 1.0)
    if penalty != 1:
        return (
            f"{ROLLOUT}.repetition_penalty={penalty} is not read, rollouts are sampled with 1.0, as they have to be: the "
            "actor's log-probs know no penalty; leave it out"
        )
    if not get(config, f"{ROLLOUT}.do_sample", True):
        return (
            f"{ROLLOUT}.do_sample=False is not read, rollouts are sampled at {ROLLOUT}.temperature; leave it out, greedy "
            "responses to a prompt would all be the same"
        )


def _unread_greedy(config):
    given = config.actor_rollout_ref.rollout.val_kwargs
    if not given.do_sample and given.temperature > 0:
        return (
            f"{ROLLOUT}.val_kwargs.do_sample=False is not read, validation samples at the temperature {given.temperature}; set "
            f"{ROLLOUT}.val_kwargs.temperature=0 for greedy responses, or do_sample=True to say what happens"
        )


RULES = (
    Rule(
        combination="`custom_reward_function`, `reward_model` or `sandbox_fusion` at the top of the config, as older recipes "
        "have them",
        stock="The key is taken and not read: the run trains with another reward.",
        ours=REFUSED,
        example=("custom_reward_function.path=reward.py",),
        find=_old_reward_keys,
        seen=(("trainer/config/_generated_ppo_trainer.yaml", "\ncustom_reward_function:"),),
    ),
    Rule(
        combination="`actor.grad_clip`, as older scripts have it",
        stock="The key is taken and not read: gradients are clipped by `actor.optim.clip_grad`, to 1.0 by default.",
        ours=REFUSED,
        example=("actor_rollout_ref.actor.grad_clip=0.2",),
        find=_old_clip,
        verl="<=0.9.1",
        seen=(("workers/engine/fsdp/transformer_impl.py", "max_norm=self.optimizer_config.clip_grad"),),
        reports=("verl-project/verl#7923",),
    ),
    Rule(
        combination="`rollout.repetition_penalty` other than 1, or `rollout.do_sample=False`",
        stock="Taken and not read: rollouts are sampled without a penalty at `rollout.temperature`.",
        ours=REFUSED,
        example=("+actor_rollout_ref.rollout.repetition_penalty=1.05",),
        find=_unread_sampling,
        verl="<=0.9.1",
        seen=(("trainer/ppo/v1/agent_loop_tq.py", "repetition_penalty=1.0,"),),
        reports=("verl-project/verl#7270",),
    ),
    Rule(
        combination="`rollout.val_kwargs.do_sample=False` with a `temperature` above 0 there",
        stock="Taken and not read: validation samples, and is no greedy one.",
        ours=WARNED,
        example=(
            "actor_rollout_ref.rollout.val_kwargs.do_sample=False",
            "actor_rollout_ref.rollout.val_kwargs.temperature=0.6",
        ),
        find=_unread_greedy,
        verl="<=0.9.1",
        seen=(("trainer/ppo/v1/agent_loop_tq.py", 'sampling_params["temperature"] = config.val_kwargs.temperature'),),
        reports=("verl-project/verl#6202",),
    ),
)
