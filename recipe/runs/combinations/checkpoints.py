"""Combinations that lose work, or begin again at another place than they say."""

from __future__ import annotations

import os

from omegaconf import open_dict

from recipe.runs.combinations.rule import ACTOR, ALLOWED, FSDP, REFUSED, SET, WARNED, Rule, get


def _async_save(config):
    strategy = config.actor_rollout_ref.actor.strategy
    if get(config, f"{ACTOR}.checkpoint.async_save", False) and strategy != "megatron":
        return (
            f"{ACTOR}.checkpoint.async_save=True is implemented by verl for Megatron only; with {strategy} it leaves out "
            "latest_checkpointed_iteration.txt, without which a resumed run begins at step 0; set it to False"
        )


def _contents(config, which):
    return set(get(config, f"{ACTOR}.checkpoint.{which}_contents", ["model", "optimizer", "extra"]))


def _resumes(config):
    return config.actor_rollout_ref.actor.strategy in FSDP and config.trainer.resume_mode != "disable"


def _no_weights(config):
    if not _resumes(config):
        return None
    key, saved, loaded = f"{ACTOR}.checkpoint", _contents(config, "save"), _contents(config, "load")
    if "model" not in loaded:
        return (
            f"{key}.load_contents has no `model`, so that a resumed run goes on from its step with the untrained weights; add "
            f"model to {key}.load_contents and save_contents, or set trainer.resume_mode=disable"
        )
    if lacking := sorted(loaded - saved):
        return (
            f"{key}.load_contents asks for {lacking[0]}, which {key}.save_contents does not save, so that no checkpoint of "
            "this run can be resumed from; make them the same, or set trainer.resume_mode=disable"
        )


def _no_optimizer(config):
    lacking = [part for part in ("optimizer", "extra") if part not in _contents(config, "load")]
    if _resumes(config) and lacking:
        what = {"optimizer": "Adam's moments", "extra": "the learning-rate schedule and the random state"}
        lost = " and ".join(what[part] for part in lacking)
        return (
            f"{ACTOR}.checkpoint.load_contents has no {' and no '.join(lacking)}: after each resume {lost} begin anew; add "
            "what is missing to it and to save_contents"
        )


def keep_the_one_before(config) -> None:
    """Let verl keep two checkpoints where one is asked for.

    It removes the older one as soon as the ranks have written theirs, and the rest of the newer one is written after that. It
    takes no more room: while it saves there are two in any case.
    """
    trainer = config.trainer
    with open_dict(config):
        if trainer.get("remove_previous_ckpt_in_save"):
            trainer.update(remove_previous_ckpt_in_save=False, max_actor_ckpt_to_keep=1, max_critic_ckpt_to_keep=1)
        for key in ("max_actor_ckpt_to_keep", "max_critic_ckpt_to_keep"):
            if trainer.get(key) == 1:
                trainer[key] = 2


def _restore_schedule(config):
    if config.actor_rollout_ref.actor.strategy == "megatron":
        with open_dict(config):
            config.actor_rollout_ref.actor.optim.use_checkpoint_opt_param_scheduler = True


def _same_path_again(config):
    if config.trainer.resume_mode == "resume_path" and "SLURM_JOB_ID" in os.environ:
        return (
            f"trainer.resume_mode=resume_path in a Slurm job: each requeue begins at {config.trainer.resume_from_path} again "
            "and overwrites what was trained since; once the run has a checkpoint of its own, go on with "
            "trainer.resume_mode=auto"
        )


RULES = (
    Rule(
        combination="`actor_rollout_ref.actor.checkpoint.async_save=True`, another engine than Megatron",
        stock="Checkpoints are written, `latest_checkpointed_iteration.txt` never is: a resumed run begins at step 0 and "
        "writes over the old folders.",
        ours=REFUSED,
        example=("actor_rollout_ref.actor.checkpoint.async_save=True",),
        find=_async_save,
        verl="<=0.9.1",
        seen=(
            ("trainer/ppo/v1/trainer_base.py", "skip write latest_checkpointed_iteration.txt when async_save is True"),
            ("trainer/config/config.py", "Only implemented for Megatron as of now."),
        ),
        reports=("verl-project/verl#7952",),
    ),
    Rule(
        combination="`trainer.max_actor_ckpt_to_keep` and a run that is stopped and resumed",
        stock="Each start counts anew: five starts with 2 leave 10 checkpoints.",
        ours=ALLOWED,
        how="once a checkpoint is complete, the older ones of the run beyond that number are removed, those of earlier starts, "
        "too: [recovery](recovery.md#how-many-checkpoints-stay)",
        test="tests/runs/test_retention.py::test_the_number_is_kept_over_five_starts",
        verl="<=0.9.1",
        seen=(("utils/checkpoint/checkpoint_manager.py", "self.previous_saved_paths = []"),),
        reports=("verl-project/verl#7395",),
    ),
    Rule(
        combination="`trainer.max_actor_ckpt_to_keep=1`",
        stock="The older checkpoint is removed when the ranks have written the newer one, before the rest of it is there; a "
        "run that dies in between has no complete one.",
        ours=SET,
        example=("trainer.max_actor_ckpt_to_keep=1",),
        mend=keep_the_one_before,
        how="to 2",
        verl="<=0.9.1",
        seen=(("utils/checkpoint/checkpoint_manager.py", "def register_checkpoint"),),
        reports=("verl-project/verl#4873",),
    ),
    Rule(
        combination="Megatron and a resumed run",
        stock="The learning-rate schedule is saved and not restored: each resume warms up again.",
        ours=SET,
        example=("model_engine=megatron",),
        mend=_restore_schedule,
        how="`use_checkpoint_opt_param_scheduler=True` of the actor's `optim`; with it Megatron takes the learning rate of the "
        "checkpoint, too, not one that was changed for the resume",
        verl="<=0.9.1",
        seen=(
            ("utils/checkpoint/megatron_checkpoint_manager.py", 'state_dict["lr_scheduler"] = self.lr_scheduler.state_dict()'),
            ("utils/checkpoint/megatron_checkpoint_manager.py", "if self.use_checkpoint_opt_param_scheduler:"),
        ),
        reports=("verl-project/verl#7953",),
    ),
    Rule(
        combination="FSDP, `load_contents` of the actor's `checkpoint` without `model`, or with more than `save_contents`",
        stock="Without `model` a resumed run goes on at its step with the weights of step 0; with more, it fails when it "
        "resumes.",
        ours=REFUSED,
        example=("actor_rollout_ref.actor.checkpoint.save_contents=[hf_model]",),
        find=_no_weights,
        seen=(("utils/checkpoint/fsdp_checkpoint_manager.py", "if self.should_load_model:"),),
    ),
    Rule(
        combination="FSDP, `load_contents` without `optimizer` or `extra`",
        stock="Each resume begins with empty moments, or with the warm-up of the learning rate.",
        ours=WARNED,
        example=("actor_rollout_ref.actor.checkpoint.save_contents=[model,extra]",),
        find=_no_optimizer,
        seen=(("utils/checkpoint/fsdp_checkpoint_manager.py", "if self.should_load_optimizer:"),),
    ),
    Rule(
        combination="FSDP, another learning rate, weight decay or betas than the checkpoint's that is resumed",
        stock="The checkpoint's are restored and the new ones ignored.",
        ours=ALLOWED,
        how="the new ones are trained with, at the checkpoint's place in the schedule",
        test="tests/verl_patches/test_own_rates.py::test_here_the_config_decides_and_the_place_in_the_schedule_stays",
        verl="<=0.9.1",
        seen=(("utils/checkpoint/fsdp_checkpoint_manager.py", "self.optimizer.load_state_dict(optimizer_state_dict)"),),
        reports=("verl-project/verl#3170",),
    ),
    Rule(
        combination="`trainer.resume_mode=resume_path` in a Slurm job that is requeued",
        stock="Each requeue begins at the same checkpoint again.",
        ours=WARNED,
        example=("trainer.resume_mode=resume_path", "trainer.resume_from_path=/other/global_step_7"),
        environment={"SLURM_JOB_ID": "1"},
        find=_same_path_again,
        seen=(("trainer/ppo/v1/trainer_base.py", "global_step_folder = self.config.trainer.resume_from_path"),),
    ),
)
