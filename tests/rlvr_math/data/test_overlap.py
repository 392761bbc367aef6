import json

import pytest

from recipe.rlvr_math.data.overlap import main
from recipe.rlvr_math.data.problems import loose_text, same_text
from tests.rlvr_math.data.published import dapo, write


@pytest.mark.parametrize(
    ("one", "other", "same", "loose"),
    [
        ("What is $x$?", "What  is\n$x$? ", True, True),
        (r"$a\,b$", "$a b$", True, True),
        ("What is $X$", "what is x?", False, True),
        (r"\left( \dfrac{1}{2} \right)", r"(\frac{1}{2})", False, True),
        ("What is 1-2?", "What is 1+2?", False, False),
        ("What is 1?", "What is 2?", False, False),
    ],
)
def test_what_counts_as_the_same(one, other, same, loose):
    assert (same_text(one) == same_text(other)) is same
    assert (loose_text(one) == loose_text(other)) is loose


def test_overlap_is_printed_and_written_into_the_manifest(prepare, tmp_path, capsys):
    train = ["What is $1$?", "Find $\\dfrac{1}{2}$.", "What is $3$?"]
    prepare("dapo-math-17k", write(tmp_path / "train.parquet", [dapo(text, "1") for text in train]))
    test = ["Nothing?", "Find  $\\frac{1}{2}$", "What is $1$?"]
    rows = [{"problem": text, "answer": "1"} for text in test]
    # another template: problems are compared without it
    prepare("aime-2025", write(tmp_path / "test.jsonl", rows), "--template", "boxed")
    out = tmp_path / "out"
    main(["--train", str(out / "dapo-math-17k.parquet"), "--test", str(out / "aime-2025.parquet")])
    printed = capsys.readouterr().out
    assert "aime-2025: 2 of 3 problems are in dapo-math-17k.parquet" in printed
    manifest = json.loads((out / "dapo-math-17k.manifest.json").read_text())
    found = manifest["overlap"]["aime-2025"]
    assert (found["exact"], found["normalised"], found["problems"]) == ([["0", "2"]], [["1", "1"]], 3)
    tested = json.loads((out / "aime-2025.manifest.json").read_text())
    assert found["sha256"] == tested["sha256"]
    assert manifest["rows_after"] == 3
    there = tested["overlap"]["dapo-math-17k"]
    assert (there["exact"], there["normalised"], there["sha256"]) == ([["0", "2"]], [["1", "1"]], manifest["sha256"])


@pytest.mark.parametrize("last", ["dapo-math-17k", "aime-2025"])
def test_prepare_compares_what_lies_in_one_folder(prepare, tmp_path, last):
    files = {
        "dapo-math-17k": write(tmp_path / "train.parquet", [dapo("What is 1?", "1"), dapo("What is 2?", "2")]),
        "aime-2025": write(tmp_path / "test.jsonl", [{"problem": "What is  2?", "answer": "2"}]),
        "amc-2023": write(tmp_path / "other.jsonl", [{"problem": "What is 2?", "answer": "2"}]),
    }
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.manifest.json").write_text("[]")
    printed = ""
    for name in [*(name for name in files if name != last), last]:
        printed += prepare(name, files[name])[2].out
    assert "aime-2025: 1 of 1 problems are in dapo-math-17k.parquet" in printed
    for name, other in (("dapo-math-17k", "aime-2025"), ("aime-2025", "dapo-math-17k"), ("amc-2023", "dapo-math-17k")):
        overlap = json.loads((tmp_path / f"out/{name}.manifest.json").read_text())["overlap"]
        assert sum(len(overlap[other][kind]) for kind in ("exact", "normalised")) == 1
        assert not {"amc-2023", "aime-2025"} & set(overlap) or name == "dapo-math-17k"


def test_other_files_are_refused_in_one_sentence(tmp_path, capsys):
    (tmp_path / "broken.parquet").write_text("nonsense")
    other = write(tmp_path / "other.parquet", [{"problem": "One?"}])
    for file, message in (
        (tmp_path / "gone.parquet", "does not exist"),
        (tmp_path / "broken.parquet", "is not"),
        (other, "is not"),
    ):
        assert main(["--train", str(file), "--test", str(file)]) == 2
        assert message in capsys.readouterr().err


def test_a_file_without_manifest_is_compared(tmp_path, capsys):
    rows = [dapo("What is 1?", "1", "a")]
    file = write(tmp_path / "train.parquet", rows)
    main(["--train", str(file), "--test", str(file)])
    printed = capsys.readouterr()
    assert "exact: 1, train:test a:a" in printed.out
    assert "has no manifest" in printed.err
