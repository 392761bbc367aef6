"""The table and the exit status."""

import pytest

from recipe.runs.preflight import results


def test_the_table_shows_each_row_and_its_mend_and_only_failures_set_the_status(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    rows = [
        results.Result("pass", "a finding " * 12, name="data"),
        results.Result("warn", "tight", "a mend", name="memory"),
        results.Result("skip", "one machine", name="shared path"),
    ]
    lines = results.table(rows).splitlines()
    assert lines[0].startswith("pass  data         a finding")
    assert lines[1].startswith(" " * 19 + "finding")
    assert "warn  memory       tight" in lines
    assert " " * 19 + "-> a mend" in lines
    assert lines[-1] == "3 checks: 1 pass, 1 warn, 1 skip"
    assert all(len(line) <= 80 for line in lines)
    assert results.exit_status(rows) == 0
    assert results.exit_status([*rows, results.failed("gone")]) == 2


@pytest.mark.parametrize(
    ("size", "text"), [(512, "0.5 KiB"), (3 * 2**20, "3.0 MiB"), (61.1 * 2**30, "61.1 GiB"), (2**41, "2.0 TiB")]
)
def test_bytes_are_shown_in_a_unit_that_suits_them(size, text):
    assert results.gib(size) == text
