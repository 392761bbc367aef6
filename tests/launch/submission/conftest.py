"""A small working directory to submit, and an environment without a cluster."""

import os

import pytest


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """No cluster, token or proxy of the machine that runs the tests; undone afterwards."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("RAY_") and "proxy" not in k.lower()}
    monkeypatch.setattr(os, "environ", kept | {"HOME": str(tmp_path)})
    return os.environ


@pytest.fixture
def project(tmp_path):
    """A small working directory."""
    for name, size in {
        "recipe/htpo/main.py": 10,
        "recipe/hapo/main.py": 10,
        "recipe/hapo/preflight.py": 10,
        "runs/checkpoint.bin": 5000,
        "large/a.bin": 3000,
        "large/b.bin": 2000,
        "large/keep.txt": 1,
        ".git/objects/pack": 9000,
        "deep/.env": 9000,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    (tmp_path / ".gitignore").write_text("/runs/\n")
    (tmp_path / "deep/.gitignore").write_text(".env\n")
    return tmp_path
