"""Every shipped config composes, and a wrong one ends in one clear sentence before Ray starts."""

import subprocess
import sys
import warnings
from pathlib import Path

import pandas as pd
import pytest
from omegaconf import OmegaConf

from recipe.hapo import HAPOConfig
from recipe.hapo.method import HAPO
from recipe.htpo import PRESETS, HTPOConfig
from recipe.htpo.method import HTPO
from recipe.token_level.inputs import check_files, check_progress, check_reward
from recipe.token_level.method import check_names
from recipe.token_level.validate import check_run

ROOT = Path(__file__).parents[1]
GIVEN = ("actor_rollout_ref.model.path=org/model", "data.train_files=train.parquet", "data.val_files=val.parquet")
SEPARATE = [
    "trainer.v1.trainer_mode=separate_async",
    "actor_rollout_ref.rollout.nnodes=1",
    "actor_rollout_ref.rollout.checkpoint_engine.backend=nccl",
]
SHIPPED = sorted(path.stem for path in (ROOT / "recipe/htpo/config/objectives").glob("*.yaml"))
EXPERIMENTS = sorted(path.stem for path in (ROOT / "recipe/token_level/config/experiment").glob("*.yaml"))
METHODS = {"htpo": HTPO, "hapo": HAPO}
PLATFORMS = sorted(path.stem for path in (ROOT / "recipe/token_level/config/platform").glob("*.yaml"))


def settings_of(config, method=HTPO):
    return method.settings(OmegaConf.to_container(config[method.name], resolve=True), config.actor_rollout_ref.actor)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_yaml_presets_are_the_python_presets(compose, name):
    assert set(SHIPPED) == set(PRESETS)
    assert settings_of(compose(*GIVEN, f"objectives={name}")).objectives == PRESETS[name]


def test_the_yaml_defaults_are_the_python_defaults(compose):
    assert settings_of(compose(*GIVEN)) == HTPOConfig()
    assert settings_of(compose(*GIVEN, recipe="hapo"), HAPO) == HAPOConfig()


@pytest.mark.parametrize("platform", [None, *PLATFORMS])
@pytest.mark.parametrize("experiment", [None, *EXPERIMENTS])
@pytest.mark.parametrize("engine", ["dp", "megatron"])
@pytest.mark.parametrize("mode", ["sync", "colocate_async", "separate_async"])
@pytest.mark.parametrize("recipe", METHODS)
def test_every_combination_composes_and_is_accepted(compose, recipe, platform, experiment, engine, mode):
    overrides = [*GIVEN, f"trainer.v1.trainer_mode={mode}"]
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

    from recipe.hapo.plugin import HAPOPolicyLossConfig
    from recipe.htpo.plugin import HTPOPolicyLossConfig

    config = compose(
        *GIVEN, f"model_engine={engine}", "hapo.adv_beta=0.5", "algorithm.norm_adv_by_std_in_grpo=False", recipe="hapo"
    )
    policy_loss = omega_conf_to_dataclass(config.actor_rollout_ref.actor).policy_loss
    assert isinstance(policy_loss, HAPOPolicyLossConfig)
    assert policy_loss.hapo == HAPOConfig(adv_beta=0.5, norm_adv_by_std=False)

    config = compose(*GIVEN, f"model_engine={engine}", "htpo.difficulty_threshold=0.5", "objectives=dapo")
    actor = omega_conf_to_dataclass(config.actor_rollout_ref.actor)
    assert isinstance(actor.policy_loss, HTPOPolicyLossConfig)
    assert actor.policy_loss.htpo == HTPOConfig(difficulty_threshold=0.5, objectives="dapo")
    assert (actor.clip_ratio_low, actor.clip_ratio_high, actor.clip_ratio_c) == (0.2, 0.28, 10.0)


def test_an_ablation_is_one_override(compose):
    config = compose(*GIVEN, "htpo.objectives.hard_correct_high.loss=ppo_clip")
    expected = PRESETS["htpo"] | {"hard_correct_high": PRESETS["dapo"]["hard_correct_high"]}
    assert settings_of(config).objectives == expected


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["htpo.high_entropy_fraction=20"], r"htpo.high_entropy_fraction is 20.*between 0 and 1"),
        (["htpo.variant=figure"], r"htpo.variant is 'figure'.*paper, released"),
        (["+htpo.temperature=1"], r"htpo has no setting 'temperature'; its settings are difficulty_threshold"),
        (["+htpo.clip_ratio_low=0.1"], r"set actor_rollout_ref.actor.clip_ratio_low instead"),
        (["+htpo.objectives.medium_correct_low={}"], r"no group 'medium_correct_low'"),
        (["htpo.objectives.hard_wrong_low.loss=grpo"], r"htpo.objectives.hard_wrong_low.*'grpo'.*ppo_clip"),
        (["actor_rollout_ref.rollout.n=1"], r"rollout.n is 1.*at least 2"),
        (["algorithm.rollout_correction.bypass_mode=True"], r"bypass_mode=True skips the old-log-prob pass"),
        (["trainer.v1.trainer_mode=async"], r"trainer_mode is 'async'.*sync, colocate_async, separate_async"),
        (["trainer.use_v1=False"], r"legacy trainer"),
        (["algorithm.adv_estimator=grpo"], r"set algorithm.adv_estimator=htpo"),
        (["actor_rollout_ref.actor.clip_ratio_low=1.5"], r"actor.clip_ratio_low is 1.5.*between 0 and 1"),
        (["actor_rollout_ref.actor.clip_ratio_c=0.5"], r"actor.clip_ratio_c is 0.5.*greater than 1"),
        (["data.max_response_length=2048"], r"overlong_buffer_cfg.len is 4096 and responses have up to 2048 tokens"),
        ([*SEPARATE, "actor_rollout_ref.rollout.nnodes=0"], r"GPUs of their own.*rollout.nnodes"),
        ([*SEPARATE, "actor_rollout_ref.rollout.checkpoint_engine.backend=naive"], r"checkpoint_engine.backend to nccl"),
        ([*SEPARATE, "trainer.v1.separate_async.parameter_sync_step=3"], r"3 x 32 is not 128"),
        (["htpo.entropy_source=current_policy"], r"set actor_rollout_ref.actor.calculate_entropy=True"),
        (["distillation.enabled=True"], r"distillation.enabled=True"),
        (
            ["algorithm.rollout_correction.rollout_is=token", "actor_rollout_ref.rollout.calculate_log_probs=False"],
            r"asks for 'token'.*calculate_log_probs=True",
        ),
        (["+sampling=adaptive_temperature", "+hapo.adv_beta=0.5"], r"hapo.adv_beta has no reader here.*recipe.hapo.main"),
        (
            ["actor_rollout_ref.actor.use_dynamic_bsz=False", "actor_rollout_ref.actor.ulysses_sequence_parallel_size=16"],
            r"sequence parallel size of 16 does not divide 8 GPUs",
        ),
        (
            ["actor_rollout_ref.actor.use_dynamic_bsz=False", "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=48"],
            r"ppo_micro_batch_size_per_gpu is 48, which does not divide 512 responses on 8 ranks evenly",
        ),
    ],
)
def test_a_wrong_value_is_one_sentence(compose, overrides, message):
    with pytest.raises(ValueError, match=message) as caught:
        check_run(compose(*GIVEN, *overrides), HTPO)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "overrides",
    [
        ["actor_rollout_ref.actor.ulysses_sequence_parallel_size=4", "actor_rollout_ref.actor.fsdp_config.fsdp_size=4"],
        ["actor_rollout_ref.actor.strategy=fsdp2", "actor_rollout_ref.actor.fsdp_config.param_offload=True"],
        ["actor_rollout_ref.actor.use_kl_loss=True"],
        ["algorithm.use_kl_in_reward=True"],
        ["algorithm.rollout_correction.rollout_is=token"],
        ["algorithm.norm_adv_by_std_in_grpo=False", "actor_rollout_ref.actor.loss_agg_mode=seq-mean-token-sum-norm"],
        ["actor_rollout_ref.model.lora_rank=32", "trainer.n_gpus_per_node=1"],
        ["actor_rollout_ref.rollout.multi_turn.enable=True", "actor_rollout_ref.rollout.name=sglang"],
        ["reward.reward_manager.name=naive", "data.max_response_length=1024"],
        ["data.max_response_length=1024", "reward.reward_kwargs.overlong_buffer_cfg.enable=False"],
        ["actor_rollout_ref.actor.policy_loss.loss_mode=vanilla", "algorithm.adv_estimator=grpo"],
        ["actor_rollout_ref.rollout.val_kwargs.n=32", "actor_rollout_ref.rollout.val_kwargs.do_sample=True"],
    ],
    ids=lambda overrides: overrides[0].split(".")[-1],
)
def test_settings_that_people_use_are_accepted(compose, overrides):
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils.config import validate_config

    config = compose(*GIVEN, *overrides)
    check_run(config, HTPO)
    check_names(config)
    validate_config(config, need_reference_policy(config), need_critic(config))


def test_current_policy_is_accepted_where_the_entropy_is_computed(compose):
    for override in ("actor_rollout_ref.actor.calculate_entropy=True", "actor_rollout_ref.actor.entropy_coeff=0.001"):
        settings = check_run(compose(*GIVEN, "htpo.entropy_source=current_policy", override), HTPO)
        assert settings.entropy_source == "current_policy"


def test_a_loss_or_estimator_that_verl_does_not_know_is_named(compose):
    check_names(compose(*GIVEN))
    with pytest.raises(ValueError, match=r"policy_loss.loss_mode is 'htpoo'; it must be one of .*htpo"):
        check_names(compose(*GIVEN, "actor_rollout_ref.actor.policy_loss.loss_mode=htpoo"))
    with pytest.raises(ValueError, match=r"algorithm.adv_estimator is 'grp'; it must be one of .*grpo"):
        check_names(compose(*GIVEN, "algorithm.adv_estimator=grp"))


ENGINE = "actor_rollout_ref.rollout.engine_kwargs.vllm"


@pytest.mark.parametrize("recipe", METHODS)
@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["hapo.temperature_tau=1.5"], r"hapo.temperature_tau is 1.5.*below 1"),
        (["hapo.entropy_pivot=80"], r"hapo.entropy_pivot is 80.*between 0 and 1"),
        (["algorithm.rollout_correction.bypass_mode=True"], r"takes the rollouts' log-probs for the old ones; set it to False"),
        (
            ["actor_rollout_ref.rollout.name=sglang"],
            r"rollout.name is sglang.*set it to vllm, or set hapo.adaptive_temperature=F",
        ),
        (["actor_rollout_ref.rollout.temperature=0"], r"rollout.temperature is 0: greedy"),
        ([f"+{ENGINE}.speculative_config={{method: ngram}}"], r"no logits processors under speculative decoding"),
        (
            ["actor_rollout_ref.model.mtp.enable=True", "actor_rollout_ref.model.mtp.enable_rollout=True"],
            r"no logits processors under speculative decoding",
        ),
        ([f"+{ENGINE}.spec_method=ngram", f"+{ENGINE}.spec_tokens=3"], r"no logits processors under speculative decoding"),
        ([f"+{ENGINE}.return_sampling_mask=True"], r"model runner V2.*return_sampling_mask"),
        ([f"+{ENGINE}.prefill_context_parallel_size=2"], r"model runner V2.*prefill_context_parallel_size above 1"),
        (
            ["algorithm.rollout_correction.rollout_is=token", "actor_rollout_ref.rollout.logprobs_mode=raw_logprobs"],
            r"logprobs_mode is raw_logprobs.*set it to processed_logprobs",
        ),
        (
            ["+actor_rollout_ref.rollout.agent.agent_loop_manager_class=verl.trainer.ppo.v1.AgentLoopManagerTQ"],
            r"does not send the entropy statistics.*derive it from recipe.hapo.rollout.AdaptiveTemperatureManager",
        ),
        (
            ["+actor_rollout_ref.rollout.agent.agent_loop_manager_class=recipe.hapo.rollout.Missing"],
            r"agent_loop_manager_class is recipe.hapo.rollout.Missing, which cannot be loaded",
        ),
    ],
    ids=lambda value: value[0].split("=")[0].split(".")[-1] if isinstance(value, list) else None,
)
def test_what_cannot_sample_adaptively_is_one_sentence(compose, recipe, overrides, message):
    sampling = ["+sampling=adaptive_temperature"] if recipe == "htpo" else []
    with pytest.raises(ValueError, match=message) as caught:
        check_run(compose(*GIVEN, *sampling, *overrides, recipe=recipe), METHODS[recipe])
    assert "\n" not in str(caught.value)


def test_a_vllm_that_cannot_sample_adaptively_is_one_sentence(compose, monkeypatch):
    from recipe.hapo import sampling

    config = compose(*GIVEN, recipe="hapo")
    for value in ("0", "", "false"):
        monkeypatch.setenv("VLLM_USE_V2_MODEL_RUNNER", value)
        check_run(config, HAPO)
    monkeypatch.setenv("VLLM_USE_V2_MODEL_RUNNER", "1")
    with pytest.raises(ValueError, match=r"model runner V2 \(VLLM_USE_V2_MODEL_RUNNER=1"):
        check_run(config, HAPO)
    check_run(compose(*GIVEN, "hapo.adaptive_temperature=False", recipe="hapo"), HAPO)
    monkeypatch.delenv("VLLM_USE_V2_MODEL_RUNNER")
    for installed, fine in (("0.23.2", False), ("0.24.0+cu130", True), ("0.30.1", True), ("0.32.0", False), ("1.0", False)):
        monkeypatch.setattr(sampling, "version", lambda package, installed=installed: installed)
        if fine:
            check_run(config, HAPO)
        else:
            with pytest.raises(ValueError, match=rf"vLLM {installed} is installed.*0.24 to 0.30"):
                check_run(config, HAPO)


def test_without_adaptive_temperatures_any_engine_will_do(compose):
    other = ["actor_rollout_ref.rollout.name=sglang", "hapo.adaptive_temperature=False"]
    check_run(compose(*GIVEN, *other, recipe="hapo"), HAPO)
    check_run(compose(*GIVEN, other[0], "hapo.temperature_tau=0", recipe="hapo"), HAPO)


def test_the_sampler_is_added_to_what_the_user_has(compose):
    from recipe.hapo.sampling import MANAGER, PROCESSOR, prepare_rollout

    config = compose(*GIVEN, recipe="hapo")
    prepare_rollout(config)
    assert config.actor_rollout_ref.rollout.engine_kwargs.vllm.logits_processors == [PROCESSOR]
    assert config.actor_rollout_ref.rollout.agent.agent_loop_manager_class == MANAGER

    overrides = (f"+{ENGINE}.logits_processors=[my.module:Mine]", f"+{ENGINE}.max_logprobs=5", "+platform=cpu")
    config = compose(*GIVEN, *overrides, recipe="hapo")
    for _ in range(2):
        prepare_rollout(config)
    engine = config.actor_rollout_ref.rollout.engine_kwargs.vllm
    assert engine.logits_processors == ["my.module:Mine", PROCESSOR]
    assert engine.max_logprobs == 5
    assert engine.kv_cache_memory_bytes == 134217728

    for given, expected in (("my.module:Mine", ["my.module:Mine", PROCESSOR]), ("null", [PROCESSOR])):
        config = compose(*GIVEN, f"+{ENGINE}.logits_processors={given}", recipe="hapo")
        prepare_rollout(config)
        assert config.actor_rollout_ref.rollout.engine_kwargs.vllm.logits_processors == expected
    config = compose(*GIVEN, f"++{ENGINE}=null", recipe="hapo")
    prepare_rollout(config)
    assert config.actor_rollout_ref.rollout.engine_kwargs.vllm.logits_processors == [PROCESSOR]


def test_sequence_level_correction_warns(compose):
    correction = "algorithm.rollout_correction.rollout_{}"
    with pytest.warns(UserWarning, match="over a whole response"):
        check_run(compose(*GIVEN, f"{correction.format('is')}=sequence", recipe="hapo"), HAPO)
    with pytest.warns(UserWarning, match="over a whole response"):
        check_run(compose(*GIVEN, f"{correction.format('rs')}=seq_mean_k3", recipe="hapo"), HAPO)


def test_entropies_in_bfloat16_warn(compose):
    for override in (
        "actor_rollout_ref.model.use_remove_padding=False",
        "actor_rollout_ref.actor.entropy_from_logits_with_chunking=False",
    ):
        with pytest.warns(UserWarning, match="computed in bf16.*entropy_from_logits_with_chunking=True"):
            check_run(compose(*GIVEN, override), HTPO)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_run(compose(*GIVEN), HTPO)
        check_run(compose(*GIVEN, "+platform=cpu"), HTPO)


def test_what_must_be_given_is_named(compose):
    for i, key in enumerate(("actor_rollout_ref.model.path", "data.train_files", "data.val_files")):
        with pytest.raises(ValueError, match=f"^{key} is not set"):
            check_run(compose(*GIVEN[:i], *GIVEN[i + 1 :]), HTPO)


def write_data(path, **columns):
    row = {"data_source": "sum", "prompt": [{"role": "user", "content": "1+1=?"}], "reward_model": {"ground_truth": "2"}}
    row |= columns
    pd.DataFrame([{key: value for key, value in row.items() if value is not None}]).to_parquet(path)
    return path


def test_missing_files_and_columns_are_named(compose, tmp_path):
    good = write_data(tmp_path / "good.parquet")
    no_truth = write_data(tmp_path / "no_truth.parquet", reward_model={"style": "rule"})
    no_prompt = write_data(tmp_path / "no_prompt.parquet", prompt=None)
    (tmp_path / "broken.parquet").write_text("not parquet")

    def check(*overrides, model="org/model", train=good):
        files = (f"data.train_files={train}", f"data.val_files={good}")
        check_files(compose(f"actor_rollout_ref.model.path={model}", *files, *overrides))

    check()
    check("data.custom_cls.path=mine.py", train=no_prompt)  # a data set class of one's own reads what it likes
    for arguments, message in (
        ({"model": tmp_path / "nowhere"}, r"model.path is .*nowhere.*no config.json"),
        ({"train": tmp_path / "nowhere.parquet"}, r"data.train_files names .*nowhere.parquet, which does not exist"),
        ({"train": tmp_path / "broken.parquet"}, r"not a readable parquet file"),
        ({"train": no_truth}, r"no_truth.parquet has no 'ground_truth'"),
        ({"train": no_prompt}, r"no column 'prompt'; its columns are data_source"),
    ):
        with pytest.raises(ValueError, match=message):
            check(**arguments)


def test_a_finished_run_is_refused_before_the_start(compose, tmp_path):
    (tmp_path / "latest_checkpointed_iteration.txt").write_text("10")
    (tmp_path / "global_step_10").mkdir()

    def check(steps, *overrides):
        folder = f"trainer.default_local_dir={tmp_path}"
        check_progress(compose(*GIVEN, folder, f"trainer.total_training_steps={steps}", *overrides))

    check(11)
    check("null")
    check(10, "trainer.resume_mode=disable")
    with pytest.raises(ValueError, match=r"nothing to train: .* is at step 10 and training ends at step 10; raise"):
        check(10)
    (tmp_path / "global_step_10").rmdir()
    with pytest.raises(ValueError, match=r"no checkpoint in .* is complete \(global_step_10 is gone\)"):
        check(11)


@pytest.mark.parametrize(
    ("step", "steps", "steps_per_epoch", "message"),
    [
        (7, 7, 100, r"at step 7 and training ends at step 7"),
        (100, 200, 100, r"at step 100 and training ends at step 100.*trainer.total_epochs"),
        (0, 0, 0, r"fewer prompts than one batch \(data.train_batch_size=128\)"),
    ],
)
def test_the_trainer_refuses_what_verl_would_end_without_a_step(compose, step, steps, steps_per_epoch, message):
    from types import SimpleNamespace

    from recipe.token_level.trainer import TokenLevelTrainer

    config = compose(*GIVEN, "trainer.total_epochs=1")
    trainer = SimpleNamespace(config=config, global_steps=step, total_training_steps=steps, steps_per_epoch=steps_per_epoch)
    with pytest.raises(ValueError, match=message):
        TokenLevelTrainer.fit(trainer, None)


REWARDS = """
def good(data_source, solution_str, ground_truth, extra_info=None):
    return {"score": 0.0, "acc": 0.0}

def number(data_source, solution_str, ground_truth, extra_info=None):
    return 0.0

def no_acc(data_source, solution_str, ground_truth, extra_info=None):
    return {"score": 0.0}

async def no_acc_async(data_source, solution_str, ground_truth, extra_info=None):
    return {"score": 0.0}

def reads_extra_info(data_source, solution_str, ground_truth, extra_info=None):
    return {"score": extra_info["num_turns"], "acc": 0.0}

def needs_a_judge(data_source, solution_str, ground_truth, extra_info=None, *, reward_router_address):
    return {"score": 0.0, "acc": 0.0}
"""


def test_a_reward_function_without_a_verdict_is_named_before_the_start(compose, tmp_path):
    data = write_data(tmp_path / "data.parquet")
    (tmp_path / "reward.py").write_text(REWARDS)

    def check(name, *overrides, path=tmp_path / "reward.py", method=HTPO):
        function = (f"reward.custom_reward_function.path={path}", f"reward.custom_reward_function.name={name}")
        given = (GIVEN[0], f"data.train_files={data}", f"data.val_files={data}", *function, *overrides)
        check_reward(compose(*given, recipe=method.name), method)

    for name in ("good", "number", "reads_extra_info"):
        check(name)
    for name in ("no_acc", "no_acc_async"):
        with pytest.raises(ValueError, match=r"returns score but no 'acc'.*which htpo reads: return a dict"):
            check(name)
        check(name, method=HAPO)
        with pytest.raises(ValueError, match=r"which algorithm.filter_groups reads: return a dict"):
            check(name, "algorithm.filter_groups.enable=True", method=HAPO)
    with pytest.warns(UserWarning, match="could not be tried"):
        check("needs_a_judge")
    with pytest.raises(ValueError, match=r"cannot be loaded"):
        check("good", path=tmp_path / "nowhere.py")
    with pytest.raises(ValueError, match=r"cannot be loaded"):
        check("misspelt")
    with pytest.raises(ValueError, match=r"no reward function for data_source 'sum'"):
        check("compute_score", path="null")
    # may be scored elsewhere
    check("compute_score", "actor_rollout_ref.rollout.agent.agent_loop_config_path=mine.yaml", path="null")
    check("compute_score", "reward.reward_manager.source=importlib", path="null")


def main(*overrides):
    command = [sys.executable, "-m", "recipe.htpo.main", *GIVEN, "+platform=cpu", *overrides]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_the_command_line_stops_with_one_sentence_and_status_2(tmp_path):
    result = main(f"hydra.run.dir={tmp_path}", "htpo.variant=figure")
    assert result.returncode == 2
    assert result.stderr.strip().splitlines()[-1] == "error: htpo.variant is 'figure'; it must be one of paper, released"
    assert "Traceback" not in result.stderr


def test_an_unknown_key_is_refused_by_name(tmp_path):
    result = main(f"hydra.run.dir={tmp_path}", "htpo.dificulty_threshold=0.5")
    assert result.returncode == 1
    assert "Key 'dificulty_threshold' is not in struct" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("recipe", METHODS)
def test_the_algorithm_loads_neither_verl_nor_ray(recipe):
    code = f"import sys, recipe.{recipe}; print(sorted({{'verl', 'ray', 'vllm', 'hydra', 'omegaconf'}} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
