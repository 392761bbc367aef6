import io

import pytest

from recipe.rlvr_math.reward.judge import main


@pytest.mark.parametrize(
    ("gold", "response", "told"),
    [
        (
            r"\frac{9}{4}",
            r"So \boxed{2\frac14}.",
            ["answer     2\\frac14", "box, character 3 of 20", "exact numbers: equal", "right"],
        ),
        (
            "5",
            "Answer: **6=5**",
            ["answer line, character 0", "read as  6 = 5", "one value is no relation: different", "wrong"],
        ),
        ("[1,4)", r"\boxed{1\le x<4}", [r"in order: [1; 4)", r"1 \le x < 4", "as sets of numbers: equal", "right"]),
        ("1,200", r"\boxed{1200}", ["1200 or else 2 in any order: 1; 200", "right"]),
        ("3\\text{ km}", r"\boxed{3\text{ m}}", ["read as  3 in km", "km is not m: different", "wrong"]),
        ("5", "It is 5.", ["the response has no box and no answer line", "wrong"]),
    ],
)
def test_a_verdict_is_explained(gold, response, told, capsys):
    main([gold, response])
    out = capsys.readouterr().out
    assert [text for text in told if text not in out] == []


def test_a_response_from_standard_input(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("first line\nAnswer: 5"))
    main(["5", "-"])
    assert "verdict    right" in capsys.readouterr().out
