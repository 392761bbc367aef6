"""No text is judged right for many different golds, and no gold's answer for another gold.

What a policy could learn to write without knowing the answer must not be rewarded. The search is over short strings of the
signs that answers are made of, alone and in the places where answers stand, and over transformations of the golds themselves.
"""

import itertools
import random
import time

import pytest

from benchmarks.verdicts.golds import load
from benchmarks.verdicts.rewritings import rewrite
from recipe.rlvr_math.reward.answers import find_answer
from recipe.rlvr_math.reward.equality import Judge
from recipe.rlvr_math.reward.expressions import Sympy
from recipe.rlvr_math.reward.reading import read
from recipe.rlvr_math.reward.writing import plain

# Different in every reading.
GOLDS = (
    *("5", "-3", "0", "1", "17", "1200", "12345678901234567890123", r"\frac{1}{2}", "-1./3", "2.88e-19", "4.5e33", "20.39"),
    *(r"\sqrt{2}", r"\pi", r"2+\sqrt{3}i", "e", r"\infty", "2n-2", "x^2+1", "n!", r"\frac{1}{s+a}", r"\alpha", "I(0)"),
    *("x=7", "y=2x+1", "f(x)=x^3", "x^2+y^2=4", "MR=SRMC", "y'+ry=0"),
    *("1,2,3", r"\pm 4", "(1,2)", "(3,4),(4,3)", "[0,1)", "x>9", r"(-\infty,0)\cup(8,\infty)", r"\mathbb{R}", r"\emptyset"),
    *(r"3\text{ km}", r"28\%", r"40^\circ", r"\$6", "101_2", "10:30", "3:2", r"\text{Friday}", "C", r"\text{Yes}"),
    *(r"\begin{pmatrix}1\\2\end{pmatrix}", r"f(x)=ax+b, where $b$ is an integer", r"k \geqslant 13"),
)
TOKENS = (
    *(
        "",
        "0",
        "1",
        "5",
        "x",
        "n",
        "e",
        "i",
        "C",
        ".",
        ",",
        ";",
        ":",
        "?",
        "!",
        "'",
        "=",
        "<",
        ">",
        "|",
        "+",
        "-",
        "*",
        "/",
        "^",
        "_",
    ),
    *(
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        r"\{",
        r"\}",
        "$",
        r"\$",
        "%",
        r"\%",
        "&",
        "#",
        "~",
        "\\",
        r"\\",
        r"\,",
        "@",
        '"',
        "\x00",
        "…",
    ),
    *(r"\frac{}{}", r"\frac{0}{0}", r"\frac{x}{x}", r"\sqrt{}", r"\text{}", r"\text{ or }", " and ", r"\infty", r"\emptyset"),
    *(
        r"\pm",
        r"\cup",
        r"\in",
        r"\mathbb{R}",
        r"\ne",
        r"\le",
        r"\approx",
        r"\ldots",
        r"^\circ",
        "nan",
        "None",
        "True",
        "answer",
    ),
    *(r"\begin{pmatrix}", r"\end{pmatrix}", r"\boxed{", "Answer:", "\n", "x=x", "0=0", "(,)", r"\int", r"\sum", r"\lim"),
)
PLACES = (r"\boxed{@}", "Answer: @", "Answer: $@$", "Answer:\n$$\n@\n$$", r"\boxed @", "**Answer: @**", r"\boxed{\text{@}}")


class Keys:
    """Which golds a response opens."""

    def __init__(self, golds):
        self.algebra = Sympy()
        self.golds = {gold: (plain(gold), read(plain(gold))) for gold in golds}

    def opened(self, response):
        found = find_answer(response)
        if found is None or not plain(found.text):
            return []
        answer = read(plain(found.text))
        return [
            gold
            for gold, (text, node) in self.golds.items()
            if text == plain(found.text) or Judge(self.algebra).equal(node, answer)
        ]


def responses(rng):
    """All strings of at most two tokens in a box; then, without end, longer ones in any place."""
    for pair in itertools.product(TOKENS, repeat=2):
        yield rf"\boxed{{{''.join(pair)}}}"
    while True:
        yield rng.choice(PLACES).replace("@", "".join(rng.choices(TOKENS, k=rng.randint(1, 6))))


def search(rng, seconds, most):
    keys, end, seen = Keys(GOLDS), time.process_time() + seconds, 0
    found = list(itertools.islice(responses(rng), most))
    rng.shuffle(found)
    for response in found:
        if time.process_time() > end:
            break
        opened = keys.opened(response)
        assert len(opened) < 2, f"{response!r} is right for {opened}"
        seen += 1
    return seen


def test_no_short_string_opens_two_golds():
    assert search(random.Random(16), seconds=5, most=len(TOKENS) ** 2 + 4000) > 300


@pytest.mark.slow
def test_no_short_string_opens_two_golds_in_a_long_search():
    assert search(random.Random(17), seconds=240, most=len(TOKENS) ** 2 + 60_000) > 10_000


# What surrounds an answer, without knowing it: `@` is a gold that may be another problem's.
HEDGES = (
    *(
        "@, 5",
        "5, @",
        r"@ \text{ or } 5",
        "5 = @",
        "@ = 5",
        "x = @ = 5",
        r"@ \ne 5",
        r"\{@, 5\}",
        "(@, 5)",
        "[@, 5]",
        "@; 5",
        "@ 5",
    ),
    *(
        r"5 \pm @",
        r"\max(5, @)",
        r"5 \text{ (not } @)",
        r"@ \to 5",
        r"5 \cup @",
        r"5 | @",
        "5 + 0 @",
        r"\text{5 or @}",
        "5? @?",
        "5/@",
    ),
    *(
        r"\textbf{(A)}\ 5 \textbf{(B)}\ @",
        r"5 \approx @",
        r"@ \approx 5",
        "5:@",
        "5_@",
        r"5\text{ @}",
        r"5^{@}",
        r"\boxed{5} @",
    ),
)


@pytest.mark.parametrize("hedge", HEDGES)
def test_no_hedge_opens_two_golds(hedge):
    keys = Keys(GOLDS)
    for gold in random.Random(hedge).sample(GOLDS, 20):
        opened = keys.opened(rf"\boxed{{{hedge.replace('@', gold)}}}")
        assert len(opened) < 2, (hedge, gold, opened)


def test_no_answer_of_a_published_gold_opens_another():
    """Golds written in two ways beside all others. Not decimal ones, which are met by what rounds to them: 1.3 by 4/3."""
    rng = random.Random(18)
    golds = list({gold.text: gold for gold in load() if gold.kind not in ("other", "decimal")}.values())
    drawn = rng.sample(golds, 30)
    keys = Keys([gold.text for gold in drawn])
    for gold in drawn:
        for rule, _, response in rewrite(gold, rng)[:2]:
            opened = keys.opened(response)
            assert opened == [gold.text], (rule, response, opened)
