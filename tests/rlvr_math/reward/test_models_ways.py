"""Ways of writing that models use, by kind: (gold, answers that are right, answers that are wrong). And where they stand."""

import pytest

from recipe.rlvr_math.reward.answers import final_answer
from recipe.rlvr_math.reward.equality import Judge
from recipe.rlvr_math.reward.expressions import Sympy

KINDS = {
    "number words": (
        "121",
        ["one hundred twenty-one", "One hundred and twenty one", r"\text{one hundred twenty-one}", "one hundred twenty-one ways"],
        ["one hundred twenty", "one hundred and twenty-one hundred", "twenty-one", "one twenty-one"],
    ),
    "a small number in words": (
        "7",
        ["seven", r"\text{Seven}", "I think it is seven", r"\text{7 ways}"],
        ["seventh", "seven or eight", "seven tenth", "seven hundred", "not seven", "seven and a half", "seven-digit"],
    ),
    "words as the gold": (r"\text{three}", ["3", "Three"], ["4", "third", "thirty"]),
    "parts in words": (r"\frac{2}{3}", ["two thirds", "two-thirds"], ["two third", "three halves", "two", "twenty-third"]),
    "a half": (r"\frac52", ["two and a half", "five halves"], ["half", "two and a half million", "a half"]),
    "scales": (
        "2500000",
        ["2.5 million", r"2.5\text{ million}", "2,500 thousand", "two million five hundred thousand", "250万"],
        ["2.5 billion", "2.5", "25 million", "2.5 millions", "2-5 million"],
    ),
    "scales of money": (r"\$3000000", [r"\$3\text{ million}", "3 million dollars"], [r"\$3", "3 million euros", "3000 dollars"]),
    "a dozen": ("24", ["2 dozen", "two dozen eggs"], ["2", "2 dozens"]),
    "digits to a base": (
        "1101_2",
        ["1101 (base 2)", r"1101_{\text{two}}", "1101 in base two", r"1101\text{ in binary}", "0b1101", r"1101_{\text{base }2}"],
        ["1101 (base 3)", "0b1011", "0o1101", "13", "1101 in octal", "0x1101"],
    ),
    "hexadecimal digits": ("1F_{16}", ["0x1F", "0x1f", "1F (base 16)"], ["0x1E", "31", "1F (base 36)"]),
    "turned brackets": ("(0,1]", ["]0,1]", "]0;1]", r"x \in ]0,1]"], ["]0,1[", "[0,1[", "]1,0]", "[0,1]"]),
    "a union of them": (r"(-\infty,0)\cup[1,2)", [r"]-\infty,0[ \cup [1,2["], [r"]-\infty,0[ \cup ]1,2["]),
    "the size of a variable": ("(-2,2)", ["|x|<2", "2>|x|"], [r"|x|\le2", "|x|>2", "|x|<3", "|x|=2", "x<2", "|x-1|<2"]),
    "a large variable": (r"(-\infty,-3]\cup[3,\infty)", [r"|x|\ge3", r"|x| \geq 3"], ["|x|>3", r"|x|\le3", r"|x|\ge-3"]),
    "two bounds": (
        "[-2,5)",
        [r"x\ge-2 \text{ and } x<5", r"x<5 \text{ and } -2\le x"],
        [r"x\ge-2 \text{ or } x<5", r"x\ge-2 \text{ and } y<5", r"x\ge-2 \text{ and } x>5", r"x>-2 \text{ and } x<5"],
    ),
    "outside is no intersection": (r"(-\infty,0)\cup(1,\infty)", [r"x<0\text{ or }x>1"], [r"x<0\text{ and }x>1"]),
    "matrices as nested lists": (
        r"\begin{pmatrix}1&2\\3&4\end{pmatrix}",
        ["[[1,2],[3,4]]", "np.array([[1, 2], [3, 4]])", "Matrix([[1,2],[3,4]])"],
        ["[[1,3],[2,4]]", "[1,2,3,4]", "[[1,2,3,4]]", r"\begin{vmatrix}1&2\\3&4\end{vmatrix}", "[1,2],[3,4]"],
    ),
    "a number times a matrix": (
        r"\begin{pmatrix}2&1\\0&-1\end{pmatrix}",
        [r"\frac12\begin{pmatrix}4&2\\0&-2\end{pmatrix}", r"-\begin{bmatrix}-2&-1\\0&1\end{bmatrix}"],
        [
            r"2\begin{pmatrix}4&2\\0&-2\end{pmatrix}", r"1+\begin{pmatrix}2&1\\0&-1\end{pmatrix}",
            r"\begin{pmatrix}1&0\\0&1\end{pmatrix}\begin{pmatrix}2&1\\0&-1\end{pmatrix}",
        ],
    ),
    "labelled parts": (
        "12, 7",
        ["(a) 12 (b) 7", "a) 12, b) 7", "(i) 12; (ii) 7", "Part (a): 12, Part (b): 7", r"\text{(a) }12\quad\text{(b) }7"],
        ["(a) 7 (b) 12", "(a) 12 (b) 8", "(a) 12", "(b) 12 (a) 7", "(a) 12 (b) 7 (c) 1", "(A) 12 (B) 7"],
    ),
    "a label is no factor": ("ax+by", ["(a)x+(b)y", "(a) x + (b) y"], ["(a) x (b) y"]),
    "approximately": ("7", ["about 7", r"\approx 7", "approximately $7$", "≈ 7"], ["about 7.3", "almost 7", "more than 7", "about 6"]),
    "a question mark": ("7", ["7?", "7？"], ["?", "8?", "7? 8?"]),
    "italics": ("42", ["***42***", "*42*", "_42_", "42*"], ["4*2", "*4*2*"]),
    "a star that means something": (r"\mathbb{R}^*", [r"\mathbb{R}^*"], [r"\mathbb{R}"]),
    "full-width forms": ("(1,2)", ["（１，２）", "（1，2）"], ["（１，３）", "［１，２］"]),
    "full-width signs": ("-12", ["－１２", "ｘ＝－１２"], ["１２", "−１３"]),
    "full-width digits with a point": ("1.5", ["１．５"], ["１５"]),
    "Chinese units": ("3\\text{ km}", ["3千米", "3公里", "3000米"], ["3米", "3公斤"]),
    "Chinese counters": ("42", ["42个", "42 人", "$42$种"], ["43个", "42对", "42万"]),
    "ratios": ("3:2", ["3 to 2", "6:4", r"3\text{ to }2"], ["2:3", "4:6", "3", "3 to 4"]),
    "ratios of three": ("1:2:3", ["2:4:6"], ["2:4:5", "1:2", "3:2:1"]),
    "times are no ratios": ("3:20", ["3:20"], ["6:40", "20:3"]),
    "nor is 0": ("0:5", ["0:5"], ["0:3", "0:0"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_kinds(kind):
    gold, rights, wrongs = KINDS[kind]
    judged = {answer: Judge(Sympy()).decide(gold, answer) for answer in rights + wrongs}
    assert judged == {**dict.fromkeys(rights, True), **dict.fromkeys(wrongs, False)}


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("所以\n答案：42", "42"),
        ("因此，答案是42。", "42。"),
        ("最终答案为 $7$", "$7$"),
        ("正确答案: B", "B"),
        ("答えは 42", "42"),
        ("정답: 42", "42"),
        ("Réponse : 42", "42"),
        ("La respuesta final: 42", "42"),
        ("**Antwort:** 42", "42"),
        ("Ответ: 42", "42"),
        ("\\boxed{5}\n答案是正确的。", "5"),
        ("\\boxed{5}\n答案是否正确？", "5"),
        ("## Answer\n\n**42**", "**42**"),
        ("**Final Answer**\n$$\n42\n$$", "42"),
        ("### 答案\n42", "42"),
        ("\\boxed{5}\n## Answer\nHence there are 6 ways in all", "5"),
        ("\\boxed{5}\n## Answer\nsee above", "5"),
        ("## Answer\n\nAnswer: 42", "42"),
        ("***Answer:*** 42", "42"),
        (r"$\boxed{3}$ and $\boxed{4}$", "3, 4"),
        (r"\boxed{3}, \boxed{4}, or \boxed{5}", "3, 4, 5"),
        (r"Either \boxed{7} or \boxed{8}.", "7, 8"),
        (r"\boxed{3}. Then \boxed{4}", "4"),
        ("\\boxed{3}\n\\boxed{4}", "4"),
        (r"\boxed{3}\,\boxed{4}", "4"),
        (r"\boxed{3} and so \boxed{4}", "4"),
    ],
)
def test_where_it_stands(response, answer):
    assert final_answer(response) == answer
