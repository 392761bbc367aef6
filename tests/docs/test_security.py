"""Each promise of docs/security.md names a test that there is."""

import ast
import re
from pathlib import Path

import pytest

from tests import ROOT
from tests.docs.reading import text

NAMED = re.compile(r"`([\w./-]+\.py)::(\w+)`")
SHORT = ROOT / "tests/launch/submission"  # where the names of one section begin
PROMISES = text(Path("docs/security.md")).split("## Promises and their tests\n", 1)[1]


def rows() -> list[str]:
    """Of the table of promises, without its head."""
    return [line for line in PROMISES.splitlines() if line.startswith("|")][2:]


def test_every_promise_names_a_test():
    assert len(rows()) > 10
    for row in rows():
        assert NAMED.search(row), row


def test_no_row_of_what_holds_is_without_a_test():
    tables = re.findall(r"\| what holds \| test \|\n\|---\|---\|\n((?:\|.*\n)+)", text(Path("docs/security.md")))
    assert len(tables) >= 3
    for row in "".join(tables).splitlines():
        assert NAMED.search(row), row


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED.findall(text(Path("docs/security.md"))))))
def test_the_test_is_there(file, name):
    tree = ast.parse((ROOT / file if file.startswith("tests/") else SHORT / file).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("recipe", ["htpo", "hapo"])
def test_model_code_is_off_by_default(compose, recipe):
    config = compose("actor_rollout_ref.model.path=m", "data.train_files=t", "data.val_files=v", recipe=recipe)
    assert config.actor_rollout_ref.model.trust_remote_code is False
    assert config.data.trust_remote_code is False
