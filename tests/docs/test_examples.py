"""What the documents show can be done: examples run, override keys exist and compose."""

import doctest
import re
import subprocess
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from recipe.hapo.method import HAPO
from recipe.htpo.method import HTPO
from recipe.runs.commands import compose as compose_command_line
from recipe.runs.config_checks import check_run
from recipe.runs.value_checks import check_values
from tests import ROOT
from tests.docs.reading import DOCUMENTS, blocks, keys
from tests.runs.config.given import GIVEN

METHODS = (HTPO, HAPO)
DROPPED = {"actor_rollout_ref.actor.use_token_level_loss"}  # named because verl has dropped it
FILES = (".py", ".pt")  # trainer.py, data.pt
TROUBLE = Path("docs/troubleshooting.md")


def test_the_examples_of_the_functions_run():
    result = doctest.testfile(str(ROOT / "docs/api.md"), module_relative=False, encoding="utf-8")
    assert result.attempted > 20
    assert result.failed == 0


def known(config, key):
    """Whether the key is in the config; below a mapping without keys of its own, Hydra takes any with a plus sign."""
    node = config
    for part in key.split("."):
        if not isinstance(node, DictConfig) or part not in node:
            return False
        node = None if OmegaConf.is_missing(node, part) else node[part]
    return True


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_override_keys_exist(compose, document):
    configs = [compose(*GIVEN, recipe=method.name) for method in METHODS]
    parser = OverridesParser.create()
    for plus, key, value in keys(document):
        if key in DROPPED or key.endswith(FILES):
            continue
        found = any(known(config, key) for config in configs)
        assert found != bool(plus) or (plus and "overlong_buffer_cfg" in key), f"{document}: {plus}{key}"
        if value is not None and "SLURM_ARRAY_TASK_ID" not in value:  # quoted for bash; composed below
            parser.parse_override(f"{plus}{key}={value}")


def test_each_task_of_an_array_has_a_seed_and_a_folder_of_its_own(monkeypatch):
    (script,) = (block for block in blocks(Path("docs/cluster.md"), "bash") if "# five seeds" in block)
    command = re.sub(r"\\\n", " ", script.split("# five seeds", 1)[1].split("\n", 1)[1])
    arguments = subprocess.run(
        ["bash", "-c", f"sbatch() {{ printf '%s\\n' \"$@\"; }}; {command}"], stdout=subprocess.PIPE, text=True
    )
    own = [line for line in arguments.stdout.splitlines() if "SLURM_ARRAY_TASK_ID" in line]
    for task in (1, 2):
        monkeypatch.setenv("SLURM_ARRAY_TASK_ID", str(task))
        config = compose_command_line(HTPO, [*GIVEN, *own])
        check_values(config, "htpo")
        assert (config.data.seed, config.trainer.default_local_dir) == (task, f"/shared/runs/seed-{task}")


def test_what_helps_against_trouble_is_accepted(compose):
    """All overrides of the page at once, as verl's typed configs too; a key with a second value goes into a second config."""
    from verl.utils.config import omega_conf_to_dataclass

    rounds = []
    for plus, key, value in keys(TROUBLE):
        if value is None or key.startswith("hapo."):
            continue
        override = f"{plus}{key}={value}"
        free = next((chosen for chosen in rounds if key not in chosen or chosen[key] == override), None)
        if free is None:
            rounds.append(free := {})
        free[key] = override
    assert sum(map(len, rounds)) > 30
    for chosen in rounds:
        config = compose(*GIVEN, *chosen.values())
        config.actor_rollout_ref.actor.calculate_entropy = True  # one of them asks for the updated policy's entropy
        check_values(config, HTPO.name)
        check_run(config, HTPO)
        omega_conf_to_dataclass(config.actor_rollout_ref.actor)
        omega_conf_to_dataclass(config.actor_rollout_ref.rollout)
