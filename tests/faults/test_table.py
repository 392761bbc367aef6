"""What was seen of the matrix, as it is kept and as a page."""

import re

from tests import ROOT
from tests.faults.__main__ import SEEN, read
from tests.faults.chain import Chain
from tests.faults.matrix import CELLS
from tests.faults.table import write_table


def test_the_page_is_what_the_kept_outcomes_make(tmp_path):
    write_table(tmp_path / "faults.md", read(SEEN))
    assert (tmp_path / "faults.md").read_text() == (ROOT / "docs/faults.md").read_text()


def test_every_cell_was_made():
    assert read(SEEN).keys() == {cell.name for cell in CELLS}


def test_no_outcome_has_a_path_of_the_machine_that_made_it():
    assert not [line for line in SEEN.read_text().splitlines() if re.search(r"(?<![\w.])/\w+/", line)]


def test_the_folder_of_a_run_is_left_out_of_what_is_kept(tmp_path):
    (tmp_path / "steps.json").write_text("{}")
    chain = Chain(tmp_path, tmp_path, tmp_path / "chain")
    text = f"resumes from {chain.checkpoints}/global_step_4; {tmp_path}/chain/cut.parquet is cut"
    assert chain.without_paths(text) == "resumes from .../checkpoints/global_step_4; .../cut.parquet is cut"
