import pytest

from tests.runs.token_dump.batch import made_run


@pytest.fixture
def run(tmp_path, monkeypatch):
    return made_run(tmp_path, monkeypatch)
