"""The cases with a known verdict, and the held-out ones, which were written before anything was mended."""

import json

import pytest

from recipe.rlvr_math.reward.answers import find_answer
from recipe.rlvr_math.reward.equality import Judge
from recipe.rlvr_math.reward.expressions import Sympy
from tests import ROOT

FOLDER = ROOT / "benchmarks" / "verdicts"


def right(gold, response):
    found = find_answer(response)
    return found is not None and Judge(Sympy()).decide(gold, found.text)


@pytest.mark.parametrize("name", ["cases", "held_out"])
def test_no_case_is_judged_wrongly(name):
    cases = [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(cases) == {"cases": 220, "held_out": 364}[name]
    wrong = [case for case in cases if right(case["gold"], case["response"]) != case["right"]]
    assert wrong == []


@pytest.mark.parametrize(("name", "size", "undecided"), [("unseen", 215, 4), ("fresh", 113, 11)])
def test_estimates(name, size, undecided):
    """None passes that is wrong; docs/verdicts.md says who wrote them when, and names the kinds that are not decided."""
    cases = [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    wrong = [case for case in cases if right(case["gold"], case["response"]) != case["right"]]
    assert len(cases) == size
    assert [case for case in wrong if not case["right"]] == []
    assert len(wrong) == undecided


# By rule of `equality`: (gold, answers that are right, answers that are wrong).
NO_UNITS = (
    *("tenths", "hundredths", "sevenths", "fourth", "pairs", "score", "lakh", "kilo", "inverse", "reciprocal", "exclusive"),
    *("short", "thirteen", "fifty", "off", "incorrect", "rejected", "tens", "thousands", "millions", "dozens", "ones"),
    *("factorials", "permille", "never", "perhaps", "upwards", "modulus", "decades", "twos", "times", "squares"),
)
RULES = {
    "exact numbers": ("\\frac{1}{3}", ["2/6", "0.\\overline{3}"], ["0.3333333333", "0.33"]),
    "a decimal gold is met by what rounds to it": ("1.6", ["1.64", "\\frac{8}{5}", "1.602"], ["1.66", "1.7", "2"]),
    "but not far from it": ("1e-5", ["1.04e-5", "10^{-5}"], ["1.4e-5", "1e-4", "0"]),
    "an integer gold is exact": ("300", ["300.0", "3\\cdot10^2"], ["299.9", "300.0001"]),
    "percent": ("50\\%", ["50", "0.5", "\\frac12", "50 percent"], ["5", "0.05", "500\\%"]),
    "percent of a small gold": ("0.35", ["35\\%"], ["0.35\\%"]),
    "degrees": ("45^{\\circ}", ["45", "\\frac{\\pi}{4}", "45 degrees"], ["45\\text{ radians}", "\\frac{\\pi}{2}"]),
    "degrees of a function": ("\\cos 60^\\circ", ["\\frac12"], ["\\cos 60"]),
    "degrees within": ("90^{\\circ}", ["\\frac{2(90^{\\circ})}{2}"], ["\\frac{90^{\\circ}}{2}"]),
    "a number has no variables": ("5", ["5e^0", "\\sum_{k=1}^{5} 1"], ["5+C", "5x", "5+0x"]),
    "spaces that mean nothing": ("2 n \\pi r", ["2n\\pi r"], ["2n\\pi R"]),
    "money": ("\\$12.50", ["12.5", "12.50 dollars", "1250 cents"], ["\\$1250", "12.50\\text{ euros}", "12.50 cents"]),
    "a unit in the gold": ("3\\text{ km}", ["3", "3 kilometres", "3000 m"], ["3\\text{ m}", "3\\text{ km}^2", "3000"]),
    "a unit of several": ("9.8\\text{ m/s}^2", ["9.8\\text{ m}\\,\\text{s}^{-2}", "980 cm/s^2"], ["9.8 m/s", "9.8 m s^2"]),
    "speeds": ("36\\text{ km/h}", ["10\\text{ m/s}", "36 km per hour"], ["36\\text{ mph}", "10\\text{ km/h}"]),
    "times": ("2.5\\text{ hours}", ["150 minutes", "9000 s"], ["150\\text{ s}", "2.5 minutes", "3 h"]),
    "a letter after a number": ("3.2e-19", ["3.2\\times10^{-19} J"], ["3.2\\times10^{-19} x", "3.2\\times10^{-19}J"]),
    "radians": ("45^{\\circ}", ["\\frac{\\pi}{4}\\text{ radians}"], ["45\\text{ radians}", "\\frac{\\pi}{2}\\text{ rad}"]),
    "words that are no unit": ("7", ["7 paths", "7 prime numbers"], [f"7 {word}" for word in NO_UNITS]),
    "other words": ("31", ["31 \\text{ ways}", "31 triangles"], ["31 \\text{ or more}", "31 million", "31 \\text{ (mod 7)}"]),
    "a choice with its value": ("36", ["\\textbf{(C)}\\ 36"], ["\\textbf{(C)}\\ 37", "\\text{(C)}"]),
    "the choice itself": ("C", ["\\textbf{(C)}\\ 36", "(C)"], ["\\textbf{(B)}\\ 36", "c"]),
    "names of what was asked for": ("5", ["x=5", "5=x", "x=y=5", "m+n=5", "AB=5", "f(2)=5"], ["2x=5", "x^2=5", "-x=5", "e=5"]),
    "true chains": ("5", ["2+3=5", "x=2+3=5", "10/2=5"], ["2+2=5", "x=4=5", "5=4", "4=5=5"]),
    "approximations": ("\\frac37", ["\\frac37\\approx0.43", "x=\\frac37\\approx0.4286"], ["\\frac37\\approx0.44"]),
    "an approximation is no exact value": ("\\frac37", [], ["x\\approx0.43"]),
    "equations": ("y=2x+1", ["2x-y+1=0", "2y=4x+2", "2x+1"], ["y=2x", "0=0", "2x-y=0", "x=2y+1"]),
    "an equation is no value": ("x^2+y^2=9", ["9=y^2+x^2"], ["9", "3"]),
    "functions": ("f(x)=2x", ["f(t)=2t", "2x", "f(x)=x+x"], ["f(x)=2", "g(x)=2x", "f(t)=2x"]),
    "indexed names": ("m_{\\max}=n^2", ["m=n^2", "n^2"], ["k=n^2", "m=n"]),
    "lists": ("1,2,2", ["2,1,2", "\\{2,1,2\\}", "x=1, x=2, x=2"], ["1,2", "1,1,2", "(1,2,2)"]),
    "plus or minus": ("1\\pm\\sqrt2", ["1-\\sqrt2, 1+\\sqrt2", "1\\mp\\sqrt2"], ["1+\\sqrt2", "\\pm\\sqrt2"]),
    "tuples": ("(1,2)", ["\\langle 1,2\\rangle", "(x,y)=(1,2)"], ["1,2", "(2,1)", "[1,2]", "\\{1,2\\}"]),
    "intervals": ("[1,4)", ["1\\le x<4", "x\\in[1,4)", "\\{x : 1\\le x<4\\}"], ["[1,4]", "1<x<4", "x\\notin[1,4)"]),
    "unions": ("x<0\\text{ or }x>1", ["(1,\\infty)\\cup(-\\infty,0)"], ["x<0\\text{ and }x>1", "(0,1)", "y<0\\text{ or }y>1"]),
    "all but some": ("\\mathbb{R}\\setminus\\{0,1\\}", ["(-\\infty,0)\\cup(0,1)\\cup(1,\\infty)"], ["x\\ne0", "\\mathbb{R}"]),
    "the empty set": ("\\emptyset", ["\\varnothing", "\\{\\}", "no real solutions"], ["0", "\\{0\\}", "no integer solutions"]),
    "matrices": (r"\begin{pmatrix}1&2\end{pmatrix}", [r"\begin{bmatrix}1&2\end{bmatrix}"], [r"\begin{matrix}1\\2\end{matrix}"]),
    "bases": ("101_2", ["101_{2}", "0101_2"], ["101_3", "101", "5", "5_{10}"]),
    "times of a day": ("10:30", ["10:30"], ["10:31", "10", "10:30 \\text{ p.m.}"]),
    "words": ("\\text{Friday}", ["friday", "\\textbf{Friday}"], ["Monday", "\\text{not Friday}", "\\text{Friday or Monday}"]),
    "thousands or two numbers": ("1,200", ["1200", "1, 200", "200,1"], ["1", "12,00"]),
}  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_rules(rule):
    gold, rights, wrongs = RULES[rule]
    judged = {answer: Judge(Sympy()).decide(gold, answer) for answer in rights + wrongs}
    assert judged == {**dict.fromkeys(rights, True), **dict.fromkeys(wrongs, False)}


def test_the_rules_are_told():
    judge = Judge(Sympy())
    assert not judge.decide("3\\text{ km}", "3\\text{ kg}")
    assert judge.rules == ["km is not kg: different"]


@pytest.mark.parametrize("part", ["rewritings", "mutations"])
def test_a_sample_of_the_grammar(part):
    """Every 97th of the pairs of `make verdicts`; 97 and the 12 of each gold have no common factor."""
    from benchmarks.verdicts.__main__ import pairs

    made = pairs(part)
    assert len(made) == 12 * 1017
    assert made == pairs(part)
    wrong = [pair for pair in made[::97] if right(pair["gold"], pair["response"]) != pair["right"]]
    assert wrong == []
