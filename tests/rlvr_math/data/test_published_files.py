"""`prepare` on the real files, in the folder of PUBLISHED_DATA or in shared/data/published beside the project; else skipped.

They are those of Qwen2.5-Math's evaluation. What else is known of them stands here as facts.
"""

import os
from pathlib import Path

import pytest

from tests import ROOT

FOLDER = Path(os.environ.get("PUBLISHED_DATA", ROOT.parent / "shared/data/published"))
# file, data set, problems, answers that can be met as text only, stated
FACTS = [
    ("aime24.jsonl", "aime-2024", 30, 0, {}),
    ("amc23.jsonl", "amc-2023", 40, 0, {}),
    ("minerva_math.jsonl", "minerva", 272, 5, {}),
    (
        "olympiadbench.jsonl",
        "olympiadbench",
        675,
        2,
        {"answer_type": 675, "unit": 8, "error": 1, "is_multiple_answer": 675},
    ),
]
TRAPS = {
    "minerva": {"answers in prompts": 69, "rounded gold": 1},
    "olympiadbench": {"wrong gold": 1, "unsolvable": 3, "order matters": 4, "gold in words": 1},
}

pytestmark = pytest.mark.slow  # math-verify reads a thousand answers


@pytest.mark.parametrize(("file", "name", "problems", "most_text_only", "stated"), FACTS, ids=[fact[1] for fact in FACTS])
def test_the_published_files_are_taken_as_they_are(prepare, file, name, problems, most_text_only, stated):
    if not (FOLDER / file).is_file():
        pytest.skip(f"there is no {file} in {FOLDER}")
    written, manifest, printed = prepare(name, FOLDER / file)
    assert len(written) == manifest["rows_before"] == manifest["rows_after"] == problems
    assert manifest["duplicates"] == manifest["outside_subset"] == 0
    assert manifest["conflicts"] == manifest["damaged"] == manifest["not_understood"] == []
    assert manifest["stated"] == stated
    assert len(manifest["text_only"]) <= most_text_only
    assert "are usual" not in printed.err
    traps = {trap["kind"]: trap for trap in manifest["known_traps"]}
    assert all(trap["source"] and trap["what"] for trap in traps.values())
    assert {kind: len(trap["index"]) for kind, trap in traps.items() if trap["index"]} == TRAPS.get(name, {})
    if name == "olympiadbench":
        (malformed,) = traps["wrong gold"]["index"]
        assert written[malformed]["reward_model"]["ground_truth"] == "t(0,4]"
