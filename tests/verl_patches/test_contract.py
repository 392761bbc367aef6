"""The contract: it holds here, every assumption refuses what breaks it, and a renamed verl is refused at the start."""

import os
import subprocess
import sys
import textwrap
from types import SimpleNamespace

import pytest

from tests import ROOT
from tests.runs.bad_inputs.rows import row, write
from verl_patches import contract, guard
from verl_patches.assumptions import ASSUMPTIONS, PROCESSES, Assumption
from verl_patches.contract import check
from verl_patches.guard import Absent, Accepts, ContractBroken, Exists, Says, Signature, Source, locate, source_of

# vLLM's patch of another process would be seen by all that follows.
HERE = [a for a in ASSUMPTIONS if a.process not in ("CPU", "vLLM worker on the CPU")]


def named(assumption):
    return f"{assumption.name} {assumption.expectation}"


def test_the_list_is_of_known_processes_and_of_modules_that_exist():
    assert {a.process for a in ASSUMPTIONS} == set(PROCESSES)
    for user in {a.user for a in ASSUMPTIONS}:
        path = ROOT / user.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__init__.py").is_file(), user
    assert len({named(a) for a in ASSUMPTIONS}) == len(ASSUMPTIONS)


def test_every_process_is_checked_somewhere():
    source = "".join(path.read_text() for room in ("recipe", "verl_patches") for path in (ROOT / room).rglob("*.py"))
    assert [process for process in PROCESSES if f'check("{process}")' not in source] == []


@pytest.mark.parametrize("assumption", ASSUMPTIONS, ids=named)
def test_what_is_installed_is_as_assumed(assumption):
    assert assumption.refusal() is None


def called_otherwise(names):
    """A function with these parameters: `*args` and `**kwargs` as they are."""
    scope = {}
    exec(f"def function({', '.join(names)}): pass", scope)
    return scope["function"]


def ways_to_break(assumption):
    """Things to stand in for the real one; None for nothing, a text for another source."""
    expectation = assumption.expectation
    if isinstance(expectation, Absent):
        return [lambda: None]
    if isinstance(expectation, Exists):
        return [None] if expectation.value is None else [None, object()]
    if isinstance(expectation, Signature):
        fewer = [called_otherwise(expectation.parameters[:-1])] if expectation.parameters else []
        plain = [p for p in expectation.parameters if not p.startswith("*")]
        return [None, 1, called_otherwise([*plain, "added_upstream"]), *fewer]
    if isinstance(expectation, Accepts):
        without = [called_otherwise([a for a in expectation.arguments if a != left_out]) for left_out in expectation.arguments]
        return [None, 1, called_otherwise([*expectation.arguments, "needed_upstream"]), *without]
    owner, leaf = locate(assumption.name)
    text = source_of(getattr(owner, leaf))
    if isinstance(expectation, Source):
        return [None, f"{text}\n"]
    return [None, *(text.replace(piece, "changed_upstream") for piece in expectation.pieces)]


@pytest.mark.parametrize("assumption", HERE, ids=named)
def test_whatever_breaks_an_assumption_is_refused_with_its_name(assumption, monkeypatch):
    owner, leaf = locate(assumption.name)
    real = getattr(owner, leaf, None)
    for stand_in in ways_to_break(assumption):
        with monkeypatch.context() as patch:
            if isinstance(stand_in, str):
                patch.setattr(guard, "source_of", lambda thing, text=stand_in: text if thing == real else source_of(thing))
            else:
                copy = SimpleNamespace() if stand_in is None else SimpleNamespace(**{leaf: stand_in})
                patch.setattr(
                    guard, "locate", lambda name, copy=copy: (copy, leaf) if name == assumption.name else locate(name)
                )
            with pytest.raises(ContractBroken) as refusal:
                check(assumption.process)
        sentence = str(refusal.value)
        assert "\n" not in sentence
        assert sentence.count(" of ") >= 1
        for part in (guard.installed(assumption.package), "relies on it", "docs/upgrading-verl.md"):
            assert part in sentence
        # Texts that two assumptions read may be refused by the first of them.
        assert assumption.name in sentence


def test_the_order_of_calls_is_part_of_a_text(monkeypatch):
    says = Says("on_step_end()", "_validate()")
    monkeypatch.setattr(guard, "source_of", lambda text: text)
    assert says.fault("on_step_end() ... _validate()") is None
    assert says.fault("_validate() ... on_step_end()") == "no longer has `_validate()` where it was"
    assert says.fault("on_step_end()") == "no longer has `_validate()`"


def test_a_module_that_is_gone_is_named():
    a = Assumption("driver", "verl.no_such_module.Thing.method", Exists(), "recipe.runs")
    assert "there is no no_such_module in verl" in a.refusal()
    a = Assumption("driver", "no_such_package.module.Thing", Exists(), "recipe.runs")
    assert a.refusal().startswith("no_such_package.module.Thing of no_such_package (not installed) cannot be found")


def test_the_table_shows_the_state_and_the_digest_to_enter(monkeypatch):
    a = Assumption("driver", "verl.trainer.main_ppo.run_ppo", Source("0" * 12), "verl_patches.driver")
    monkeypatch.setattr(contract, "ASSUMPTIONS", (a,))
    lines, broken = contract.table()
    assert broken == 1
    assert any("BROKEN verl.trainer.main_ppo.run_ppo has another text" in line for line in lines)
    assert any(f"installed {guard.source_digest(locate(a.name)[0].run_ppo)}" in line for line in lines)


# Renames a word in one file of a package while it is imported, so that the process sees another verl.
RENAME = """
    import importlib.abc, importlib.machinery, os, sys

    MODULE, OLD, NEW = os.environ["RENAME"].split()

    class Renaming(importlib.machinery.SourceFileLoader):
        def get_data(self, path):
            data = super().get_data(path)
            return data.replace(OLD.encode(), NEW.encode()) if path.endswith(".py") else data

        def path_stats(self, path):
            raise OSError  # no bytecode is read or written

    class Finder(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path, target=None):
            if name != MODULE:
                return None
            spec = importlib.machinery.PathFinder.find_spec(name, path)
            spec.loader = Renaming(name, spec.origin)
            return spec

    sys.meta_path.insert(0, Finder())
"""


def run_renamed(tmp_path, module, old, new, *arguments):
    (tmp_path / "sitecustomize.py").write_text(textwrap.dedent(RENAME))
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}", "RENAME": f"{module} {old} {new}"}
    command = [sys.executable, "-W", "ignore", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180)


@pytest.mark.parametrize(
    ("module", "old", "process"),
    [
        (
            "ray._private.runtime_env.packaging",
            "_dir_travel",
            "import launch.submission.working_dir as w; w.measure(w.Path('launch'), [])",
        ),
        pytest.param(
            *("verl.trainer.ppo.v1.trainer_base", "_compute_advantage", "import recipe.htpo.trainer"), marks=pytest.mark.slow
        ),
        pytest.param(
            *("verl.trainer.ppo.v1.replay_buffer", "_sync_metadata_from_transfer_queue", "import recipe.hapo.trainer"),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            *("verl.experimental.agent_loop.agent_loop", "_run_agent_loop", "import recipe.adaptive_temperature.rollout"),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "verl.workers.utils.losses",
            "dp_group",
            "import pickle; from recipe.token_level.loss import TokenFieldsLoss as L; "
            "pickle.loads(pickle.dumps(L(None, 'recipe.htpo.plugin', (), None)))",
            marks=pytest.mark.slow,
        ),
    ],
    ids=["submission", "trainer", "replay buffer", "agent loop", "rank"],
)
def test_a_package_with_one_name_renamed_is_refused_where_the_process_starts(tmp_path, module, old, process):
    result = run_renamed(tmp_path, module, old, f"{old}_renamed", "-c", process)
    assert result.returncode != 0
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("verl_patches.guard.ContractBroken: ")
    assert old in last
    assert "docs/upgrading-verl.md" in last


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "old"),
    [("verl.trainer.main_ppo", "run_ppo"), ("verl.trainer.ppo.core_algos", "agg_loss")],
    ids=["what the driver calls", "what the plugin imports"],
)
def test_the_launcher_refuses_it_in_one_sentence_before_ray_starts(tmp_path, module, old):
    overrides = ["+platform=cpu", "actor_rollout_ref.model.path=org/model", f"hydra.run.dir={tmp_path}"]
    for split in ("train", "val"):
        overrides.append(f"data.{split}_files={write(tmp_path / f'{split}.parquet', [row()] * 128)}")
    result = run_renamed(tmp_path, module, old, "renamed_upstream", "-m", "recipe.htpo.main", *overrides)
    assert result.returncode == 2
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert old in last
    assert "verl 0.9.1" in last
    assert "docs/upgrading-verl.md" in last
    assert "Started a local Ray instance" not in result.stderr


# What each process imports anyway, in an order that lets the later ones build on the earlier ones.
IMPORTS = {
    "submission": "ray.job_submission",
    "Slurm": "ray._raylet, ray.core.generated.gcs_pb2",
    "driver": "verl.trainer.main_ppo, verl.trainer.ppo.reward, verl.utils.reward_score",
    "plugin": "verl.trainer.ppo.core_algos",
    "preflight": "verl.utils.model, verl.utils.torch_dtypes",
    "rank": "verl.workers.engine_workers",
    "FSDP rank": "verl.workers.engine.fsdp.transformer_impl",
    "agent loop": "verl.trainer.ppo.v1.agent_loop_tq",
    "task runner": "verl.trainer.ppo.v1",
    "evaluation": "verl.workers.rollout.llm_server",
    "weight socket": "verl.workers.rollout.base",
    "vLLM server": "verl.workers.rollout.vllm_rollout.vllm_async_server",
    "vLLM weights": "verl.workers.rollout.vllm_rollout",
    "vLLM worker": "vllm.v1.worker.gpu_model_runner",
}


@pytest.mark.slow
def test_a_check_imports_nothing_that_its_process_does_not():
    code = f"""
        import sys, time
        from verl_patches.contract import check
        for process, modules in {IMPORTS!r}.items():
            exec(f"import {{modules}}")
            before, start = set(sys.modules), time.perf_counter()
            check(process)
            print(f"{{process}}: {{time.perf_counter() - start:.3f}} s", sorted(set(sys.modules) - before))
    """
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    lines = [line for line in result.stdout.splitlines() if " s [" in line]
    print(*lines, sep="\n")
    assert len(lines) == len(IMPORTS), result.stderr
    assert [line for line in lines if not line.endswith(" s []")] == []
