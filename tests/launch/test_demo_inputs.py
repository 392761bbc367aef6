"""Model and data are made on a machine where the project is not installed, as a GPU cluster's."""

import sys

from launch.demo.inputs import make_inputs

NOT_INSTALLED = """
import sys
sys.meta_path[:] = [finder for finder in sys.meta_path if "__editable__" not in getattr(finder, "__module__", "")]
sys.path_hooks[:] = [hook for hook in sys.path_hooks if "__editable__" not in repr(hook)]
sys.path[:] = [entry for entry in sys.path if "__editable__" not in entry]
"""


def test_the_data_is_made_without_an_installed_project(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(NOT_INSTALLED)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    folder = tmp_path / "inputs"
    (folder / "model").mkdir(parents=True)  # that takes longer, and needs the project no more than the data does
    make_inputs(folder)
    assert {path.name for path in (folder / "data").iterdir()} >= {"train.parquet", "val.parquet"}


def test_what_is_there_is_left_alone(tmp_path, monkeypatch):
    for name in ("model", "data"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(sys, "executable", "nothing")
    assert make_inputs(tmp_path) == tmp_path
