"""The acceptance of a machine: what is accepted, what the command refuses, and the whole of it with the CPU's limits."""

import ast
import json
import subprocess
import sys

import pytest

from benchmarks.acceptance import main, measures, report
from tests import ROOT

ABOUT = {"gpus": [], "python": "3.12", "packages": {"torch": "2.11.0", "vllm": None}, "commit": "abc", "date": "2026-11-26"}


def good(device):
    """A value within the limits of each measure."""
    return {name: measure.most.get(device, measure.least.get(device, 1.0)) for name, measure in measures.MEASURES.items()}


@pytest.mark.parametrize("path", sorted(ROOT.glob("tests/*/pure/test_*.py")), ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_what_is_called_pure_runs_without_pytest(path):
    tree = ast.parse(path.read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert "pytest" not in imported
    tests = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    assert tests
    assert {node.name: ast.unparse(node.args) for node in tests if ast.unparse(node.args)} == {}


@pytest.mark.parametrize("device", ["cuda", "cpu"])
def test_a_machine_within_all_limits_is_accepted(device):
    rows = report.judged(good(device), {}, "abc", device)
    assert len(rows) == len(measures.MEASURES)
    assert all(row["accepted"] for row in rows)


@pytest.mark.parametrize("device", ["cuda", "cpu"])
@pytest.mark.parametrize("name", measures.MEASURES)
def test_one_value_beyond_its_limit_is_seen(device, name):
    measure = measures.MEASURES[name]
    beyond = [measure.most[device] + 0.1] if device in measure.most else []
    beyond += [measure.least[device] - 0.1] if device in measure.least else []
    for value in [*beyond, float("nan")] if beyond else []:
        bad = [row["measure"] for row in report.judged(good(device) | {name: value}, {}, "abc", device) if not row["accepted"]]
        assert bad == [name]


def test_every_measure_has_a_limit_on_a_gpu_and_times_have_none_on_a_cpu():
    for name, measure in measures.MEASURES.items():
        assert measure.limit("cuda"), name
        timed = name in ("a/loss", "a/loss_compiled", "a/partition_ns", "c/step", "c/hapo_step", "c/decode")
        assert not (timed and measure.limit("cpu")), name


def test_what_was_not_measured_is_not_accepted_but_a_reason_is():
    found = good("cuda")
    del found["c/step"]
    found["c/memory"] = "counted on CUDA only"
    rows = {row["measure"]: row for row in report.judged(found, {"training": "ended with status 1"}, "abc", "cuda")}
    assert [name for name, row in rows.items() if not row["accepted"]] == ["training", "c/step"]
    assert rows["c/step"]["value"] == "not measured"
    assert [row["measure"][0] for row in report.judged({}, {}, "b", "cuda")] == ["b"] * 3


def test_the_table_names_machine_values_and_limits():
    rows = report.judged(good("cpu") | {"b/curve": 0.5}, {}, "b", "cpu")
    lines = report.table(rows, ABOUT).splitlines()
    assert lines[0] == "no GPU, Python 3.12, torch 2.11.0; commit abc, 2026-11-26"
    assert any(line.startswith("| FAIL | 20 updates in float64") and line.endswith("| 0.5 | <= 1e-05 |") for line in lines)
    assert sum(line.startswith("| ok |") for line in lines) == 2


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("layers=", "give some of a, b, c"),
        ("layers=d", "give some of a, b, c"),
        ("platform=tpu", "give cpu or cuda"),
        ("steps=3", "from 4"),
        ("steps=many", "from 4"),
        ("cpu", "no key=value"),
    ],
)
def test_wrong_arguments_are_refused_in_a_sentence(argument, words):
    with pytest.raises(ValueError, match=words):
        main.parse([argument])


def test_other_arguments_go_to_the_training_runs():
    options = main.parse(["platform=cpu", "layers=ac", "steps=6", "trainer.n_gpus_per_node=8"])
    assert (options.device, options.layers, options.steps, options.overrides) == ("cpu", "ac", 6, ["trainer.n_gpus_per_node=8"])


def test_the_batch_is_a_multiple_of_the_gpus():
    from benchmarks.acceptance.training import command

    for nodes, gpus, half in ((1, 1, 16), (1, 6, 18), (4, 8, 32)):
        given = [f"trainer.nnodes={nodes}", f"trainer.n_gpus_per_node={gpus}"]
        options = {"device": "cpu", "folder": "/runs", "steps": 4, "overrides": given}
        made = command("HTPO", options, ROOT)
        assert f"data.train_batch_size={2 * half}" in made
        assert f"actor_rollout_ref.actor.ppo_mini_batch_size={half}" in made


def test_the_overrides_for_gpus_are_ones_that_the_recipes_know(compose):
    from benchmarks.acceptance.training import ON_GPUS

    config = compose("actor_rollout_ref.model.path=m", "data.train_files=t", "data.val_files=v", *ON_GPUS, "+experiment=demo")
    assert config.actor_rollout_ref.model.use_remove_padding
    assert config.actor_rollout_ref.rollout.free_cache_engine
    assert not config.actor_rollout_ref.rollout.enforce_eager


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_a_machine_without_a_gpu_is_accepted_by_the_cpus_limits(tmp_path):
    small = ("data.train_batch_size=8", "actor_rollout_ref.actor.ppo_mini_batch_size=4")
    command = [sys.executable, "-m", "benchmarks.acceptance.main", "platform=cpu", "steps=4", f"folder={tmp_path}", *small]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    written = json.loads((tmp_path / "acceptance.json").read_text())
    assert written["accepted"] is True
    assert {row["measure"] for row in written["rows"]} == set(measures.MEASURES)
    numbers = [row["measure"] for row in written["rows"] if isinstance(row["value"], float | int)]
    assert set(measures.MEASURES) - set(numbers) == {"a/memory", "a/loss_compiled", "c/memory"}
