"""Every preset composes, is accepted by this project and by verl, and fits the GPUs, the disk and the data that it names."""

import re

import pytest
from omegaconf import OmegaConf

from recipe.hapo.method import HAPO
from recipe.htpo import HTPOConfig
from recipe.htpo.method import HTPO
from recipe.runs.config_checks import check_run
from recipe.runs.paths import resolve_paths
from recipe.runs.value_checks import check_values
from recipe.token_level.method import require_known_names
from tests import ROOT
from tests.composing import flat
from tests.layout import Layout

METHODS = {"htpo": HTPO, "hapo": HAPO}
FILES = ("data.train_files=train.parquet", "data.val_files=val.parquet")
OWN = [(recipe, path) for recipe in METHODS for path in sorted((ROOT / f"recipe/{recipe}/config/experiment").glob("*.yaml"))]
SHARED = [(recipe, path) for recipe in METHODS for path in sorted((ROOT / "recipe/runs/config/experiment").glob("*.yaml"))]
# Keys that verl's and our configs do not have before the preset: nodes that take any key.
FREE = ("actor_rollout_ref.model.override_config.", "ray_kwargs.ray_init.runtime_env.env_vars.")


@pytest.fixture
def load(compose):
    """Compose a preset, or a recipe without one."""

    def loaded(recipe, name=None, *overrides):
        return compose(*FILES, *([f"+experiment={name}"] if name else []), *overrides, recipe=recipe)

    return loaded


def each(presets):
    return pytest.mark.parametrize(("recipe", "path"), presets, ids=[f"{recipe}-{path.stem}" for recipe, path in presets])


def values(config):
    return flat(OmegaConf.to_container(config, resolve=True))


@each(OWN + SHARED)
def test_a_preset_is_accepted_here_and_by_verl(load, recipe, path):
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils.config import omega_conf_to_dataclass, validate_config

    # The shared ones leave the model to the user.
    config = load(recipe, path.stem, *(("actor_rollout_ref.model.path=org/model",) if (recipe, path) in SHARED else ()))
    check_values(config, recipe)
    resolve_paths(config)
    check_run(config, METHODS[recipe])
    require_known_names(config)
    validate_config(config, need_reference_policy(config), need_critic(config))
    for node in ("actor_rollout_ref.actor", "actor_rollout_ref.rollout", "algorithm"):
        omega_conf_to_dataclass(OmegaConf.select(config, node))
    assert not need_critic(config)
    assert not need_reference_policy(config)


@each(OWN + SHARED)
def test_a_preset_sets_no_key_that_nobody_reads(load, recipe, path):
    config = load(recipe, path.stem)
    known = flat(OmegaConf.to_container(load(recipe, None, f"model_engine={config.model_engine}")))
    added = {key for key in flat(OmegaConf.to_container(config)) if key not in known and not key.startswith(FREE)}
    assert added == set()


@each(OWN + SHARED)
def test_tokens_and_batches_fit_the_ranks(load, recipe, path):
    config = load(recipe, path.stem)
    actor, rollout, layout = config.actor_rollout_ref.actor, config.actor_rollout_ref.rollout, Layout(config)
    longest = config.data.max_prompt_length + config.data.max_response_length
    assert actor.use_dynamic_bsz == rollout.log_prob_use_dynamic_bsz is True
    for budget in (actor.ppo_max_token_len_per_gpu, rollout.log_prob_max_token_len_per_gpu):
        assert budget * layout.sequence >= longest
    assert rollout.max_model_len >= longest
    assert config.reward.reward_kwargs.max_resp_len == config.data.max_response_length

    assert layout.gpus % layout.sequence == 0
    assert layout.gpus % layout.shards == 0
    assert actor.ppo_mini_batch_size * rollout.n % layout.ranks == 0
    assert config.data.train_batch_size % actor.ppo_mini_batch_size == 0
    assert layout.rollout_gpus % rollout.tensor_model_parallel_size == 0
    assert config.trainer.n_gpus_per_node % rollout.tensor_model_parallel_size == 0
    if layout.separate:
        # As many warm-up steps as without it, where verl counts updates.
        steps = actor.optim.lr_warmup_steps / config.trainer.v1.separate_async.parameter_sync_step
        assert steps == load(recipe).actor_rollout_ref.actor.optim.lr_warmup_steps


@each(OWN)
def test_the_model_can_be_split_and_fits_the_gpus(load, recipe, path):
    config = load(recipe, path.stem)
    rollout, layout = config.actor_rollout_ref.rollout, Layout(config)
    model, tensor, sequence = layout.model, rollout.tensor_model_parallel_size, layout.sequence
    # What verl asserts for Ulysses, and what vLLM and Megatron do with grouped-query attention.
    assert model.heads % sequence == model.heads % tensor == model.heads % layout.tensor == 0
    assert model.kv_heads % sequence == 0 or sequence % model.kv_heads == 0
    assert model.kv_heads % tensor == model.kv_heads % layout.tensor == 0
    assert rollout.max_model_len <= model.positions

    assert layout.state + layout.logits + layout.activations + 15 <= 80
    served = 80 * rollout.gpu_memory_utilization
    assert served + layout.kept + 6 <= 80
    # vLLM's weights, some GB of activations and graphs, and at least four of the longest sequences.
    token = 4 * model.layers * model.kv_heads * model.head_dim / tensor / 1e9
    assert served - layout.billions * 2 / tensor - 6 >= 4 * rollout.max_model_len * token
    # FSDP1 without sharding is not supported by verl.
    assert layout.shards > 1 or config.actor_rollout_ref.actor.strategy == "fsdp2"
    # verl copies the weights at the place where they are, which must be the GPU.
    assert not (layout.separate and config.actor_rollout_ref.actor.fsdp_config.param_offload)


@each(OWN)
def test_the_header_says_what_is_needed(load, recipe, path):
    config = load(recipe, path.stem)
    layout = Layout(config)
    lines = [line.removeprefix("#").strip() for line in path.read_text().splitlines() if line.startswith("#")]
    assert lines[0] == "@package _global_"
    assert lines[-1] == "Verified: composed only."
    header = " ".join(lines)

    nodes, gpus = re.search(r"Needs: (?:what \w+ needs: )?(?:([\d +]+) nodes x )?(\d+) GPUs? of 80 GB", header).groups()
    assert sum(map(int, (nodes or "1").split(" + "))) * int(gpus) == layout.gpus + layout.separate * layout.rollout_gpus
    assert re.findall(r"(\d+) GB a checkpoint", header) == [f"{layout.checkpoint:.0f}"]
    assert ("2 kept" in header) == (config.trainer.max_actor_ckpt_to_keep == 2)
    for what, size in (
        ("of training state", layout.state),
        ("logits", layout.logits),
        ("activation", layout.activations),
        ("of parameters and Adam's moments", layout.kept),
        ("of host memory", layout.host),
    ):
        assert set(re.findall(rf"(\d+) GB {what}", header)) <= {f"{size:.0f}"}
    assert set(re.findall(r"of up to ([\d,]+) tokens", header)) <= {f"{config.data.max_response_length:,}"}


@each(OWN + SHARED)
def test_runs_do_not_share_checkpoints(load, recipe, path):
    config = load(recipe, path.stem)
    assert config.trainer.experiment_name == path.stem
    assert config.trainer.default_local_dir == f"checkpoints/{recipe}/{path.stem}"


@each(OWN)
def test_the_readme_lists_the_preset(recipe, path):
    assert f"`{path.stem}`" in (ROOT / "README.md").read_text()


PAPER = {
    "trainer.nnodes": 4,
    "trainer.n_gpus_per_node": 8,
    "trainer.save_freq": 10,
    "trainer.test_freq": 10,
    "trainer.v1.trainer_mode": "sync",
    "data.train_batch_size": 128,
    "data.max_prompt_length": 2048,
    "data.max_response_length": 20480,
    "algorithm.filter_groups.enable": True,
    "algorithm.filter_groups.metric": "acc",
    "algorithm.filter_groups.max_inflight_gen_batches": 2,  # x 128 = 256 prompts
    "algorithm.use_kl_in_reward": False,
    "algorithm.rollout_correction.rollout_is": None,
    "reward.reward_manager.name": "dapo",
    "reward.reward_kwargs.overlong_buffer_cfg.enable": True,
    "reward.reward_kwargs.overlong_buffer_cfg.len": 4096,
    "reward.reward_kwargs.overlong_buffer_cfg.penalty_factor": 1.0,
    "actor_rollout_ref.model.path": "Qwen/Qwen3-8B-Base",
    "actor_rollout_ref.model.enable_gradient_checkpointing": True,
    "actor_rollout_ref.model.use_remove_padding": True,
    "actor_rollout_ref.actor.ppo_mini_batch_size": 32,
    "actor_rollout_ref.actor.use_dynamic_bsz": True,
    "actor_rollout_ref.actor.ppo_max_token_len_per_gpu": 22528,
    "actor_rollout_ref.actor.clip_ratio_low": 0.2,
    "actor_rollout_ref.actor.clip_ratio_high": 0.28,
    "actor_rollout_ref.actor.clip_ratio_c": 10.0,
    "actor_rollout_ref.actor.loss_agg_mode": "token-mean",
    "actor_rollout_ref.actor.use_kl_loss": False,
    "actor_rollout_ref.actor.entropy_coeff": 0,
    "actor_rollout_ref.actor.optim.lr": 1e-6,
    "actor_rollout_ref.actor.optim.lr_warmup_steps": 10,
    "actor_rollout_ref.actor.optim.weight_decay": 0.1,
    "actor_rollout_ref.actor.optim.clip_grad": 1.0,  # what verl 0.9.1 reads; actor.grad_clip has no reader
    "actor_rollout_ref.actor.ulysses_sequence_parallel_size": 4,
    "actor_rollout_ref.actor.fsdp_config.fsdp_size": 4,
    "actor_rollout_ref.actor.fsdp_config.param_offload": True,
    "actor_rollout_ref.actor.fsdp_config.optimizer_offload": True,
    "actor_rollout_ref.rollout.n": 16,
    "actor_rollout_ref.rollout.temperature": 1.0,
    "actor_rollout_ref.rollout.tensor_model_parallel_size": 1,
    "actor_rollout_ref.rollout.val_kwargs.n": 32,
    "actor_rollout_ref.rollout.val_kwargs.temperature": 1.0,
    "actor_rollout_ref.rollout.val_kwargs.top_p": 0.7,
    "actor_rollout_ref.rollout.val_kwargs.do_sample": True,
}


def test_the_first_preset_is_the_papers_run(load):
    config = values(load("htpo", "qwen3_8b_base"))
    assert {key: config[key] for key in PAPER} == PAPER


@pytest.mark.parametrize(
    ("name", "prompts_nodes_length", "parallel"),
    [
        ("qwen2_5_math_1_5b", (512, 4, 10240), 2),
        ("qwen2_5_math_7b", (512, 4, 10240), 4),
        ("qwen3_8b_base", (512, 8, 12288), 8),
    ],
)
def test_hapos_presets_are_its_authors_scripts(load, name, prompts_nodes_length, parallel):
    config = load("hapo", name)
    actor, rollout = config.actor_rollout_ref.actor, config.actor_rollout_ref.rollout
    assert (config.data.train_batch_size, config.trainer.nnodes, config.data.max_response_length) == prompts_nodes_length
    assert actor.ulysses_sequence_parallel_size == rollout.tensor_model_parallel_size == parallel
    assert actor.ppo_max_token_len_per_gpu == 2 * rollout.max_model_len == 2 * (1024 + config.data.max_response_length)
    assert (actor.ppo_mini_batch_size, rollout.n, actor.optim.lr) == (32, 16, 1e-6)
    assert (actor.clip_ratio_low, actor.clip_ratio_high, actor.clip_ratio_c) == (0.2, 0.2, 10.0)
    assert config.reward.reward_kwargs.overlong_buffer_cfg.len == 4096
    assert (rollout.val_kwargs.n, rollout.val_kwargs.temperature, rollout.val_kwargs.top_p) == (8, 0.5, 0.7)
    assert rollout.max_num_seqs * config.trainer.nnodes * 8 // parallel == 512 * 16


def test_the_dapo_twin_differs_in_the_objective_table_only(load):
    paper, twin = values(load("htpo", "qwen3_8b_base")), values(load("htpo", "qwen3_8b_base_dapo"))
    assert paper.keys() == twin.keys()
    differing = {key for key in paper if paper[key] != twin[key]}
    assert {key for key in differing if not key.startswith("htpo.objectives.")} == {
        "trainer.experiment_name",
        "trainer.default_local_dir",
        "actor_rollout_ref.rollout.trace.experiment_name",
    }
    config = load("htpo", "qwen3_8b_base_dapo")
    assert (
        HTPO.settings(OmegaConf.to_container(config.htpo, resolve=True), config.actor_rollout_ref.actor).objectives
        == HTPOConfig(objectives="dapo").objectives
    )


def test_the_command_line_has_the_last_word_and_order_does_not_matter(compose):
    preset, sampling, table = "+experiment=qwen3_8b_base_dapo", "adaptive_temperature.enabled=True", "objectives=cispo"
    config = compose(preset, sampling, table, "actor_rollout_ref.model.path=/models/mine", "trainer.nnodes=2")
    assert config.htpo.objectives.hard_correct_low.loss == "cispo"
    assert (config.actor_rollout_ref.model.path, config.trainer.nnodes) == ("/models/mine", 2)
    assert compose(table, sampling, preset) == compose(preset, sampling, table)
