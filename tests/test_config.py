"""Every shipped config composes, and a wrong one ends in one clear sentence before Ray starts."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from omegaconf import OmegaConf

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
PLATFORMS = sorted(path.stem for path in (ROOT / "recipe/token_level/config/platform").glob("*.yaml"))


def settings_of(config):
    return HTPO.settings(OmegaConf.to_container(config.htpo, resolve=True), config.actor_rollout_ref.actor)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_yaml_presets_are_the_python_presets(compose, name):
    assert set(SHIPPED) == set(PRESETS)
    assert settings_of(compose(*GIVEN, f"objectives={name}")).objectives == PRESETS[name]


def test_the_yaml_defaults_are_the_python_defaults(compose):
    assert settings_of(compose(*GIVEN)) == HTPOConfig()


@pytest.mark.parametrize("platform", [None, *PLATFORMS])
@pytest.mark.parametrize("experiment", [None, *EXPERIMENTS])
@pytest.mark.parametrize("engine", ["dp", "megatron"])
@pytest.mark.parametrize("mode", ["sync", "colocate_async", "separate_async"])
def test_every_combination_composes_and_is_accepted(compose, platform, experiment, engine, mode):
    overrides = [*GIVEN, f"trainer.v1.trainer_mode={mode}"]
    if mode == "separate_async":
        overrides += ["actor_rollout_ref.rollout.nnodes=1", "actor_rollout_ref.rollout.checkpoint_engine.backend=nccl"]
        overrides += ["trainer.v1.separate_async.parameter_sync_step=2"] if experiment == "demo" else []
    if platform == "cpu" and engine == "megatron":
        pytest.skip("no Megatron on CPU")
    overrides += [f"+platform={platform}"] if platform else []
    overrides += [f"+experiment={experiment}"] if experiment else []
    config = compose(*overrides, f"model_engine={engine}")
    check_run(config, HTPO)
    assert config.actor_rollout_ref.actor.strategy == ("megatron" if engine == "megatron" else "fsdp2" if platform else "fsdp")


@pytest.mark.parametrize("engine", ["dp", "megatron"])
def test_verl_builds_its_typed_config_from_ours(compose, engine):
    from verl.utils.config import omega_conf_to_dataclass

    from recipe.htpo.plugin import HTPOPolicyLossConfig

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

    def check(steps, *overrides):
        folder = f"trainer.default_local_dir={tmp_path}"
        check_progress(compose(*GIVEN, folder, f"trainer.total_training_steps={steps}", *overrides))

    check(11)
    check("null")
    check(10, "trainer.resume_mode=disable")
    with pytest.raises(ValueError, match=r"nothing to train: .* is at step 10 and training ends at step 10; raise"):
        check(10)


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

    from recipe.htpo.trainer import HTPOTrainerSync

    config = compose(*GIVEN, "trainer.total_epochs=1")
    trainer = SimpleNamespace(config=config, global_steps=step, total_training_steps=steps, steps_per_epoch=steps_per_epoch)
    with pytest.raises(ValueError, match=message):
        HTPOTrainerSync.fit(trainer, None)


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

    def check(name, path=tmp_path / "reward.py"):
        function = (f"reward.custom_reward_function.path={path}", f"reward.custom_reward_function.name={name}")
        check_reward(compose(GIVEN[0], f"data.train_files={data}", f"data.val_files={data}", *function), HTPO)

    for name in ("good", "number", "reads_extra_info"):
        check(name)
    for name in ("no_acc", "no_acc_async"):
        with pytest.raises(ValueError, match=r"returns score but no 'acc'.*return a dict"):
            check(name)
    with pytest.warns(UserWarning, match="could not be tried"):
        check("needs_a_judge")
    with pytest.raises(ValueError, match=r"cannot be loaded"):
        check("good", path=tmp_path / "nowhere.py")
    with pytest.raises(ValueError, match=r"cannot be loaded"):
        check("misspelt")
    with pytest.raises(ValueError, match=r"no reward function for data_source 'sum'"):
        check("compute_score", path="null")


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


def test_the_algorithm_loads_neither_verl_nor_ray():
    code = "import sys, recipe.htpo; print(sorted({'verl', 'ray', 'vllm', 'hydra', 'omegaconf'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
