"""What counts as depth in a JSON file: brackets that are not in strings, over line ends and blocks."""

import json

import pytest

from recipe.runs import json_depth
from recipe.runs.json_depth import DEEPEST, refuse_deep

TOO_DEEP = "[" * (DEEPEST + 1)
REFUSED = {
    "lists": (TOO_DEEP, 1),
    "mappings": ('{"a": ' * (DEEPEST + 1), 1),
    "with something between": ('[1, {"b": "]", "c": ' * DEEPEST, 1),
    "over line ends": ("[\n" * (DEEPEST + 1), DEEPEST + 1),
    "after what was closed too often": ("]" * 500 + "\n" + TOO_DEEP, 2),
    "after a string that never ends": ('{"a": "x\n' + TOO_DEEP, 2),
    "after an escaped backslash": (json.dumps("x\\") + TOO_DEEP, 1),
    "in a later row": ('{"a": 1}\n' * 50 + TOO_DEEP, 51),
}
PASSES = {
    "no deeper than may be": f"{'[' * DEEPEST}{']' * DEEPEST}",
    "brackets in strings": json.dumps({"a": ["\\" + "[" * 500, '"' + "{" * 500, '\\"' + "[" * 500, "[0, 1)"]}),
    "many rows": '{"a": [1, {"b": "["}]}\n' * 1000,
    "nothing": "",
}


@pytest.mark.parametrize("block", [1, 7, 2**24])
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_too_deep_is_refused_with_its_line(tmp_path, monkeypatch, name, block):
    monkeypatch.setattr(json_depth, "_BLOCK", block)
    text, line = REFUSED[name]
    (tmp_path / "x").write_text(text)
    with pytest.raises(ValueError, match=rf"^is nested deeper than {DEEPEST} levels in line {line},"):
        refuse_deep(tmp_path / "x")


@pytest.mark.parametrize("block", [1, 7, 2**24])
@pytest.mark.parametrize("name", PASSES)
def test_what_is_not_passes(tmp_path, monkeypatch, name, block):
    monkeypatch.setattr(json_depth, "_BLOCK", block)
    (tmp_path / "x").write_text(PASSES[name])
    refuse_deep(tmp_path / "x")
