"""Byte-level BPE in the token dump: the pieces of a response make up its text, but for characters that were cut."""

import pytest

from recipe.runs.token_dump.table import text_pieces
from tests.real_tokenizers import REAL, TEXTS


@pytest.mark.parametrize("name", REAL)
def test_the_pieces_of_a_response_are_its_text_with_its_special_tokens(name):
    make, ends = REAL[name]
    tokenizer = make()
    text = "<think>\nHm.\n</think>\n\n What is $x = 12$?  Naïve 答案是 \\boxed{7}。" + ends[0]
    ids = tokenizer.encode(text, add_special_tokens=False)
    pieces = text_pieces(tokenizer, ids)
    assert "".join(pieces[i] for i in ids) == text
    assert pieces[ids[-1]] == ends[0]
    assert len(ids) < len(text)  # merged, as no tokenizer of characters does


@pytest.mark.parametrize("name", REAL)
def test_a_character_over_several_tokens_is_a_mark_in_each(name):
    tokenizer = REAL[name][0]()
    assert "\U0001f9ee" not in "".join(TEXTS)
    ids = tokenizer.encode("a\U0001f9eeb", add_special_tokens=False)
    pieces = text_pieces(tokenizer, ids)
    marks = [pieces[i] for i in ids]
    assert (marks[0], marks[-1]) == ("a", "b")
    assert len(marks) > 3
    assert {piece.strip("\ufffd") for piece in marks[1:-1]} == {""}
