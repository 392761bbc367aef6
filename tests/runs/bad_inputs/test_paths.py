"""Paths in the forms that people give them: made absolute where they are clear, else refused."""

import os
import re
import shutil
from pathlib import Path

import pytest

from recipe.runs.paths import CODE, MODELS, MORE_WRITTEN, READ, WRITTEN, resolve_paths
from recipe.runs.value_checks import verls_defaults

KNOWN = {*MODELS, *CODE, *READ, *WRITTEN, *MORE_WRITTEN}


def test_a_trailing_slash_a_home_and_relative_paths_are_resolved_on_the_driver(prepare, good, monkeypatch):
    monkeypatch.setenv("HOME", str(good))
    monkeypatch.chdir(good)
    for path in (f"{good}/model/", f"{good}/model//", "~/model", "~/model/", "model", "./model", "../" + good.name + "/model"):
        assert prepare(f"actor_rollout_ref.model.path={path}").actor_rollout_ref.model.path == f"{good}/model"
    config = prepare(
        "data.train_files=[~/train.parquet,./train.parquet]",
        "data.val_files=val.parquet",
        "reward.custom_reward_function.path=reward.py",
        "trainer.default_local_dir=runs/1",
        "trainer.token_dump.folder=~/tokens",
    )
    assert config.data.train_files == [f"{good}/train.parquet"] * 2
    assert config.data.val_files == f"{good}/val.parquet"
    assert config.reward.custom_reward_function.path == f"{good}/reward.py"
    assert config.trainer.default_local_dir == f"{good}/runs/1"
    assert config.trainer.token_dump.folder == f"{good}/tokens"
    assert not Path(good / "runs").exists()


def test_names_on_the_hub_and_modules_stay_what_they_are(compose, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = compose(
        "actor_rollout_ref.model.path=Qwen/Qwen3-8B-Base",
        "data.train_files=hdfs://host/train.parquet",
        "data.val_files=a.parquet",
        "reward.custom_reward_function.path=pkg://recipe.rlvr_math.reward.score",
    )
    resolve_paths(config)
    assert config.actor_rollout_ref.model.path == "Qwen/Qwen3-8B-Base"
    assert config.data.train_files == "hdfs://host/train.parquet"
    assert config.reward.custom_reward_function.path == "pkg://recipe.rlvr_math.reward.score"
    assert config.data.val_files == f"{tmp_path}/a.parquet"
    (tmp_path / "Qwen/Qwen3-8B-Base").mkdir(parents=True)  # a folder of that name is meant before the hub
    resolve_paths(config)
    assert config.actor_rollout_ref.model.path == f"{tmp_path}/Qwen/Qwen3-8B-Base"


def test_what_lies_elsewhere_is_left_to_verl(prepare, good, tmp_path):
    config = prepare("actor_rollout_ref.model.path=hdfs://host/model/", "data.train_files=[hdfs://host/train.parquet]")
    assert config.actor_rollout_ref.model.path == "hdfs://host/model"
    assert config.data.train_files == ["hdfs://host/train.parquet"]


def test_a_name_on_the_hub_that_is_in_the_cache_may_start(prepare, good, tmp_path, monkeypatch):
    cache = tmp_path / "models--org--tiny"
    (cache / "refs").mkdir(parents=True)
    (cache / "refs/main").write_text("0" * 40)
    shutil.copytree(good / "model", cache / "snapshots" / ("0" * 40))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert prepare("actor_rollout_ref.model.path=org/tiny/").actor_rollout_ref.model.path == "org/tiny"


def test_every_path_of_verls_configs_is_known():
    """A new key of verl's that looks like a path must be sorted into one of the lists, or here."""
    no_paths = re.compile(
        r"(_target_|free_cache_engine|default_hdfs_dir|prometheus\.file|token_dump\.files|profile_token|profiler\..*"
        r"|reward_loop_module_path|^reward_model\..*|^custom_reward_function\.path|^critic\..*qat.*)$"
    )
    looks = re.compile(r"(^|[._])(path|dir|file|files|folder)$")
    unknown = set()
    for strategy in ("fsdp", "megatron"):
        found = {key for key in verls_defaults(strategy) if looks.search(key) and not no_paths.search(key)}
        unknown |= {key for key in found - KNOWN if not re.search(r"\.(profiler|global_tool_config|tool_config)\.", key)}
    assert unknown == set()


# override: pattern of the sentence
PATHS = {
    "actor_rollout_ref.model.path=/nowhere/model": r"model.path is /nowhere/model, where there is no config.json",
    "actor_rollout_ref.model.path=./nowhere": r"model.path is /.*/nowhere, where there is no config.json",
    "actor_rollout_ref.model.path=models/a/b": r"model.path is /.*/models/a/b, where there is no config.json",
    "actor_rollout_ref.model.path=~nobody_at_all/model": r"there is no user 'nobody_at_all'; write the path out",
    "actor_rollout_ref.model.path=org/no-such-model": r"org/no-such-model, which is no folder here and not in the Hugging Face",
    "actor_rollout_ref.model.path=$SCRATCH/model": r"model.path is \$SCRATCH/model, where the shell has left a variable",
    "actor_rollout_ref.model.path=s3://bucket/model": r"verl reads no s3:// there",
    "actor_rollout_ref.model.path=7": r"model.path is 7; it must be text",
    "actor_rollout_ref.model.path=''": r"model.path is ''; it must be a path",
    "actor_rollout_ref.model.tokenizer_path=/nowhere": r"/nowhere",
    "data.train_files=~/nowhere.parquet": r"data.train_files names /.*/nowhere.parquet, which does not exist",
    "data.train_files=[1]": r"data.train_files is 1; it must be a path",
    "data.train_files=s3://bucket/train.parquet": r"data.train_files is s3://bucket/train.parquet, and verl reads no s3://",
    "data.train_files='${HOME}/x.parquet'": r"data.train_files refers to what is not there",
    "data.val_files=$HOME/x.parquet": r"data.val_files is \$HOME/x.parquet, where the shell has left a variable",
    "reward.custom_reward_function.path=nowhere.py": r"reward.custom_reward_function cannot be loaded",
    "reward.custom_reward_function.path=pkg://no.such.module": r"reward.custom_reward_function cannot be loaded",
    "trainer.default_local_dir=$SCRATCH/runs": r"trainer.default_local_dir is \$SCRATCH/runs, where the shell has left",
    "trainer.default_local_dir=null": r"trainer.default_local_dir is None; it must be text",
    "trainer.default_local_dir=s3://bucket/runs": r"verl reads no s3:// there",
    "trainer.default_local_dir=hdfs://host/runs": r"local_dir is hdfs://host/runs, and verl writes there to disks only",
    "data.cache_dir=hdfs://host/cache": r"data.cache_dir is hdfs://host/cache, and verl writes there to disks only",
    "trainer.default_local_dir=/dev/null/runs": r"but /dev/null is a file; choose another folder",
    "trainer.token_dump.folder=7": r"trainer.token_dump.folder is 7; it must be a path",
}


@pytest.mark.parametrize("override", PATHS)
def test_a_wrong_path_is_refused(refusal, override):
    sentence = refusal(override)
    assert re.search(PATHS[override], sentence), sentence


@pytest.mark.parametrize("key", WRITTEN)
def test_a_submitted_job_does_not_write_into_its_temporary_folder(compose, tmp_path, monkeypatch, key):
    """Ray unpacks the working directory there, starts the driver in it, and removes it after the job."""
    folder = tmp_path / "session_1/runtime_resources/working_dir_files/_ray_pkg_0123"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    given = ("actor_rollout_ref.model.path=org/model", "data.train_files=a.parquet", "data.val_files=b.parquet")
    keep = () if key == WRITTEN[0] else (f"{WRITTEN[0]}={tmp_path}",)
    with pytest.raises(ValueError, match=rf"{key} is runs/1, which a submitted job takes from Ray's temporary copy"):
        resolve_paths(compose(*given, *keep, f"{key}=runs/1"))
    with pytest.raises(ValueError, match=r"trainer.default_local_dir is checkpoints/htpo/htpo, which a submitted job"):
        resolve_paths(compose(*given))  # the default is relative
    config = compose(*given, *keep, f"{key}={tmp_path}/runs/1")
    resolve_paths(config)
    assert config.data.train_files == os.path.join(folder, "a.parquet")
