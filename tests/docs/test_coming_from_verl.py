"""docs/coming-from-verl.md: its script, its YAML and its tables, and what verl's own entry point says."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose as compose_any
from hydra import initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from recipe.hapo.method import HAPO
from recipe.htpo.method import HTPO
from recipe.runs.config_checks import check_run
from recipe.runs.paths import resolve_paths
from recipe.runs.value_checks import check_values
from recipe.token_level.method import require_known_names
from tests import ROOT
from tests.docs.reading import blocks, expanded, text
from tests.runs.config.given import GIVEN

PAGE = Path("docs/coming-from-verl.md")
METHODS = {"htpo": HTPO, "hapo": HAPO}
NEW_NODES = (
    "htpo",
    "hapo",
    "adaptive_temperature",
    "overlong_filtering",
    "trainer.token_dump",
    "trainer.hang_timeout_s",
    "trainer.v1.sampler",
)
each_method = pytest.mark.parametrize("name", METHODS)


def script():
    """The overrides of the DAPO script."""
    words = shlex.split(blocks(PAGE, "bash")[0].replace("\\\n", " "))
    assert words[:3] == ["python", "-m", "recipe.htpo.main"]
    return words[3:]


def leaves(node, prefix=""):
    for key, value in node.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


@each_method
def test_a_dapo_script_is_accepted_with_every_value(compose, name):
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils.config import validate_config

    overrides = script()
    assert len(overrides) > 60
    config = compose(*overrides, recipe=name)
    parser = OverridesParser.create()
    for override in overrides:
        given = parser.parse_override(override)
        assert OmegaConf.select(config, given.key_or_group) == given.value(), override
    check_values(config, name)
    resolve_paths(config)
    check_run(config, METHODS[name])
    require_known_names(config)
    validate_config(config, need_reference_policy(config), need_critic(config))
    assert config.actor_rollout_ref.actor.policy_loss.loss_mode == config.algorithm.adv_estimator == name


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("algorithm.adv_estimator=grpo", r"set algorithm.adv_estimator=htpo"),
        ("reward_model.reward_manager=dapo", r"set reward.reward_manager.name instead"),
        ("+reward_model.reward_kwargs.overlong_buffer_cfg.len=4096", r"set reward.reward_kwargs instead"),
        ("custom_reward_function.path=mine.py", r"set reward.custom_reward_function instead"),
        ("algorithm.rollout_correction.bypass_mode=True", r"bypass_mode=True skips"),
        ("trainer.use_v1=False", r"legacy trainer"),
    ],
)
def test_what_the_page_calls_refused_is_refused(compose, override, message):
    with pytest.raises(ValueError, match=message):
        check_run(compose(*GIVEN, override), HTPO)


@pytest.mark.parametrize(
    "override",
    ["+reward.reward_kwargs.overlong_buffer_cfg.len=4096", "actor_rollout_ref.actor.use_token_level_loss=True"],
)
def test_what_the_page_says_hydra_refuses_it_refuses(compose, override):
    with pytest.raises((ConfigCompositionException, OmegaConfBaseException)):
        compose(*GIVEN, override)


def test_a_yaml_and_a_preset_of_ones_own_compose(tmp_path):
    (own,) = blocks(PAGE, "yaml")
    (tmp_path / "my_dapo.yaml").write_text(own)
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment/mine.yaml").write_text("# @package _global_\ndata:\n  seed: 7\n  max_prompt_length: 1024\n")
    choice = ["--config-dir", tmp_path, "--config-name", "my_dapo", "+experiment=mine", "data.max_prompt_length=99", *GIVEN]
    command = [sys.executable, "-m", "recipe.htpo.main", *choice, "--cfg", "job"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    config = OmegaConf.create(result.stdout)
    assert (config.data.train_batch_size, config.data.seed, config.data.max_prompt_length) == (512, 7, 99)
    assert (config.algorithm.adv_estimator, config.actor_rollout_ref.rollout.n) == ("htpo", 16)
    check_run(config, HTPO)


def table(heading):
    """Rows of the first table under a heading, without its own."""
    part = text(PAGE).split(f"## {heading}\n", 1)[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("|")]
    return rows[2:]


@each_method
def test_the_table_of_defaults_is_whole_and_true(compose, name):
    from importlib.util import find_spec

    folder = Path(find_spec("verl").submodule_search_locations[0]) / "trainer/config"
    with initialize_config_dir(config_dir=str(folder), version_base=None):
        verl = dict(leaves(OmegaConf.to_container(compose_any("ppo_trainer"))))
    ours = dict(leaves(OmegaConf.to_container(compose(recipe=name))))
    differ = {
        key
        for key, value in ours.items()
        if (key not in verl or verl[key] != value) and not key.startswith(NEW_NODES) and not key.endswith("._target_")
    }
    differ = {key for key in differ if not key.endswith(f"policy_loss.{name}")}
    buffer = "reward.reward_kwargs.overlong_buffer_cfg."
    named = {}
    for keys, theirs, here in table("Defaults that differ from verl's"):
        for key in re.findall(r"`([^`]+)`", keys):
            named |= dict.fromkeys(expanded(key), (theirs, here))
    assert differ - {buffer + rest for rest in ("len", "penalty_factor", "log")} <= set(named)

    def shown(value):
        return ", ".join(value) if isinstance(value, list) else str(value)

    for key, (theirs, here) in named.items():
        if theirs not in ("an example's", "must be given", "not there"):
            assert shown(verl[key]) == theirs, key
        if here not in ("must be given", "the method's", "`data.max_response_length`"):
            choice = re.search(rf"([\w.]+) with {name.upper()}", here)
            assert shown(ours[key]) == (choice.group(1) if choice else here.split(", `")[0]), key
        elif here == "must be given":
            assert ours[key] is None
    assert [ours[buffer + rest] for rest in ("len", "penalty_factor", "log")] == [4096, 1.0, False]


VERLS_OWN = """
import json, sys
import torch, verl
from hydra import compose, initialize_config_module
from verl.trainer.ppo.core_algos import get_adv_estimator_fn, get_policy_loss_fn
from verl.utils.config import omega_conf_to_dataclass

said = {}
x = torch.zeros(1, 3)
with initialize_config_module("verl.trainer.config", version_base=None):
    for name in sys.argv[1:]:
        chosen = [f"actor_rollout_ref.actor.policy_loss.loss_mode={name}", f"algorithm.adv_estimator={name}"]
        needed = ["actor_rollout_ref.rollout.name=vllm", "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=1"]
        config = compose("ppo_trainer", overrides=chosen + needed)
        actor = omega_conf_to_dataclass(config.actor_rollout_ref.actor)
        estimator, loss = get_adv_estimator_fn(config.algorithm.adv_estimator), get_policy_loss_fn(actor.policy_loss.loss_mode)
        calls = {
            "estimator": lambda: estimator(token_level_rewards=x, response_mask=x, index=["p"], config=config.algorithm),
            "loss": lambda: loss(x, x, x, x, actor.loss_agg_mode, actor),
        }
        for part, call in calls.items():
            try:
                call()
            except ValueError as error:
                said[f"{name} {part}"] = str(error)
print(json.dumps(said))
"""


def test_verls_own_config_with_our_names_is_refused_in_one_sentence():
    """Loaded as verl loads an installed plugin; called with what verl's own trainer has."""
    environment = {"PATH": "/usr/bin:/bin", "VERL_PLATFORM": "cpu", "VERL_USE_EXTERNAL_MODULES": "verl_patches.cpu"}
    command = [sys.executable, "-W", "ignore", "-c", VERLS_OWN, *METHODS]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=120)
    said = json.loads(result.stdout.splitlines()[-1])
    assert set(said) == {f"{name} {part}" for name in METHODS for part in ("estimator", "loss")}
    for whose, sentence in said.items():
        assert f"python -m recipe.{whose.split()[0]}.main" in sentence
        assert "\n" not in sentence
