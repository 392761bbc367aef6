"""The documentation has the table of the signs as they are."""

from recipe.runs.health import SIGNS
from recipe.runs.health.table import table
from tests import ROOT


def test_the_document_has_the_table():
    assert table() in (ROOT / "docs/metrics.md").read_text(), "docs/metrics.md: python -m recipe.runs.health.table prints it"


def test_every_sign_has_a_row_that_says_why():
    rows = table().splitlines()[2:]
    assert len(rows) == len(SIGNS)
    for sign, row in zip(SIGNS, rows, strict=True):
        assert row.startswith(f"| `{sign.metric}` | ")
        assert all(cell.strip() for cell in row.strip("|").split("|"))
        assert "http" in row or sign.metric == "rollouts/failed_share"
