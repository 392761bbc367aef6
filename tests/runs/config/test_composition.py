"""Every shipped config composes and is accepted, with the settings that people change."""

import pytest
from omegaconf import OmegaConf

from recipe.hapo import HAPOConfig
from recipe.hapo.method import HAPO
from recipe.htpo import PRESETS, HTPOConfig, Objective
from recipe.htpo.method import HTPO
from recipe.runs.config_checks import check_run
from recipe.runs.paths import resolve_paths
from recipe.runs.value_checks import check_values
from recipe.token_level.method import require_known_names
from tests import ROOT
from tests.runs.config.given import GIVEN, METHODS, SEPARATE

SHIPPED = sorted(path.stem for path in (ROOT / "recipe/htpo/config/objectives").glob("*.yaml"))


EXPERIMENTS = sorted(path.stem for path in (ROOT / "recipe/runs/config/experiment").glob("*.yaml"))


PLATFORMS = sorted(path.stem for path in (ROOT / "recipe/runs/config/platform").glob("*.yaml"))


def settings_of(config, method=HTPO):
    return method.settings(OmegaConf.to_container(config[method.name], resolve=True), config.actor_rollout_ref.actor)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_yaml_presets_are_the_python_presets(compose, name):
    assert set(SHIPPED) == set(PRESETS)
    assert settings_of(compose(*GIVEN, f"objectives={name}")).objectives == HTPOConfig(objectives=name).objectives


def test_the_yaml_defaults_are_the_python_defaults(compose):
    assert settings_of(compose(*GIVEN)) == HTPOConfig()
    assert settings_of(compose(*GIVEN, recipe="hapo"), HAPO) == HAPOConfig()


@pytest.mark.parametrize("platform", [None, *PLATFORMS])
@pytest.mark.parametrize("experiment", [None, *EXPERIMENTS])
@pytest.mark.parametrize("engine", ["dp", "megatron"])
@pytest.mark.parametrize("mode", ["sync", "colocate_async", "separate_async"])
@pytest.mark.parametrize("recipe", METHODS)
def test_every_combination_composes_and_is_accepted(compose, recipe, platform, experiment, engine, mode):
    overrides = [*GIVEN, f"trainer.v1.trainer_mode={mode}", "actor_rollout_ref.rollout.max_num_seqs=16384"]
    if mode == "separate_async":
        updates = 2 if experiment == "demo" else {"htpo": 4, "hapo": 16}[recipe]
        overrides += [*SEPARATE, f"trainer.v1.separate_async.parameter_sync_step={updates}"]
    if platform == "cpu" and engine == "megatron":
        pytest.skip("no Megatron on CPU")
    overrides += [f"+platform={platform}"] if platform else []
    overrides += [f"+experiment={experiment}"] if experiment else []
    config = compose(*overrides, f"model_engine={engine}", recipe=recipe)
    check_run(config, METHODS[recipe])
    assert config.actor_rollout_ref.actor.strategy == ("megatron" if engine == "megatron" else "fsdp2" if platform else "fsdp")


@pytest.mark.parametrize("engine", ["dp", "megatron"])
def test_verl_builds_its_typed_config_from_ours(compose, engine):
    from verl.utils.config import omega_conf_to_dataclass

    config = compose(
        *GIVEN, f"model_engine={engine}", "hapo.adv_beta=0.5", "algorithm.norm_adv_by_std_in_grpo=False", recipe="hapo"
    )
    actor = omega_conf_to_dataclass(config.actor_rollout_ref.actor)
    assert actor.policy_loss.loss_mode == "hapo"
    assert settings_of(config, HAPO) == HAPOConfig(adv_beta=0.5, norm_adv_by_std=False)

    config = compose(*GIVEN, f"model_engine={engine}", "htpo.difficulty_threshold=0.5", "objectives=dapo")
    actor = omega_conf_to_dataclass(config.actor_rollout_ref.actor)
    assert actor.policy_loss.loss_mode == "htpo"
    assert settings_of(config) == HTPOConfig(difficulty_threshold=0.5, objectives="dapo")
    assert (actor.clip_ratio_low, actor.clip_ratio_high, actor.clip_ratio_c) == (0.2, 0.28, 10.0)


def test_an_ablation_is_one_override(compose):
    config = compose(*GIVEN, "htpo.objectives.hard_correct_high.loss=ppo_clip")
    expected = HTPOConfig(objectives="htpo").objectives | {"hard_correct_high": Objective()}
    assert settings_of(config).objectives == expected


@pytest.mark.parametrize(
    "overrides",
    [
        ["actor_rollout_ref.actor.ulysses_sequence_parallel_size=4", "actor_rollout_ref.actor.fsdp_config.fsdp_size=4"],
        ["actor_rollout_ref.actor.strategy=fsdp2", "actor_rollout_ref.actor.fsdp_config.param_offload=True"],
        ["actor_rollout_ref.actor.use_kl_loss=True"],
        ["algorithm.use_kl_in_reward=True"],
        ["algorithm.rollout_correction.rollout_is=token"],
        [
            *("algorithm.norm_adv_by_std_in_grpo=False", "actor_rollout_ref.actor.loss_agg_mode=seq-mean-token-sum-norm"),
            "actor_rollout_ref.actor.loss_scale_factor=20480",
        ],
        ["actor_rollout_ref.model.lora_rank=32", "trainer.n_gpus_per_node=1"],
        ["actor_rollout_ref.rollout.multi_turn.enable=True", "actor_rollout_ref.rollout.name=sglang"],
        ["reward.reward_manager.name=naive", "data.max_response_length=1024"],
        ["data.max_response_length=1024", "reward.reward_kwargs.overlong_buffer_cfg.enable=False"],
        ["actor_rollout_ref.actor.policy_loss.loss_mode=vanilla", "algorithm.adv_estimator=grpo"],
        ["actor_rollout_ref.rollout.val_kwargs.n=32", "actor_rollout_ref.rollout.val_kwargs.do_sample=True"],
        ["trainer.logger=console", "trainer.total_training_steps=null", "data.seed=7", "trainer.max_actor_ckpt_to_keep=3"],
        ["actor_rollout_ref.model.target_modules=[q_proj,v_proj]", "actor_rollout_ref.model.lora_alpha=64"],
        ["actor_rollout_ref.actor.checkpoint.save_contents=[model,optimizer,extra,hf_model]", "global_profiler.steps=[1,5]"],
        ["+actor_rollout_ref.rollout.engine_kwargs.vllm.max_logprobs=5", "actor_rollout_ref.rollout.quantization=fp8"],
        ["+data.apply_chat_template_kwargs.enable_thinking=False", "data.prompt_key=messages"],
        ["+actor_rollout_ref.model.override_config.attn_implementation=sdpa", "actor_rollout_ref.rollout.dtype=auto"],
        ["actor_rollout_ref.actor.optim.lr=1", "actor_rollout_ref.actor.optim.betas=[0.9,0.95]", "algorithm.gamma=1"],
        ["actor_rollout_ref.rollout.max_model_len=null", "trainer.max_actor_ckpt_to_keep=null", "trainer.save_freq=-1"],
        ["+ray_kwargs.ray_init.runtime_env.env_vars.NCCL_DEBUG=INFO", "+ray_kwargs.ray_init.runtime_env.env_vars.N=1"],
        ["trainer.resume_mode=resume_path", "trainer.resume_from_path=/runs/1/global_step_10"],
    ],
    ids=lambda overrides: overrides[0].split(".")[-1],
)
def test_settings_that_people_use_are_accepted(compose, overrides):
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils.config import validate_config

    config = compose(*GIVEN, *overrides)
    check_values(config, HTPO.name)
    resolve_paths(config)
    check_run(config, HTPO)
    require_known_names(config)
    validate_config(config, need_reference_policy(config), need_critic(config))


def test_current_policy_is_accepted_where_the_entropy_is_computed(compose):
    for override in ("actor_rollout_ref.actor.calculate_entropy=True", "actor_rollout_ref.actor.entropy_coeff=0.001"):
        settings = check_run(compose(*GIVEN, "htpo.entropy_source=current_policy", override), HTPO)
        assert settings.entropy_source == "current_policy"
