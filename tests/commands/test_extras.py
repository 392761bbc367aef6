"""Each command runs with what its extra brings and nothing else, and names the extra where that is missing."""

import json
import re
import shutil
import tomllib
from importlib.metadata import PackageNotFoundError, distribution

import pytest
from packaging.requirements import Requirement

from recipe.commands.family import FAMILY
from tests import ROOT
from tests.commands.installing import make_environment, run
from tests.rlvr_math.folders import write_run

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(requirements):
    """The names of these packages and all that they need, of those in this environment."""
    found, left = set(), [Requirement(requirement) for requirement in requirements]
    while left:
        requirement = left.pop()
        name = canonical(requirement.name)
        if name in found:
            continue
        try:
            more = distribution(name).requires or ()
        except PackageNotFoundError:
            continue  # of another platform
        found.add(name)
        extras = requirement.extras or {""}
        left += [
            further
            for further in map(Requirement, more)
            if further.marker is None or any(further.marker.evaluate({"extra": extra}) for extra in extras)
        ]
    return found


@pytest.fixture(scope="module")
def environments(wheel, tmp_path_factory):
    """{extra: the commands where only it is installed}, made when they are asked for."""
    made = {}

    def environment(extra):
        if extra not in made:
            wanted = PROJECT["dependencies"] + PROJECT["optional-dependencies"].get(extra, [])
            made[extra] = make_environment(tmp_path_factory.mktemp("extra") / "env", wheel, only=needed(wanted))
        return made[extra]

    return environment


@pytest.fixture
def alone(environments, tmp_path):
    """Run a command where only an extra of the wheel is installed."""

    def command(name, *arguments, extra="", status=0):
        return run([environments(extra) / name, *map(str, arguments)], tmp_path, status)

    return command


def test_the_rest_is_not_there(alone):
    """Or the tests here would see nothing."""
    modules = ["torch", "verl", "ray", "vllm", "transformers", "hydra", "datasets", "math_verify", "tests", "launch"]
    code = f"from importlib.util import find_spec; print([name for name in {modules} if find_spec(name)])"
    assert alone("python", "-c", code).stdout == "[]\n"


@pytest.mark.parametrize("name", ["token-rl", *(command.name for command in FAMILY)])
def test_every_help_can_be_read_without_an_extra(alone, name):
    assert name in alone(name, "--help").stdout


def test_the_page_of_runs(alone, tmp_path):
    shutil.copytree(ROOT / "tests/runs/health/curves/htpo-12", tmp_path / "run")
    alone("token-rl-insight", "run", "--out", "page")
    assert (tmp_path / "page/index.html").stat().st_size > 1_000_000  # with plotly in it
    assert alone("token-rl-health", "run").stdout == "13 steps; not over: 0\n"


def test_the_report_of_evaluations(alone, tmp_path):
    for name in ("base", "better"):
        write_run(tmp_path / name, {"aime": {"0": ["42", "7"], "1": ["42", "42"]}}, n=2)
    alone("token-rl-report", "base", "better", "--out", "report")
    assert "pass@2" in (tmp_path / "report/report.md").read_text()
    assert (tmp_path / "report/pass_at_k.png").stat().st_size > 1000


def test_a_verdict_and_a_data_set(alone, tmp_path):
    assert "right" in alone("token-rl-judge", r"\frac{9}{4}", r"So \boxed{2.25}.", extra="data").stdout
    lines = [json.dumps({"problem": f"{i}+1=?", "answer": str(i + 1)}) for i in range(3)]
    (tmp_path / "set.jsonl").write_text("\n".join(lines))
    alone("token-rl-data", "--dataset", "math-500", "--source", "set.jsonl", "--out", "data", extra="data")
    data = "data/math-500.parquet"
    assert "3 of 3" in alone("token-rl-overlap", "--train", data, "--test", data).stdout


def test_the_lab(alone, tmp_path):
    tiny = ("steps=1", "seeds=1", "prompts=2", "n=2", "updates=1", "warm_start.steps=2", "model.width=16", "model.layers=1")
    done = alone("token-rl-lab", *tiny, "validation={every: 1, problems: 2, samples: 1, final: 1}", extra="lab")
    assert "metrics in runs/lab/run" in done.stdout
    assert (tmp_path / "runs/lab/run/seed-0/metrics-000.jsonl").exists()


@pytest.mark.parametrize("command", [command for command in FAMILY if command.extra], ids=lambda command: command.name)
def test_what_is_not_installed_is_named_with_its_extra(alone, command):
    given = {
        "token-rl-preflight": ["hapo"],
        "token-rl-judge": [r"\sqrt{8}", r"\boxed{2\sqrt{2}}"],
        "token-rl-data": ["--dataset", "aime-2024", "--out", "data"],
        "token-rl-export": ["checkpoints", "--out", "exported"],
    }
    done = alone(command.name, *given.get(command.name, []), status=2)
    sentence = rf"error: .* (needs|is installed).*\(all that it needs: verl-htpo\[{command.extra}\]\)\n"
    assert re.fullmatch(sentence, done.stderr)
