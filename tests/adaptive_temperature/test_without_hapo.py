"""Adaptive temperature belongs to no method: in a copy of the project without recipe/hapo, HTPO has it all the same."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests import ROOT

CODE = """
    import importlib.util
    import recipe.runs

    assert recipe.runs.__file__.startswith(FOLDER), recipe.runs.__file__
    assert importlib.util.find_spec("recipe.hapo") is None

    from hydra import compose, initialize_config_dir
    from recipe.htpo.method import HTPO
    from recipe.runs import search_path
    from recipe.runs.config_checks import check_run

    search_path.register()
    given = ["actor_rollout_ref.model.path=org/model", "data.train_files=train", "data.val_files=val"]
    with initialize_config_dir(config_dir=FOLDER + "/recipe/htpo/config", version_base=None):
        config = compose("htpo_trainer", overrides=[*given, "adaptive_temperature.enabled=True"])
    check_run(config, HTPO)

    import recipe.htpo.trainer
    from verl.trainer.ppo.v1 import get_trainer_cls
    from recipe.adaptive_temperature.rollout_config import prepare_rollout, sampling_settings
    from recipe.adaptive_temperature.trainer import AdaptiveTemperatureTrainer
    from recipe.token_level.method import require_registered
    from verl.utils.import_utils import load_class_from_fqn

    require_registered(HTPO)
    assert issubclass(get_trainer_cls("htpo_sync"), AdaptiveTemperatureTrainer)
    assert sampling_settings(config).enabled
    prepare_rollout(config)
    rollout = config.actor_rollout_ref.rollout
    for name in (*rollout.engine_kwargs.vllm.logits_processors, rollout.agent.agent_loop_manager_class):
        print("loaded", load_class_from_fqn(name.replace(":", "."), "class").__name__)
"""


@pytest.mark.timeout(300)
def test_htpo_with_adaptive_temperature_needs_nothing_of_recipe_hapo(tmp_path):
    leave_out = shutil.ignore_patterns("hapo", "__pycache__")
    for folder in ("recipe", "verl_patches"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=leave_out)
    # -S: no .pth file is read, so that the editable installation is invisible and only the path leads to the copy.
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": f"{tmp_path}:{Path(pytest.__file__).parents[1]}",
        "VERL_PLATFORM": "cpu",
        "VERL_USE_EXTERNAL_PLUGINS": "none",
        "VERL_USE_EXTERNAL_MODULES": "verl_patches.cpu,recipe.htpo.plugin",
    }
    code = f"FOLDER = {str(tmp_path)!r}\n" + textwrap.dedent(CODE)
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert re.findall(r"^loaded (\w+)$", done.stdout, re.M) == ["AdaptiveTemperature", "AdaptiveTemperatureManager"]
