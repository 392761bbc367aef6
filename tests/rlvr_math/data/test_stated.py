"""What OlympiadBench states beside an answer: from its columns to the row, and from the row to the verdict."""

import json

import pytest

from recipe.rlvr_math.data.statements import statement
from recipe.rlvr_math.reward.stated import Stated
from tests.rlvr_math.data.published import olympiadbench, write

# id, final_answer, unit, error, answer_type, is_multiple_answer of real rows; index is their order here.
FACTS = [
    (2253, "45", "minute", None, "Numerical", False),
    (2334, "$\\frac{41}{12}$", "km", None, "Numerical", False),
    (2419, "$166$", "$cm^2$", None, "Numerical", False),
    (2426, "$\\frac{600}{7}$", "km/h", None, "Numerical", False),
    (2592, "4.2", "%", "1e-1", "Numerical", False),
    (1760, "$\\angle B E A_{1}=90$,$\\angle A E B_{1}=90$", "^{\\circ}", None, "Numerical", True),
    (2349, "$221,$8$", None, None, "Numerical", True),
    (2532, "-2,-2", None, None, "Numerical", True),
    (1930, "$(1,2,3),(1,3,2),(2,1,3),(2,3,1),(3,1,2),(3,2,1)$", None, None, "Tuple", True),
    (2243, "(-\\infty,-5)", None, None, "Interval", False),
    (1687, "$f(n)=n$, $g(n)=1$", None, None, "Expression", False),
]
RIGHT = [
    (0, "45 minutes"),
    (0, r"45\text{ min}"),
    (0, "45"),
    (1, r"\frac{41}{12}\,\mathrm{km}"),
    (1, r"$\frac{41}{12}$ kilometers"),
    (2, r"166\ \mathrm{cm}^{2}"),
    (2, "166 square centimeters"),
    (3, r"\frac{600}{7} \mathrm{~km} / \mathrm{h}"),
    (4, "4.2"),
    (4, r"4.3\%"),
    (4, "4.1 percent"),
    (4, r"\frac{83}{20}"),
    (6, "8, 221"),
    (8, "(3,2,1), (1,2,3), (1,3,2), (2,1,3), (2,3,1), (3,1,2)"),
]
WRONG = [
    (0, "45 hours"),
    (0, "44 minutes"),
    (1, r"\frac{41}{12}\text{ m}"),
    (2, "166 cm"),
    (2, "166 m^2"),
    (3, r"\frac{600}{7} \text{ m/s}"),
    (4, "4.31"),
    (4, "420"),
    (4, "0.042"),
    (6, "221"),
    (6, "2218"),
    (6, "221, 8, 1"),
    (8, "(3,2,1)"),
]


@pytest.fixture
def rows(prepare, tmp_path):
    def published(place, number, answer, unit, error, kind, multiple):
        stated = {"unit": unit, "error": error, "answer_type": kind, "is_multiple_answer": multiple}
        return olympiadbench(place, id=number, final_answer=[answer], **stated)

    file = write(tmp_path / "in.jsonl", [published(i, *facts) for i, facts in enumerate(FACTS)])
    return prepare("olympiadbench", file)


def test_every_field_reaches_the_row(rows):
    written, manifest, printed = rows
    assert manifest["stated"] == {"answer_type": 11, "unit": 6, "error": 1, "is_multiple_answer": 11}
    assert "stated beside the answer: answer_type 11, unit 6, error 1, is_multiple_answer 11" in printed.out
    assert written[2]["extra_info"] == {
        **{"split": "test", "index": 2, "answer_type": "Numerical", "unit": "cm^2", "error": None},
        "is_multiple_answer": False,
    }
    assert written[4]["extra_info"]["error"] == "1e-1"
    assert written[6]["reward_model"]["ground_truth"] == "221,8"
    assert written[8]["extra_info"]["is_multiple_answer"] is True
    assert {"id", "solution", "subfield", "difficulty"} <= set(manifest["unused_columns"])
    assert manifest["not_understood"] == []


@pytest.mark.slow
def test_the_verdict_reads_them(rows):
    from recipe.rlvr_math.reward.score import compute_score

    def acc(place, answer):
        row = written[place]
        truth = row["reward_model"]["ground_truth"]
        return compute_score("olympiadbench", rf"\boxed{{{answer}}}", truth, row["extra_info"])["acc"]

    written, _, _ = rows
    for place, row in enumerate(written):
        assert acc(place, row["reward_model"]["ground_truth"]) == 1.0, row
    assert [case for case in RIGHT if acc(*case) != 1.0] == []
    assert [case for case in WRONG if acc(*case) != 0.0] == []


def test_a_prepared_file_can_be_prepared_again(rows, prepare, tmp_path):
    written, _, _ = rows
    again, manifest, _ = prepare(
        "olympiadbench", tmp_path / "out/olympiadbench.parquet", "--template", "plain", out=tmp_path / "again"
    )
    assert [row["extra_info"] for row in again] == [row["extra_info"] for row in written]
    assert manifest["stated"]["unit"] == 6


def test_parquet_says_the_same_as_json(rows, prepare, tmp_path):
    file = write(tmp_path / "in.parquet", [json.loads(line) for line in (tmp_path / "in.jsonl").read_text().splitlines()])
    again, _, _ = prepare("olympiadbench", file, out=tmp_path / "again")
    assert again == rows[0]


@pytest.mark.parametrize(
    ("columns", "stated", "wrong"),
    [
        ({"unit": "$cm^2$", "error": 0.1, "is_multiple_answer": True}, Stated(None, "cm^2", "0.1", True), {}),
        ({"unit": "", "error": "null", "is_multiple_answer": None}, Stated(), {}),
        ({"is_multiple_answer": "False"}, Stated(is_multiple_answer=False), {}),
        ({"error": "a little", "is_multiple_answer": "maybe"}, Stated(), {"error": "a little", "is_multiple_answer": "maybe"}),
        ({"error": "-1"}, Stated(), {"error": "-1"}),
    ],
)
def test_columns_as_statements(columns, stated, wrong):
    assert statement(columns) == (stated, wrong)


def test_what_could_not_be_used_is_said(prepare, tmp_path):
    file = write(tmp_path / "in.jsonl", [olympiadbench(2), olympiadbench(4, error="a little")])
    _, manifest, printed = prepare("olympiadbench", file)
    assert manifest["not_understood"] == [{"row": 2, "column": "error", "value": "a little"}]
    assert "not understood: row '2', column 'error', value 'a little'" in printed.err


def test_one_answer_in_two_units_is_a_contradiction(refused, tmp_path):
    rows = [olympiadbench(2, unit="km"), olympiadbench(2, unit="m")]
    assert "has different answers" in refused("olympiadbench", write(tmp_path / "in.jsonl", rows))
