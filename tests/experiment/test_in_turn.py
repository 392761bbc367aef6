"""Experiments on a Ray cluster, with a stand-in for launch/submit.sh; the stages after one another."""

import shlex
import sys

import pytest

from recipe.experiment.definition import read_experiment
from recipe.experiment.in_turn import Here, Ray, run_in_turn
from recipe.experiment.kept import Records
from recipe.experiment.stages import Layout, stages

SUBMIT = """#!/bin/bash
printf '%s\\n' "$*" >>{folder}/submitted
case "$*" in
  *--follow*) cat {folder}/follow; exit "$(cat {folder}/follow-status)" ;;
esac
[ -e {folder}/lost ] && exit 69
while [ "$1" != -- ]; do case $1 in --recipe) recipe=$2 ;; esac; shift; done; shift
exec {python} -m "$recipe.main" "$@"
"""


@pytest.fixture
def submit(tmp_path):
    script = tmp_path / "submit.sh"
    script.write_text(SUBMIT.format(folder=tmp_path, python=sys.executable))
    (tmp_path / "follow").write_text("the job's log\n")
    (tmp_path / "follow-status").write_text("0")
    return script


@pytest.fixture
def ray(submit, experiment_file, tmp_path):
    experiment = read_experiment(experiment_file(seeds=[1], steps=1))
    layout = Layout(tmp_path / "out")
    everything = stages(experiment, layout)
    records = Records(layout.folder, everything)
    said = []

    def run():
        backend = Ray("mini", submit, ("--address", "http://head:8265"))
        status = run_in_turn(everything, records, layout, backend, said.append)
        file = tmp_path / "submitted"
        return status, file.read_text().splitlines() if file.exists() else []

    run.said, run.everything, run.records = said, everything, records
    return run


def test_what_needs_gpus_is_a_job_and_the_report_is_made_here(ray, tmp_path):
    status, submitted = ray()
    assert status == 0, ray.said
    common = "--address http://head:8265 --recipe"
    assert [line.split(" -- ")[0] for line in submitted] == [
        f"{common} tests.experiment.stand_in_training --submission-id mini-train-base-1-1 --on-interrupt leave",
        f"{common} tests.experiment.stand_in_evaluation --submission-id mini-evaluate-base-1-1 --on-interrupt leave",
        f"{common} tests.experiment.stand_in_training --submission-id mini-train-better-1-1 --on-interrupt leave",
        f"{common} tests.experiment.stand_in_evaluation --submission-id mini-evaluate-better-1-1 --on-interrupt leave",
    ]
    assert (tmp_path / "out/report/report.md").exists()


def test_a_job_that_was_left_running_is_followed_and_not_sent_again(ray, tmp_path):
    (tmp_path / "lost").touch()
    status, submitted = ray()
    assert (status, len(submitted)) == (69, 1)
    (tmp_path / "lost").unlink()
    ray.everything[0].product.mkdir(parents=True)
    (ray.everything[0].product / "skill.json").write_text('{"skill": "1", "seed": "1"}')
    status, submitted = ray()
    assert status == 0, ray.said
    assert submitted[1] == "--address http://head:8265 --on-interrupt leave --follow mini-train-base-1-1"
    assert "--submission-id mini-evaluate-base-1-1" in submitted[2]


def test_a_job_that_has_failed_is_sent_again_under_another_name(ray, tmp_path):
    (tmp_path / "lost").touch()
    ray()
    (tmp_path / "lost").unlink()
    (tmp_path / "follow-status").write_text("1")
    status, submitted = ray()
    assert status == 0, ray.said
    assert "--follow mini-train-base-1-1" in submitted[1]
    assert "--submission-id mini-train-base-1-2" in submitted[2]


def test_a_stage_that_ends_well_without_what_it_makes_is_not_done(ray, tmp_path):
    (tmp_path / "lost").touch()
    ray()
    status, _ = ray()  # the job has ended well, somewhere where its folder is not this one
    assert status == 1
    assert "error: train-base-1 has ended well, but" in ray.said[-1]
    assert not ray.records.is_done(ray.everything[0])


def test_here_the_preflight_comes_first_where_there_is_one(experiment_file, tmp_path):
    file = experiment_file(arms={"a": {"method": "hapo"}, "b": {"method": "tests.experiment.stand_in_training"}}, seeds=[1])
    found = {stage.name: stage for stage in stages(read_experiment(file), Layout(tmp_path / "out"))}

    def modules(name, **settings):
        return [command[2] for command in Here(**settings).commands(found[name], None)]

    assert modules("train-a-1") == ["recipe.hapo.preflight", "recipe.hapo.main"]
    assert modules("train-a-1", preflight=False) == ["recipe.hapo.main"]
    assert modules("train-b-1") == ["tests.experiment.stand_in_training.main"]
    assert modules("report") == ["recipe.rlvr_math.report"]


def test_the_dry_run_prints_all_that_is_still_to_come_and_writes_nothing(experiment_file, run, tmp_path):
    file = experiment_file(seeds=[1], steps=None)
    assert "does not say how many steps a run trains: give --steps N" in run(file, "--dry-run").stderr
    assert run(file, "--steps", 1).returncode == 0
    before = sorted(tmp_path.rglob("*"))
    more = experiment_file(seeds=[1, 2], steps=None)
    lines = [line for line in run(more, "--steps", 1, "--dry-run").stdout.splitlines() if not line.startswith("#")]
    kinds = [shlex.split(line)[2].split(".")[2].removeprefix("stand_in_") for line in lines]
    assert kinds == ["training", "evaluation", "training", "evaluation", "report"]
    on_ray = run(more, "--steps", 1, "--dry-run", "--backend", "ray", "--address", "http://head:8265")
    assert "/launch/submit.sh --address http://head:8265 --recipe" in on_ray.stdout
    assert sorted(tmp_path.rglob("*")) == before
