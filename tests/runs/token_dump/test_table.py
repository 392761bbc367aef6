"""The files of the token dump: they read back, stay bounded, and hold any text."""

import json

import numpy as np
import pyarrow.parquet as parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from recipe.runs.token_dump.table import build_table, clean, superfluous, text_pieces, write_table

HOSTILE = ["<script>alert(1)</script>", "\x00\x1b[31m\u202e", "\ud800", "&lt;", "a\nb"]


def columns(lengths, **given):
    """Columns of responses of these lengths."""
    n = len(lengths)
    rng = np.random.default_rng(0)
    per_token = {
        name: [rng.random(t).astype(np.float32) for t in lengths] for name in ("entropy", "advantage", "ratio", "old_log_prob")
    }
    texts = {name: [name] * n for name in ("prompt_id", "data_source", "prompt", "ground_truth")}
    tokens = {"token": [["x"] * t for t in lengths], "token_id": [list(range(t)) for t in lengths]}
    numbers = {"step": [7] * n, "session": list(range(n)), "acc": [1.0] * n, "reward": [0.5] * n, "solve_rate": [0.25] * n}
    return per_token | texts | tokens | numbers | given


def test_it_reads_back_with_its_types_and_what_it_is_about(tmp_path):
    given = columns([3, 1])
    table = build_table(given, {"group": [np.array([1, -2, 8], np.int8), np.array([3], np.int8)]}, {"method": "htpo"})
    path = write_table(table, tmp_path / "a/tokens", 7, files=2)
    assert path == tmp_path / "a/tokens/step_7.parquet"
    back = parquet.read_table(path)
    assert json.loads(back.schema.metadata[b"token_dump"]) == {"format": 1, "method": "htpo"}
    types = {field.name: str(field.type) for field in back.schema}
    assert types == {
        **{"step": "int32", "session": "int32"},
        **dict.fromkeys(("prompt_id", "data_source", "prompt", "ground_truth"), "string"),
        **dict.fromkeys(("acc", "reward", "solve_rate"), "float"),
        **{"token": "list<element: string>", "token_id": "list<element: int32>", "group": "list<element: int8>"},
        **dict.fromkeys(("entropy", "advantage", "ratio", "old_log_prob"), "list<element: float>"),
    }
    rows = back.to_pylist()
    assert rows[0]["group"] == [1, -2, 8]
    for i in range(2):
        assert rows[i]["ratio"] == given["ratio"][i].tolist()
    assert parquet.ParquetFile(path).metadata.row_group(0).column(0).compression == "ZSTD"


def test_scores_are_float32_and_nan_stays_nan():
    given = columns([2], acc=[np.nan], ratio=[np.full(2, np.nan)])
    row = build_table(given, {"score": [np.array([0.5, -1.0])]}, {}).to_pylist()[0]
    assert row["score"] == [0.5, -1.0]
    assert np.isnan([row["acc"], *row["ratio"]]).all()


def test_lists_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match="'ratio' has not one entry a token"):
        build_table(columns([2], ratio=[np.zeros(3)]), {}, {})
    with pytest.raises(ValueError, match="'group' has not one entry a token"):
        build_table(columns([2]), {"group": [np.zeros(1, np.int8)]}, {})


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_kept_as_text(tmp_path, text):
    given = columns([1], prompt=[text], ground_truth=[text], token=[[clean(text)]])
    path = write_table(build_table(given, {}, {}), tmp_path, 1, files=2)
    row = parquet.read_table(path).to_pylist()[0]
    assert row["prompt"] == row["ground_truth"] == row["token"][0] == text.replace("\ud800", "\ufffd")


@given(st.text(st.characters(exclude_categories=())))
def test_clean_text_is_always_utf8(text):
    assert len(clean(text).encode().decode()) == len(text)


def test_a_response_of_the_longest_presets_needs_about_20_bytes_a_token(tmp_path):
    """What the comment in dapo_base.yaml says of the size."""
    rng = np.random.default_rng(0)
    t = 20480
    vocabulary = [f" word{i}" for i in range(5000)]
    ids = rng.zipf(1.3, t) % 5000
    floats = {name: [rng.standard_normal(t)] for name in ("entropy", "ratio", "old_log_prob")}
    given = columns([t], **floats, advantage=[np.full(t, 0.7)], token=[[vocabulary[i] for i in ids]], token_id=[ids.tolist()])
    path = write_table(build_table(given, {"group": [rng.integers(1, 9, t).astype(np.int8)]}, {}), tmp_path, 1, files=2)
    assert 10 < path.stat().st_size / t < 25


def test_the_folder_is_thinned_out_and_the_last_file_of_a_step_counts(tmp_path):
    table = build_table(columns([1]), {}, {})
    (tmp_path / "notes.txt").write_text("stays")
    for step in [1, *range(10, 310, 10), 300]:
        write_table(table, tmp_path, step, files=8)
        assert len(list(tmp_path.glob("step_*"))) <= 8
    kept = sorted(int(path.stem.removeprefix("step_")) for path in tmp_path.glob("*.parquet"))
    assert (len(kept), kept[0], kept[-1]) == (8, 1, 300)
    assert max(np.diff(kept)) <= 90
    assert {path.name for path in tmp_path.iterdir() if path.suffix != ".parquet"} == {"notes.txt"}


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    table = build_table(columns([1]), {}, {})
    path = write_table(table, tmp_path, 1, files=2)
    before = path.read_bytes()
    monkeypatch.setattr(parquet, "write_table", lambda table, where, **_: (where.write_bytes(b"half"), 1 / 0))
    with pytest.raises(ZeroDivisionError):
        write_table(table, tmp_path, 1, files=2)
    assert path.read_bytes() == before


@given(st.sets(st.integers(1, 10**4), min_size=1), st.integers(2, 30))
def test_what_is_dropped_is_never_an_end_and_never_too_much(steps, keep):
    left = sorted(steps - set(superfluous(list(steps), keep)))
    assert len(left) == min(len(steps), keep)
    assert (left[0], left[-1]) == (min(steps), max(steps))


def byte_tokenizer():
    """A byte-level tokenizer as Qwen's, without merges: a token is a byte."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    core = Tokenizer(models.BPE({c: i for i, c in enumerate(alphabet)}, []))
    core.pre_tokenizer, core.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<|im_end|>")


def test_pieces_of_half_characters_are_replacement_characters_and_special_tokens_are_shown():
    tokenizer = byte_tokenizer()
    ids = [*tokenizer.encode(" é<"), tokenizer.eos_token_id]
    pieces = text_pieces(tokenizer, ids)
    assert [pieces[i] for i in ids] == [" ", "\ufffd", "\ufffd", "<", "<|im_end|>"]


def test_pieces_keep_the_space_that_a_tokenizer_drops_at_the_start():
    core = Tokenizer(models.WordLevel({"▁a": 0, "▁b": 1, "0": 2, "▁0": 3, "<unk>": 4}, unk_token="<unk>"))
    core.pre_tokenizer, core.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core)
    assert tokenizer.decode([1]) == "b"
    assert text_pieces(tokenizer, [0, 1]) == {0: " a", 1: " b"}
