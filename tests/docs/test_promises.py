"""Each promise of the document on security has a test beside it, and that test exists."""

import re
from pathlib import Path

from tests import ROOT
from tests.docs.reading import text

DOCUMENT = Path("docs/security.md")
NAMED = re.compile(r"`([\w./-]+\.py)::(\w+)`")
SHORT = ROOT / "tests/launch/submission"  # where the names of one section begin


def test_the_tests_that_are_named_exist():
    named = NAMED.findall(text(DOCUMENT))
    assert named
    for name, function in named:
        file = ROOT / name if name.startswith("tests/") else SHORT / name
        assert f"def {function}(" in file.read_text(), f"{name}::{function}"


def test_no_row_of_promises_is_without_a_test():
    for table in re.findall(r"\| what holds \| test \|\n\|---\|---\|\n((?:\|.*\n)+)", text(DOCUMENT)):
        for row in table.splitlines():
            assert NAMED.search(row), row
