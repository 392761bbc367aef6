"""What is wrong with the input ends the command with status 2 and one sentence: where it is and how to mend it."""

import subprocess
import sys

import pytest

from tests import ROOT
from tests.rlvr_math.data.published import ROWS, dapo, write


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"problem": "One?", "reply": "1"}], r"has the columns problem, reply; rename two of them .*problem \+ answer"),
        ([{"problem": "One?", "answer": "1"}, {"problem": " ", "answer": "2"}], r"row 2: the column 'problem' has no prompt"),
        ([{"problem": "One?", "answer": "1"}, {"problem": None, "answer": "2"}], r"row 2: the column 'problem' has no prompt"),
        ([{"problem": "One?", "answer": "1"}, {"problem": "Two?", "answer": ""}], r"row 2: the column 'answer' has no answer"),
        ([{"problem": "One?", "answer": None}], r"row 1: the column 'answer' has no answer"),
        ([{"problem": "One?", "solution": "no box"}], r"row 1: the column 'solution' has no answer"),
        (
            [{"problem": "One?", "answer": r"\frac{1}{2"}],
            r"row 1: the answer .* has braces that do not match \(1 such of 1\); mend or remove the row",
        ),
        ([{"question": "One?", "final_answer": "['$1$']"}], r"row 1: .* is a list written as text; give the parquet"),
        (
            [{"prompt": [{"role": "user", "content": c} for c in "ab"], "reward_model": {"ground_truth": "1"}}],
            r"one user message",
        ),
        (
            [{"problem": f"{i}? Think step by step, please.", "answer": "1"} for i in range(5)],
            r"ends with .*looks like an instruc",
        ),
        (
            [{"problem": f"Think step by step, please: {i}", "answer": "1"} for i in range(5)],
            r"begins with .*looks like an instruc",
        ),
    ],
    ids=[
        "column",
        "blank",
        "null prompt",
        "no answer",
        "null answer",
        "no box",
        "damaged",
        "list",
        "chat",
        "suffix",
        "prefix",
    ],
)
@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_wrong_rows(refused, tmp_path, rows, message, suffix):
    import re

    error = refused("aime-2025", write(tmp_path / f"in{suffix}", rows))
    assert re.search(message, error), error
    assert str(tmp_path / f"in{suffix}") in error


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("in.jsonl", "", "in.jsonl is empty; download it again"),
        ("in.csv", "problem,answer\n", "in.csv has no rows"),
        ("in.json", "[]", "in.json"),
        (
            "in.jsonl",
            '{"problem": "One?", "answer": "1"}\n{"problem": "Two?", "ans\n',
            "in.jsonl is not a readable json file: line 2 is",
        ),
        (
            "in.jsonl",
            '{"problem": "One?", "answer": "1"}\n[1]\n',
            "in.jsonl is not a readable json file: line 2 is no JSON object",
        ),
        ("in.csv", 'problem,answer\nOne?,1\nTwo?,"2\n', "in.csv is not a readable csv file"),
        ("in.parquet", "nonsense", "in.parquet is not a readable parquet file"),
        ("in.txt", "nonsense", "in.txt is not a .parquet, .jsonl, .json, .csv file"),
    ],
    ids=["empty", "header", "empty list", "corrupted line", "list in a line", "open quote", "no parquet", "kind"],
)
def test_wrong_files(refused, tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    error = refused("aime-2025", tmp_path / name)
    assert message in error
    assert error.count("\n") == 0


def test_wrong_sources_and_options(refused, tmp_path):
    assert "gone.parquet does not exist" in refused("aime-2025", tmp_path / "gone.parquet")
    assert "math-ai/aime25 cannot be loaded from the hub" in refused("aime-2025", None)
    file = write(tmp_path / "in.jsonl", [ROWS["aime-2025"](i) for i in range(3)])
    assert "is a file, which has no --revision" in refused("aime-2025", file, "--revision", "main")
    assert "--tokenizer and --max-prompt-tokens" in refused("aime-2025", file, "--tokenizer", "x")
    assert "--tokenizer and --max-prompt-tokens" in refused("aime-2025", file, "--drop-long")
    assert "--published has no {problem}" in refused("aime-2025", file, "--published", "Solve:")


def test_dapos_instruction_must_be_there(refused, prepare, tmp_path):
    bare = dapo("", "1") | {"prompt": [{"role": "user", "content": "What is 2?"}]}
    file = write(tmp_path / "in.parquet", [dapo("What is 1?", "1"), bare])
    error = refused("dapo-math-17k", file)
    assert "row 2: the prompt 'What is 2?' is not of the form 'Solve the following" in error
    assert "row 1: the prompt has no problem" in refused("dapo-math-17k", write(tmp_path / "empty.parquet", [dapo("", "1")]))
    file = write(tmp_path / "bare.parquet", [bare])
    rows, manifest, _ = prepare("dapo-math-17k", file, "--published", "{problem}", "--template", "plain")
    assert rows[0]["prompt"][0]["content"] == "What is 2?"
    assert manifest["published_template"] is None


def test_a_test_set_in_dapos_form_is_stripped_as_a_whole(refused, prepare, tmp_path):
    file = write(tmp_path / "in.parquet", [dapo(f"What is {i}?", str(i)) for i in range(30)] * 32)
    rows, manifest, _ = prepare("aime-2024", file, "--template", "plain")
    assert [row["prompt"][0]["content"] for row in rows] == [f"What is {i}?" for i in range(30)]
    assert (manifest["rows_before"], manifest["rows_after"]) == (960, 30)
    mixed = [dapo("What is 1?", "1"), dapo("", "1") | {"prompt": [{"role": "user", "content": "What is 2?"}]}]
    assert "row 2: the prompt 'What is 2?' is not of the form" in refused("aime-2024", write(tmp_path / "mixed.parquet", mixed))
    other = write(tmp_path / "other.parquet", mixed[::-1])
    assert "row 1: the prompt 'What is 2?' is not of the form" in refused("aime-2024", other)


def test_published_forms_can_be_said(prepare, tmp_path):
    rows = [{"problem": f"Think step by step, please: {i}", "answer": "1"} for i in range(5)]
    file = write(tmp_path / "in.jsonl", rows)
    options = ("--published", "Think step by step, please: {problem}", "--template", "plain")
    written, _, _ = prepare("aime-2025", file, *options)
    assert [row["prompt"][0]["content"] for row in written] == list("01234")


def test_a_training_problem_with_a_damaged_answer_is_dropped_out_loud(prepare, refused, tmp_path):
    answers = ["1", r"\frac{1}{2", "$$", "9" * 1001, r"\{1, 2\}"]
    file = write(tmp_path / "in.parquet", [dapo(f"What is {i}?", answer) for i, answer in enumerate(answers)])
    written, manifest, printed = prepare("dapo-math-17k", file)
    assert [row["reward_model"]["ground_truth"] for row in written] == ["1", r"\{1, 2\}"]
    assert [entry["row"] for entry in manifest["damaged"]] == [2, 3, 4]
    assert (manifest["rows_before"], manifest["rows_after"], manifest["duplicates"]) == (5, 2, 0)
    assert "-3 problems with a damaged answer dropped" in printed.out
    assert "damaged: row '2', answer '" in printed.err
    error = refused("aime-2025", write(tmp_path / "test.jsonl", [{"problem": "One?", "answer": "9" * 1001}]))
    assert "has more than 1000 characters (1 such of 1)" in error


@pytest.fixture
def tokenizer(tmp_path):
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]")
    fast.chat_template = "{% for m in messages %}{{ m['content'] }} {% endfor %}{% if add_generation_prompt %}go{% endif %}"
    fast.save_pretrained(tmp_path / "tokenizer")
    return tmp_path / "tokenizer"


def test_long_prompts_are_named_and_dropped_only_on_demand(prepare, refused, tokenizer, tmp_path):
    rows = [{"problem": "word " * words, "answer": "1"} for words in (3, 9, 4, 12)]
    file = write(tmp_path / "in.jsonl", rows)
    limit = ("--template", "plain", "--tokenizer", str(tokenizer), "--max-prompt-tokens", "5")
    written, manifest, printed = prepare("aime-2025", file, *limit)
    assert (len(written), manifest["long_prompts"], manifest["long_dropped"]) == (4, {"1": 10, "3": 13}, 0)
    assert "warning: 2 prompts have more than 5 tokens (index 1, 3); --drop-long" in printed.err
    written, manifest, printed = prepare("aime-2025", file, *limit, "--drop-long")
    assert [row["extra_info"]["index"] for row in written] == [0, 2]
    assert (manifest["rows_after"], manifest["long_dropped"], manifest["duplicates"]) == (2, 2, 0)
    assert "-2 prompts of more than 5 tokens dropped" in printed.out
    assert "every prompt has more than 1 tokens" in refused("aime-2025", file, *limit[:-1], "1", "--drop-long")
    assert "gone cannot be used" in refused(
        "aime-2025", file, "--tokenizer", str(tmp_path / "gone"), "--max-prompt-tokens", "5"
    )


def test_the_command_ends_with_one_sentence_and_status_2(tmp_path):
    command = [
        sys.executable,
        "-m",
        "recipe.rlvr_math.data.prepare",
        "--dataset",
        "minerva",
        "--source",
        "gone.csv",
        "--out",
        tmp_path,
    ]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert result.returncode == 2
    assert result.stderr == "error: gone.csv does not exist; give a file or a data set's id on the hub\n"


def test_a_null_prompt_in_verls_own_layout(refused, tmp_path):
    rows = [dapo(f"What is {i} plus $1$ here?", str(i), index=str(i)) for i in range(5)]
    rows[3]["prompt"] = None
    assert "prompt" in (error := refused("dapo-math-17k", write(tmp_path / "in.parquet", rows)))
    assert str(tmp_path / "in.parquet") in error
