import json

import pytest


@pytest.fixture(autouse=True)
def no_network(monkeypatch, tmp_path):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets.disable_progress_bars()


@pytest.fixture
def prepare(tmp_path, capsys):
    """Run the command on a file; return the rows that it wrote, the manifest and what it printed."""
    import pyarrow.parquet as parquet

    from recipe.rlvr_math.data.prepare import main

    def run(name, source, *options, out=tmp_path / "out"):
        main(["--dataset", name, "--out", str(out), *(["--source", str(source)] if source else []), *options])
        path = out / f"{name}.parquet"
        return (
            parquet.read_table(path).to_pylist(),
            json.loads(path.with_suffix(".manifest.json").read_text()),
            capsys.readouterr(),
        )

    return run


@pytest.fixture
def refused(prepare, capsys, tmp_path):
    """The one sentence with which the command refuses a file. Nothing is written."""

    def run(name, source, *options):
        with pytest.raises(SystemExit) as caught:
            prepare(name, source, *options, out=tmp_path / "refused")
        assert caught.value.code == 2
        assert not (tmp_path / "refused").exists()
        error = capsys.readouterr().err.strip().splitlines()[-1]
        assert error.startswith("error: ")
        return error

    return run
