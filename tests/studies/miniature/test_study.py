"""`make study` makes what is missing, once, whoever else makes it, with training and evaluation replaced."""

import subprocess

import pytest
from filelock import FileLock

from studies.miniature import results, study


@pytest.fixture
def made(tmp_path, monkeypatch):
    """The runs that were made, in order."""
    names = []

    def make(name, seed, runs, data):
        names.append(f"{name}-{seed}")
        arm = study.arms()[name]
        arm = {"recipe": arm["recipe"], "overrides": arm["overrides"]}
        return {"made_by": {"inputs": {}, "arm": arm, "versions": {}, "hardware": "CPU"}}

    monkeypatch.setattr(study, "make_result", make)
    start = {"made_by": {"inputs": {}, "arm": None, "versions": {}, "hardware": "CPU"}}
    monkeypatch.setattr(study, "make_start", lambda runs, data: start)
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    return names


def test_the_first_seed_of_every_arm_comes_first_and_nothing_is_made_twice(tmp_path, made):
    study.main(["--runs", str(tmp_path / "runs")])
    planned = {f"{name}-{seed}" for name, arm in study.arms().items() for seed in range(1, arm["seeds"] + 1)}
    assert len(planned) == 5 * 5 + 5 * 3
    assert set(made) == planned
    assert [name.rpartition("-")[0] for name in made[:10]] == sorted(study.arms())
    assert len(made) == len(planned)
    study.main(["--runs", str(tmp_path / "runs")])
    assert len(made) == len(planned)


def test_a_run_that_another_process_makes_is_left_to_it(tmp_path, made, capsys):
    (tmp_path / "runs").mkdir()
    with FileLock(tmp_path / "runs/htpo_paper-2.lock"):
        study.main(["--runs", str(tmp_path / "runs"), "--arms", "dapo", "htpo_paper", "--seeds", "2"])
    assert made == ["dapo-2"]
    out = capsys.readouterr().out
    assert "htpo_paper, seed 2: another process makes it" in out
    assert "every run" not in out


def test_a_seed_that_is_not_planned_is_refused(tmp_path, made, capsys):
    with pytest.raises(SystemExit):
        study.main(["--runs", str(tmp_path / "runs"), "--seeds", "5", "6"])
    assert "seeds [6] are not planned in arms.yaml" in capsys.readouterr().err
    assert made == []


def test_the_commit_is_recorded_where_there_is_one(tmp_path, monkeypatch):
    def git(*command):
        subprocess.run(["git", "-C", tmp_path, "-c", "user.name=a", "-c", "user.email=a@b", *command], check=True)

    monkeypatch.setattr(study, "ROOT", tmp_path)
    assert study.code()["commit"] == "unknown"
    (tmp_path / "file").write_text("1")
    git("init", "--quiet")
    git("add", "file")
    git("commit", "--quiet", "--message=first")
    head = subprocess.check_output(["git", "-C", tmp_path, "rev-parse", "HEAD"], text=True)
    assert head.startswith(study.code()["commit"])
    (tmp_path / "file").write_text("2")
    assert study.code()["commit"].endswith("-dirty")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert study.code()["commit"] == "unknown"
