"""Where a run keeps its metrics: a file of its own for each attempt."""

import os

import pytest
from omegaconf import OmegaConf

from recipe.htpo.method import HTPO
from recipe.runs.run_folder import keep_display, keep_metrics, run_folder
from recipe.token_level.display import Display


def config(folder, *loggers):
    return OmegaConf.create({"trainer": {"default_local_dir": str(folder), "logger": list(loggers)}})


@pytest.fixture
def path(monkeypatch):
    monkeypatch.delenv("VERL_FILE_LOGGER_PATH", raising=False)
    return lambda: os.environ.pop("VERL_FILE_LOGGER_PATH", None)


def test_each_attempt_has_its_own_file(tmp_path, path):
    run = config(tmp_path / "run/checkpoints", "console", "file")
    assert run_folder(run) == tmp_path / "run"
    keep_metrics(run)
    first = path()
    assert first == str(tmp_path / "run/metrics-000.jsonl")
    with open(first, "w"):
        pass
    keep_metrics(run)
    assert path() == str(tmp_path / "run/metrics-001.jsonl")
    keep_metrics(config(tmp_path / "other", "file"))
    assert path() == str(tmp_path / "other/metrics-000.jsonl")


def test_what_the_page_shows_of_the_method_stands_beside_the_metrics_and_is_written_anew(tmp_path):
    run = config(tmp_path / "run/checkpoints")
    for display in (Display("older"), HTPO.display):
        path = keep_display(run, display)
        assert path == tmp_path / "run/display.json"
        assert Display.from_json(path.read_text()) == display
    assert list(path.parent.iterdir()) == [path]


def test_a_path_that_is_given_is_kept_and_without_the_logger_there_is_none(tmp_path, path, monkeypatch):
    keep_metrics(config(tmp_path, "console"))
    assert path() is None
    monkeypatch.setenv("VERL_FILE_LOGGER_PATH", "mine.jsonl")
    keep_metrics(config(tmp_path, "file"))
    assert path() == "mine.jsonl"
