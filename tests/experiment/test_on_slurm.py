"""Experiments on Slurm, with stand-ins for sbatch and squeue; tests/launch/cluster has the real ones."""

import os
import re
import shlex
import subprocess

import pytest

from recipe.experiment import on_slurm
from recipe.experiment.definition import read_experiment
from recipe.experiment.kept import Records
from recipe.experiment.on_slurm import Slurm
from recipe.experiment.stages import Layout, stages
from tests import ROOT

SBATCH = """#!/bin/bash
printf '%s\\n' "$*" >>{folder}/sent
n=$(wc -l <{folder}/sent)
[ -e {folder}/refuse ] && {{ echo "sbatch: error: invalid account" >&2; exit 1; }}
echo $((100 + n))
"""


class Cluster:
    """What the stand-ins were asked, and what they answer."""

    def __init__(self, folder, monkeypatch):
        self.folder = folder
        (folder / "bin").mkdir()
        for name, text in (("sbatch", SBATCH.format(folder=folder)), ("squeue", f"#!/bin/bash\ncat {folder}/queue\n")):
            (folder / "bin" / name).write_text(text)
            (folder / "bin" / name).chmod(0o755)
        self.queue({})
        monkeypatch.setenv("PATH", f"{folder}/bin:{os.environ['PATH']}")
        monkeypatch.setattr(on_slurm, "POLL_S", 0.0)

    def queue(self, jobs):
        (self.folder / "queue").write_text("".join(f"{job} {state}\n" for job, state in jobs.items()))

    def sent(self):
        file = self.folder / "sent"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    return Cluster(tmp_path, monkeypatch)


@pytest.fixture
def planned(experiment_file, tmp_path):
    def make(**changed):
        experiment = read_experiment(experiment_file(**changed))
        layout = Layout(tmp_path / "out")
        everything = stages(experiment, layout)
        return Slurm(experiment, layout, ROOT), everything, Records(layout.folder, everything)

    return make


def finish(records, *found):
    for stage in found:
        stage.product.parent.mkdir(parents=True, exist_ok=True)
        stage.product.touch()
        records.end(stage)


def options(line):
    return dict(word.removeprefix("--").split("=", 1) for word in line.split() if word.startswith("--") and "=" in word)


def test_an_array_for_each_arm_and_each_evaluation_waits_for_its_own_training(planned, cluster):
    slurm, everything, records = planned(slurm={"train": ["--nodes=4", "--time=24:00:00"]})
    slurm.send(everything, records, {}, print)
    sent = [options(line) for line in cluster.sent()]
    assert [(one["array"], one.get("dependency")) for one in sent] == [
        ("1,2", None),
        ("1,2", "aftercorr:101"),
        ("1,2", None),
        ("1,2", "aftercorr:103"),
    ]
    assert [one.get("nodes") for one in sent] == ["4", None, "4", None]
    assert "--kill-on-invalid-dep=yes" in cluster.sent()[1]  # else it would wait for ever after a failure
    training, first = cluster.sent()[0], sent[0]
    assert f"RECIPE=tests.experiment.stand_in_training,DONE_FILE={records.done_file('train-base-%a')}" in first["export"]
    assert "data.seed='${oc.decode:${oc.env:SLURM_ARRAY_TASK_ID}}'" in training
    assert f"trainer.default_local_dir={slurm.layout.folder}/runs/base/${{oc.env:SLURM_ARRAY_TASK_ID}}/checkpoints" in training
    assert records.read(everything[0]).job == "101_1"


def test_what_is_in_the_queue_or_done_is_not_sent_again(planned, cluster):
    slurm, everything, records = planned()
    slurm.send(everything, records, {}, print)
    trainings = {stage.name: stage for stage in everything if stage.kind == "train"}
    finish(records, trainings["train-base-1"])
    # base 2 has failed, better is still there; of base only the evaluation of seed 1 was not cancelled
    cluster.queue({"102_1": "PENDING", "103_1": "RUNNING", "103_2": "PENDING", "104_1": "PENDING", "104_2": "PENDING"})
    sent, words = slurm.in_queue(everything, records)
    assert words["train-better-1"] == "running as job 103_1"
    slurm.send(everything, records, sent, print)
    found = [options(line) for line in cluster.sent()[4:]]
    assert [(one["job-name"], one["array"], one.get("dependency")) for one in found] == [
        ("mini-train-base", "2", None),
        ("mini-evaluate-base", "2", "aftercorr:105"),
    ]


def test_evaluations_of_trainings_in_different_arrays_are_in_different_arrays(planned, cluster):
    slurm, everything, records = planned(arms={"base": {"method": "tests.experiment.stand_in_training"}}, seeds=[1, 2, 3])
    trainings = [stage for stage in everything if stage.kind == "train"]
    for stage, job in zip(trainings, (None, "7_2", "9_3"), strict=True):
        records.begin(stage, job)
    finish(records, trainings[0])
    cluster.queue({"7_2": "RUNNING", "9_3": "PENDING"})
    slurm.send(everything, records, slurm.in_queue(everything, records)[0], print)
    found = [options(line) for line in cluster.sent()]
    assert [(one["array"], one.get("dependency")) for one in found] == [("1", None), ("2", "aftercorr:7"), ("3", "aftercorr:9")]


def test_it_waits_until_all_is_done_and_says_what_slurm_has_ended_without(planned, cluster):
    slurm, everything, records = planned(seeds=[1])
    slurm.send(everything, records, {}, print)
    gpus = [stage for stage in everything if stage.kind in on_slurm.ON_GPUS]
    finish(records, *gpus[:-1])
    said = []
    assert slurm.wait(everything, records, said.append) == gpus[-1:]
    assert "better, seed 1  train: done   evaluate: begun" in said[0]
    finish(records, gpus[-1])
    assert slurm.wait(everything, records, said.append) == []


def test_a_refusal_is_one_sentence_and_is_not_taken_for_a_job(planned, cluster):
    slurm, everything, records = planned()
    (cluster.folder / "refuse").touch()
    with pytest.raises(ValueError, match="sbatch refuses train-base-1: sbatch: error: invalid account"):
        slurm.send(everything, records, {}, print)
    assert records.read(everything[0]) is None


def test_the_dry_run_is_bash_that_sends_the_same(experiment_file, run, cluster, tmp_path):
    done = run(experiment_file(), "--backend", "slurm", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert cluster.sent() == []
    script = done.stdout.split("# when all have ended:")[0]
    subprocess.run(["bash", "-euc", script], check=True)
    dry = cluster.sent()
    (tmp_path / "sent").unlink()
    assert run(experiment_file(), "--backend", "slurm", "--no-wait").returncode == 0
    assert cluster.sent() == dry
    assert len(dry) == 4


def test_the_job_script_notes_the_end_of_its_own_task(tmp_path):
    script = (ROOT / "launch/slurm/train.sbatch").read_text()
    (line,) = (line for line in script.splitlines() if "DONE_FILE:-" in line)

    def noted(status, **variables):
        environment = {"PATH": os.environ["PATH"], "DONE_FILE": f"{tmp_path}/train-a-%a.done"} | variables
        subprocess.run(["bash", "-uc", f"status={status}; {line}"], env=environment, check=True)
        return sorted(path.name for path in tmp_path.glob("*.done"))

    assert noted(85, SLURM_ARRAY_TASK_ID="2") == []
    assert noted(0, SLURM_ARRAY_TASK_ID="2") == ["train-a-2.done"]
    assert noted(0, DONE_FILE="") == ["train-a-2.done"]


def test_what_a_job_fills_in_gives_hydra_what_the_other_backends_write(planned, compose, monkeypatch):
    """Of each array's command, with a task's number, the same config as of its stage."""
    changes = {"arms": {"a": {"method": "htpo", "preset": "qwen3_8b_base"}}, "seeds": [3]}
    slurm, everything, _ = planned(**changes)
    (training,) = (stage for stage in everything if stage.kind == "train")
    words = slurm.command(on_slurm.Array((training,), None))
    arguments = words[words.index(f"{ROOT}/launch/slurm/train.sbatch") + 1 :]
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    ours, theirs = (compose(*(each for each in found if "hydra." not in each)) for found in (arguments, training.arguments))
    for key in ("data", "trainer"):
        assert ours[key] == theirs[key]
    assert (
        shlex.quote(arguments[-1])
        == "'hydra.run.dir=" + re.sub(r"/3/", "/${oc.env:SLURM_ARRAY_TASK_ID}/", f"{training.product.parent}/hydra") + "'"
    )
