"""`make clean` removes what can be made again, and nothing else."""

import shutil
import subprocess

import pytest

from tests import ROOT


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_clean_leaves_what_was_trained(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    kept = ["runs/demo-htpo/checkpoints/model.pt", "outputs/2026-01-01/run.log", "checkpoints/htpo/model.pt", "recipe/main.py"]
    rest = ["build/lib/main.py", "dist/a.whl", "a.egg-info/PKG-INFO", ".ruff_cache/x", "recipe/__pycache__/main.pyc"]
    for name in (*kept, *rest):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    subprocess.run(["make", "clean"], cwd=tmp_path, check=True, capture_output=True)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"Makefile", *kept}
