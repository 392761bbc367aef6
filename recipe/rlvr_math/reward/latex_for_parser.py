r"""What latex2sympy2-extended 1.11.0 (math-verify's parser) gets wrong, by rules that are applied to LaTeX before it.

Each rule takes and gives LaTeX, and its docstring names what the parser does, so that it can go when the parser is mended.
"""

from __future__ import annotations

import re
from fractions import Fraction


class Unreadable(Exception):
    """No expression."""


def no_neighbours(text: str) -> str:
    r"""`5 6`, `5_5` and `5'` are nothing, where the parser reads 11, 5 and 5; nor is `12.5.3`."""
    if re.search(r"\d\s+[\d.]|\d\.\d*\.|\.\.|[\d)]\s*['_]|[\d)]\s*\^\s*\{\s*\\prime", text) or not text.strip():
        raise Unreadable
    return text


def mixed_numbers(text: str) -> str:
    r"""`2\frac{1}{4}` is 2 + 1/4, for a proper fraction of integers; as a factor (`2 \cdot \frac{1}{4}`) it is not touched."""

    def added(found: re.Match) -> str:
        whole, over, under = found[1], int(found[2]), int(found[3])
        return rf"({whole}+\frac{{{over}}}{{{under}}})" if 0 < over < under else found[0]

    return re.sub(r"(?<![\d.}\^_)])(?<![\^_]\{)(\d+)\s*\\frac\{(\d+)\}\{(\d+)\}", added, text)


def exact_decimals(text: str) -> str:
    r"""`1.25` is \frac{125}{100}, where the parser makes a binary float; `4.5e33` is no product with Euler's e."""

    def fraction(found: re.Match) -> str:
        value = Fraction(f"{found[1] or '0'}.{found[2] or '0'}") * Fraction(10) ** int(found[3] or 0)
        return rf"(\frac{{{value.numerator}}}{{{value.denominator}}})"

    text = re.sub(r"(?<![\d.])(\d*)\.(\d+)(?:[eE]([+-]?\d{1,4})(?![\d.]))?", fraction, text)
    text = re.sub(r"(?<![\d.A-Za-z\\])(\d+)()[eE]([+-]?\d{1,4})(?![\d.])", fraction, text)
    return re.sub(r"(\d+)\.(?!\d)", r"\1", text)


def primes(text: str) -> str:
    r"""`y'` and `y^{\prime}` are another thing than y, which the parser makes of them."""
    text = re.sub(r"\^\s*\{\s*((?:\\prime\s*)+)\}", lambda found: "'" * found[1].count("prime"), text)
    return re.sub(r"(?<![A-Za-z\\])([A-Za-z])('+)", lambda found: rf"{found[1]}_{{prime{len(found[2])}}}", text)


# Letters that the parser refuses, takes for a constant, or for a function of what follows; each as a letter that hardly occurs.
_LETTERS = tuple(
    (re.compile(pattern), command)
    for pattern, command in (
        (r"(?<![A-Za-z\\])E(?=\s*_)", r"\Xi"),
        (r"(?<![A-Za-z\\])e(?=\s*_)", r"\xi"),
        (r"(?<![A-Za-z\\])I(?![A-Za-z]|\s*\()", r"\Upsilon"),
        (r"\\gamma(?![A-Za-z])", r"\varsigma"),
        (r"\\Gamma(?![A-Za-z]|\s*\()", r"\varrho"),
    )
)


def names(text: str) -> str:
    r"""`E_{1}`, `I^2`, `\gamma`, `x_{max}`, `M_{\odot}`: letters, with an index."""
    text = re.sub(r"\\lambda_\{\\text\{\s*([a-z]+)\s*\}\}", r"\\lambda_{\1}", text)
    text = re.sub(r"_\{\s*\\text\s*\{\s*([A-Za-z]+)\s*\}\s*\}", r"_{x\1}", text)
    text = re.sub(r"_\{\s*\\(max|min|odot|oplus)\s*\}", r"_{x\1}", text)
    for letter, stands_for in _LETTERS:
        text = letter.sub(lambda _, command=stands_for: command + " ", text)
    return text


def natural_log(text: str) -> str:
    r"""`\log 2` is the natural logarithm, where the parser takes base 10; `\log_{10}` and `\lg` are that."""
    text = re.sub(r"\\lg(?![A-Za-z])", r"\\log_{10}", text)
    return re.sub(r"\\log(?![A-Za-z])(?!\s*_)", r"\\ln", text)


def derivatives(text: str) -> str:
    r"""`\frac{dx}{dt}`: with the spaces without which the parser reads a fraction of products."""
    variable = r"(\\?[A-Za-z]+(?:_\{\w+\})?)"
    return re.sub(rf"\\frac\{{\s*(d(?:\^\{{\d\}})?)\s*{variable}\s*\}}\{{\s*d\s*{variable}", r"\\frac{\1 \2}{d \3", text)


_FACTOR = (
    r"\(|\[|e(?![A-Za-z])|\\(?:frac|sqrt|binom|lfloor|lceil|max|min|gcd|lcm|exp|ln|log|(?:arc)?(?:sin|cos|tan)|cot|sec|csc)"
    r"(?![A-Za-z])"
)
_PRODUCT = re.compile(rf"(\d|\)|\\pi)\s*(?={_FACTOR})")


def products(text: str) -> str:
    r"""`2(3)`, `(2)(3)`, `\pi(3)`, `2e^{0}`: with a sign of multiplication, where the parser adds an integer to a number."""
    text = re.sub(r"^([^|]*[\d)])\s*(\|[^|]*\|)", r"\1 \\cdot \2", text)
    text = _PRODUCT.sub(r"\1 \\cdot ", text)
    return re.sub(r"(?<=\))\s*(?=\d|[A-Za-z])", r" \\cdot ", text)


def degrees(text: str) -> str:
    r"""`\cos 60^{\circ}` is a cosine of pi/3, where the parser takes 60 radians."""
    text = re.sub(r"(\d+(?:\.\d+)?|\([^()]*\))\s*\^\s*\{\s*\\circ\s*\}", r"(\1 \\cdot \\frac{\\pi}{180})", text)
    if "\\circ" in text:
        raise Unreadable
    return text


def odd_roots(text: str) -> str:
    r"""`\sqrt[3]{-8}` is -2, where sympy takes the principal root."""
    return re.sub(r"\\sqrt\[(\d*[13579])\]\{\s*-\s*([\d.]+)\s*\}", r"(-\\sqrt[\1]{\2})", text)


def signs(text: str) -> str:
    r"""`*`, `\div`, `\ast`, `[ ]` for parentheses, `\exp x`."""
    text = text.replace("*", r" \cdot ").replace(r"\ast", r"\cdot")
    return re.sub(r"(?<!\\sqrt)\[([^\[\]]*)\]", r"(\1)", text)


READABLE = (
    no_neighbours,
    degrees,
    primes,
    derivatives,
    names,
    natural_log,
    exact_decimals,
    mixed_numbers,
    odd_roots,
    signs,
    products,
)


def readable(text: str) -> str:
    """`text` after the rules above."""
    for rule in READABLE:
        text = rule(text)
    return text
