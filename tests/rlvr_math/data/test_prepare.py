import hashlib
import time

import pytest

from recipe.files import whole
from recipe.rlvr_math.data import table
from recipe.rlvr_math.data.data_sets import DATA_SETS
from recipe.rlvr_math.data.templates import BOXED, DAPO
from tests.rlvr_math.data.published import ROWS, amc_2023, dapo, olympiadbench, write


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
@pytest.mark.parametrize("name", ROWS)
def test_every_data_set_becomes_verls_format(prepare, tmp_path, name, suffix):
    data_set = DATA_SETS[name]
    number = data_set.rows[0] if data_set.rows else 35
    file = write(tmp_path / f"in{suffix}", [ROWS[name](i) for i in range(number)])
    rows, manifest, printed = prepare(name, file)
    assert len(rows) == number
    assert [row["extra_info"]["index"] for row in rows] == list(range(number))
    assert {row["extra_info"]["split"] for row in rows} == {"train" if name == "dapo-math-17k" else "test"}
    assert {row["data_source"] for row in rows} == {data_set.data_source}
    assert list(rows[0]) == ["data_source", "prompt", "ability", "reward_model", "extra_info"]
    for row in rows:
        (message,) = row["prompt"]
        assert message["content"].startswith("Solve the following math problem step by step. The last line")
        assert message["content"].count("Answer: $Answer") == 1
    assert manifest["rows_before"] == manifest["rows_after"] == number
    assert manifest["revision"] is None
    assert manifest["source_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert manifest["sha256"] == hashlib.sha256((tmp_path / f"out/{name}.parquet").read_bytes()).hexdigest()
    assert printed.err == ""


@pytest.mark.parametrize(
    ("name", "index", "truth"),
    [("aime-2024", 3, "004"), ("amc-2023", 3, "3"), ("minerva", 1, "4.5e33"), ("olympiadbench", 3, r"-3, \sqrt{3}")],
)
def test_answers_are_taken_as_published(prepare, tmp_path, name, index, truth):
    rows, _, _ = prepare(name, write(tmp_path / "in.parquet", [ROWS[name](i) for i in range(6)]))
    assert rows[index]["reward_model"] == {"style": "rule", "ground_truth": truth}


def test_csv_is_text(prepare, tmp_path):
    (tmp_path / "in.csv").write_text("problem,answer\nFind $a$,007\nFind $b$,NA\nFind $c$,1.50\n")
    rows, _, _ = prepare("math-500", tmp_path / "in.csv")
    assert [row["reward_model"]["ground_truth"] for row in rows] == ["007", "NA", "1.50"]


def test_other_layouts(prepare, tmp_path):
    file = write(tmp_path / "in.json", [{"id": 1, "problem": "One?", "solution": r"so \boxed{204}", "url": "u"}])
    assert prepare("aime-2024", file)[0][0]["reward_model"]["ground_truth"] == "204"
    file = write(tmp_path / "maxwell.parquet", [{"ID": "1", "Problem": "One?", "Solution": "", "Answer": 204}])
    assert prepare("aime-2024", file)[0][0]["reward_model"]["ground_truth"] == "204"


def test_a_file_may_be_an_address(prepare, tmp_path):
    """As hf://xcyao00/HTPO/aime-2024.parquet is, where the authors' files are."""
    file = write(tmp_path / "in.parquet", [ROWS["aime-2025"](i) for i in range(30)])
    rows, manifest, _ = prepare("aime-2025", f"file://{file}")
    assert (len(rows), manifest["source"], manifest["source_sha256"]) == (30, f"file://{file}", None)


@pytest.mark.parametrize(
    ("template", "prompt"),
    [
        ("answer-line", [{"role": "user", "content": DAPO.replace("{problem}", "What is $5^2$?")}]),
        ("boxed", [{"role": "user", "content": "What is $5^2$?\n" + BOXED}]),
        ("qwen-math", [{"role": "system", "content": BOXED}, {"role": "user", "content": "What is $5^2$?"}]),
        ("plain", [{"role": "user", "content": "What is $5^2$?"}]),
    ],
)
def test_templates(prepare, tmp_path, template, prompt):
    file = write(tmp_path / "in.parquet", [ROWS["dapo-math-17k"](i) for i in range(6)])
    rows, manifest, _ = prepare("dapo-math-17k", file, "--template", template)
    assert [dict(message) for message in rows[5]["prompt"]] == prompt
    assert (manifest["template"], manifest["published_template"]) == (template, DAPO)


def test_a_problem_that_is_a_template_itself_stays_as_it_is(prepare, tmp_path):
    file = write(tmp_path / "in.jsonl", [{"problem": "Is {problem} a set?", "answer": "1"}])
    assert prepare("aime-2025", file, "--template", "boxed")[0][0]["prompt"][0]["content"] == "Is {problem} a set?\n" + BOXED


def test_repeated_rows_are_dropped_out_loud(prepare, tmp_path):
    once = [dapo("What is 1?", "1"), dapo("What is 2?", "2"), dapo("What  is\n1?", "1"), dapo(r"What is\, 2?", "02")]
    rows, manifest, printed = prepare("dapo-math-17k", write(tmp_path / "in.parquet", once * 100))
    assert [row["reward_model"]["ground_truth"] for row in rows] == ["1", "2"]
    assert (manifest["rows_before"], manifest["duplicates"], manifest["rows_after"]) == (400, 398, 2)
    assert "400 rows\n-398 repeated rows dropped\n2 problems in" in printed.out


def test_contradicting_answers_are_dropped_from_training_out_loud(prepare, tmp_path):
    rows = [
        dapo("What is 1?", "1"),
        dapo("What is 2?", "2"),
        dapo("What is 1?", "3"),
        dapo("Half?", "1/2"),
        dapo("Half?", "0.5"),
    ]
    written, manifest, printed = prepare("dapo-math-17k", write(tmp_path / "in.parquet", rows))
    assert [(row["extra_info"]["index"], row["reward_model"]["ground_truth"]) for row in written] == [(0, "2"), (1, "1/2")]
    assert manifest["conflicts"] == [{"rows": [1, 3], "answers": ["1", "3"]}]
    assert (manifest["rows_in_conflict"], manifest["duplicates"]) == (2, 1)
    assert "-2 rows of 1 problems with contradicting answers dropped" in printed.out
    assert "contradicting answers, '1' in row 1, '3' in row 3" in printed.err


def test_a_test_set_with_contradicting_answers_is_refused(refused, tmp_path):
    rows = [{"problem": "One?", "answer": "1"}, {"problem": "One?", "answer": "2"}]
    assert "different answers, '1' in row 1, '2' in row 2; remove" in refused("aime-2025", write(tmp_path / "in.jsonl", rows))


def test_another_number_of_problems_warns(prepare, tmp_path):
    file = write(tmp_path / "in.parquet", [amc_2023(i) for i in range(39)])
    assert "warning: 39 problems, where 40 are usual" in prepare("amc-2023", file)[2].err


def test_olympiadbench_is_the_english_text_only_open_ended_maths(prepare, refused, tmp_path):
    rows = [
        olympiadbench(1, modality="Multimodal"),
        olympiadbench(2, context="Let $x$ be real."),
        olympiadbench(3, language="Chinese"),
        olympiadbench(4, subject="Physics"),
        olympiadbench(5, question_type="Theorem proof"),
        olympiadbench(6),
    ]
    written, manifest, printed = prepare("olympiadbench", write(tmp_path / "in.parquet", rows), "--template", "plain")
    prompts = [row["prompt"][0]["content"] for row in written]
    assert prompts == ["Let $x$ be real.\nSolve $x^2=2$.", "Solve $x^2=6$."]
    assert (manifest["rows_before"], manifest["outside_subset"], manifest["rows_after"]) == (6, 4, 2)
    assert "-4 outside of the subset left out" in printed.out
    error = refused("olympiadbench", write(tmp_path / "physics.parquet", [rows[3]]))
    assert "no row left with 'math' in column 'subject' (it has physics)" in error


def test_the_order_is_that_of_first_appearance(prepare, tmp_path, monkeypatch):
    monkeypatch.setattr(table, "BATCH", 7)
    numbers = [5, 3, 9, 3, 5, 1, 8, 9, 2, 7, 5, 4, 6, 0, 3]
    file = write(tmp_path / "in.parquet", [dapo(f"What is {i}?", str(i)) for i in numbers])
    rows, _, _ = prepare("dapo-math-17k", file)
    assert [row["reward_model"]["ground_truth"] for row in rows] == ["5", "3", "9", "1", "8", "2", "7", "4", "6", "0"]


def test_two_runs_write_the_same_file(prepare, tmp_path):
    file = write(tmp_path / "in.parquet", [ROWS["minerva"](i) for i in range(9)])
    assert len({prepare("minerva", file)[1]["sha256"] for _ in range(2)}) == 1


@pytest.mark.slow
def test_the_size_of_the_published_file(prepare, tmp_path):
    import datasets

    rows = [dapo(f"Problem {i}: " + "what is it? " * 30 + str(i), str(i), f"uuid-{i}") for i in range(17_900)]
    once = datasets.Dataset.from_list(rows)
    file = tmp_path / "in.parquet"
    datasets.concatenate_datasets([once] * 100).to_parquet(file)
    start = time.monotonic()
    written, manifest, _ = prepare("dapo-math-17k", file)
    print(f"{time.monotonic() - start:.0f} s")
    assert (manifest["rows_before"], len(written)) == (1_790_000, 17_900)


def test_a_killed_run_leaves_no_half_file(prepare, tmp_path, monkeypatch):
    file = write(tmp_path / "in.jsonl", [ROWS["aime-2025"](i) for i in range(30)])
    prepare("aime-2025", file)
    data = tmp_path / "out/aime-2025.parquet"
    before = data.read_bytes()
    monkeypatch.setattr(whole.os, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        prepare("aime-2025", file, "--template", "boxed")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["aime-2025.parquet"]
    assert data.read_bytes() == before


def test_the_hub_is_asked_for_the_pinned_or_the_resolved_commit(prepare, monkeypatch):
    from types import SimpleNamespace

    import datasets
    import huggingface_hub

    asked = []

    def load_dataset(*arguments, **keywords):
        asked.append((*arguments, keywords))
        return datasets.DatasetDict({"test": datasets.Dataset.from_list([ROWS["aime-2025"](i) for i in range(30)])})

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    info = lambda self, name, revision: SimpleNamespace(sha=f"commit of {name} {revision}")  # noqa: E731
    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", info)
    _, manifest, printed = prepare("aime-2025", None)
    pinned = DATA_SETS["aime-2025"].revision
    assert asked == [("math-ai/aime25", None, {"revision": pinned})]
    assert (manifest["source"], manifest["revision"], manifest["source_sha256"]) == ("math-ai/aime25", pinned, None)
    assert printed.out.startswith(f"math-ai/aime25 at {pinned}\n")
    assert prepare("aime-2025", "org/other")[1]["revision"] == "commit of org/other None"
    assert prepare("aime-2025", None, "--revision", "main")[1]["revision"] == "commit of math-ai/aime25 main"
