"""All checks together, and the command."""

import os
import subprocess
import sys

import pandas as pd
import pytest

from recipe.htpo.method import HTPO
from recipe.runs.preflight.run import FILES_AND_NUMBERS, require_files_and_numbers, run_checks
from tests import ROOT
from tests.runs.preflight.support import ACTOR, METHODS, ROLLOUT, arguments, check


@pytest.mark.parametrize("recipe", METHODS)
def test_every_check_passes_or_is_skipped_for_the_demo(compose, inputs, tmp_path, recipe):
    results = run_checks(compose(*arguments(inputs, tmp_path), recipe=recipe), METHODS[recipe])
    assert [r.name for r in results if r.status in ("warn", "fail")] == ["data"]  # there are only 100 sums of two digits
    assert [r.name for r in results if r.status == "skip"] == ["inputs", "shared path", "grace", "memory"]
    assert len({r.name for r in results}) == len(results) == 27


def test_rows_can_be_left_out_by_name(compose, inputs, tmp_path):
    def of(names):
        results = run_checks(compose(*arguments(inputs, tmp_path), f"+preflight.skip={names}"), HTPO)
        return {result.name: result for result in results}

    found = of("[nodes,shared path]")
    check(found["nodes"], "skip", "left out")
    check(found["packages"], "skip", "the nodes could not be asked")
    check(found["checkpoints"], "pass")
    check(of("memory")["memory"], "skip", "left out")
    check(of("[node]")["preflight"], "fail", "preflight.skip is 'node'; it must be one of config, environment")


def test_a_setting_that_the_preflight_does_not_have(compose, inputs, tmp_path):
    config = compose(*arguments(inputs, tmp_path), "+preflight.gpu_gb=80")
    sentence = "preflight has no setting 'gpu_gb'; its settings are skip, gpu_gib, grace_s"
    check({r.name: r for r in run_checks(config, HTPO)}["preflight"], "fail", sentence)
    with pytest.raises(ValueError, match=sentence):
        require_files_and_numbers(config, HTPO)


def test_without_model_and_data_the_config_fails_and_the_rest_is_skipped(compose):
    found = {r.name: r.status for r in run_checks(compose("+platform=cpu", "+experiment=demo", "trainer.save_freq=-1"), HTPO)}
    assert [name for name, status in found.items() if status == "fail"] == ["config"]
    assert {found[name] for name in ("data", "resume", "plugin", "reward", "verl", "model", "tokenizer", "heads")} == {"skip"}
    assert found["parallelism"] == found["batch"] == found["nodes"] == "pass"


def test_an_exception_fails_its_row_only(compose, inputs, tmp_path, monkeypatch):
    def broken(_):
        raise KeyError("no such thing")

    monkeypatch.setitem(FILES_AND_NUMBERS, "heads", broken)
    pd.DataFrame({"prompt": ["1+1"]}).to_parquet(tmp_path / "wrong.parquet")
    overrides = (f"data.train_files={tmp_path}/wrong.parquet", f"{ROLLOUT}.n=1")
    found = {r.name: r for r in run_checks(compose(*arguments(inputs, tmp_path), *overrides), HTPO)}
    check(found["config"], "fail", "rollout.n is 1; group advantages.* at least 2")
    check(found["data"], "fail", "has no column 'data_source'; its columns are prompt")
    check(found["heads"], "fail", "^KeyError: 'no such thing'$")
    check(found["context"], "pass")


def test_the_command_prints_the_table_and_exits_by_it(inputs, tmp_path):
    def start(recipe, *overrides):
        folder = tmp_path / recipe
        command = [
            sys.executable,
            "-m",
            f"recipe.{recipe}.preflight",
            *arguments(inputs, folder),
            f"hydra.run.dir={folder}/hydra",
        ]
        clean = {k: v for k, v in os.environ.items() if k not in ("VERL_PLATFORM", "VERL_USE_EXTERNAL_MODULES")}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen([*command, *overrides], cwd=ROOT, env=clean, **pipes)

    started = start("htpo"), start("hapo", f"{ACTOR}.ppo_max_token_len_per_gpu=40")
    (good, _), (broken, _) = (process.communicate(timeout=180) for process in started)
    assert [process.returncode for process in started] == [0, 2]
    assert good.splitlines()[0].startswith("pass  config")  # nothing else on stdout
    assert good.splitlines()[-1] == "27 checks: 22 pass, 1 warn, 4 skip"
    assert "fail  token budget" in broken
    assert "-> actor_rollout_ref.actor.ppo_max_token_len_per_gpu=56" in broken
    assert broken.splitlines()[-1] == "27 checks: 21 pass, 1 warn, 1 fail, 4 skip"
