r"""The names of units: every spelling of one is one name, products and powers too, and some have a size in another.

`unit_name` reads "kilometres", "km/h", "m s^{-2}", "square cm"; `ratio` says that a km is 1000 m, for exact definitions only.
"""

from __future__ import annotations

import re
from collections import Counter
from fractions import Fraction
from functools import lru_cache

# Each row is one unit: its name, then other spellings; a plural s is understood.
_NAMES = (
    ("m", "meter", "metre"),
    ("km", "kilometer", "kilometre"),
    ("cm", "centimeter", "centimetre"),
    ("mm", "millimeter", "millimetre"),
    ("nm", "nanometer", "nanometre"),
    ("ft", "foot", "feet"),
    ("inch",),
    ("yard", "yd"),
    ("mile", "mi"),
    ("s", "second", "sec"),
    ("min", "minute"),
    ("h", "hour", "hr"),
    ("day",),
    ("week", "wk"),
    ("month",),
    ("year", "yr"),
    ("g", "gram", "gm"),
    ("kg", "kilogram"),
    ("mg", "milligram"),
    ("lb", "pound"),
    ("oz", "ounce"),
    ("l", "liter", "litre"),
    ("ml", "milliliter", "millilitre"),
    ("degree", "deg", r"^\circ"),
    ("radian", "rad"),
    ("percent", r"\%"),
    ("dollar", r"\$", "usd", "us dollar"),
    ("cent",),
    ("euro", "€", "eur"),
    ("£", "gbp"),
    ("hz", "hertz"),
    ("j", "joule"),
    ("n", "newton"),
    ("w", "watt"),
    ("v", "volt"),
    ("k", "kelvin"),
    ("a", "ampere", "amp"),
    ("pa", "pascal"),
    ("coulomb",),
    ("mol", "mole"),
    ("ev",),
    ("unit",),
)
_KNOWN = {name: names[0] for names in _NAMES for name in names}
_KNOWN |= {"kmh": "km/h", "kph": "km/h", "mph": "mile/h"}
_SIZES = {
    **{"km": ("m", 1000), "cm": ("m", Fraction(1, 100)), "mm": ("m", Fraction(1, 1000)), "nm": ("m", Fraction(1, 10**9))},
    **{"min": ("s", 60), "h": ("s", 3600), "day": ("s", 86400), "week": ("s", 604800)},
    **{"kg": ("g", 1000), "mg": ("g", Fraction(1, 1000)), "ml": ("l", Fraction(1, 1000)), "dollar": ("cent", 100)},
    **{"ft": ("inch", 12), "yard": ("inch", 36), "mile": ("inch", 63360), "lb": ("oz", 16)},
}
_SMALL = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|[a-z]+teen|[a-z]{3,5}ty"
# Words with which a number is another one, or none.
_CHANGING = re.compile(
    rf"""(?:{_SMALL}|zero|infinity|hundred|thousand|[a-z]+illion|lakh|crore|dozen|gross|score|pair|couple|decade|half|halve
    |third|quarter|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|[a-z]+teenth|[a-z]+tieth|hundredth|thousandth
    |[a-z]+illionth|double|twice|triple|time|point|factorial|inverse|reciprocal|root|square|cube|power|base|mod|modulo|log)s?
    |and|or|to|not?|nor|is|are|was|isn't|than|least|most|about|around|approximately|roughly|between|below|above|under|over|plus
    |minus|divided|by|per|more|less|fewer|greater|larger|smaller|squared|cubed|choose|if|for|when|where|wrong|false|maybe|either
    |both|otherwise|except|but|unless|possibly|perhaps|always|sometimes|\w+wards|yes|guess|pi|e|i|x|y|n|nth|th|st|nd|rd""",
    re.VERBOSE,
)
_NO_S = ("people", "children", "men", "women", "mice", "fish", "sheep", "dice", "vertices", "matrices", "feet")


@lru_cache(maxsize=4096)
def unit_name(written: str) -> str | None:
    r"""The name of a unit in plain LaTeX (`\text{ cm}^{2}`); None for what is none.

    Words that no unit has are one too, if they may be things that are counted: "apples", "integer solutions", and
    no word that may change the number ("or more", "million", "tenths").
    """
    text = re.sub(r"\\text\s*|[{}~]|\\[ ,;]|\\cdot|\\left|\\right", " ", written)
    text = re.sub(r"\s*([/^])\s*", r"\1", text).strip(" .").lower()
    text = re.sub(r"(\S) \^", r"\1^", re.sub(r"\s+", " ", text))
    if not text:
        return None
    return _single(text) or _composite(text) or _things(text)


def _single(text: str) -> str | None:
    power = ""
    if found := re.fullmatch(r"(?:sq(?:uare)?|(?P<cubic>cubic|cu))\.? (?P<rest>.+)", text):
        text, power = found["rest"], "^3" if found["cubic"] else "^2"
    elif found := re.fullmatch(r"(.+) (squared|cubed)", text):
        text, power = found[1], "^2" if found[2] == "squared" else "^3"
    known = next((_KNOWN[name] for name in (text, text.removesuffix("s"), text.removesuffix("es")) if name in _KNOWN), None)
    return known and known + power


def _composite(text: str) -> str | None:
    """`m s^-2`, `m/s^2`, `miles per hour`, of known units only; with more than one `/` or a product below it, nothing."""
    over, sign, under = re.sub(r"\sper\s", "/", text).partition("/")
    powers: Counter[str] = Counter()
    for part, direction in ((over.split(), 1), (under.split(), -1)):
        for factor in part:
            found = re.fullmatch(r"([^\s/^]+)(?:\^(-?\d))?", factor)
            name = found and _single(found[1])
            if name is None or "/" in name:
                return None
            powers[name] += direction * int(found[2] or 1)
    return _named(powers) if not sign or len(under.split()) == 1 else None


def _named(powers: Counter[str]) -> str:
    over, under = (
        " ".join(
            name + (f"^{abs(power)}" if abs(power) > 1 else "") for name, power in sorted(powers.items()) if power * way > 0
        )
        for way in (1, -1)
    )
    return f"{over or 1}/{under}" if under else over


def _things(text: str) -> str | None:
    words = text.split()
    if not re.fullmatch(r"[a-z][a-z ./-]*", text) or len(words) > 4 or len(text) < 3:
        return None
    if any(_CHANGING.fullmatch(word) for word in re.split(r"[ ./-]", text)):
        return None
    counted = words[words.index("of") - 1] if "of" in words[1:] else words[-1]
    return text.removesuffix("s") if re.search(r"[^su]s$", counted) or counted in _NO_S else None


def ratio(unit: str, other: str) -> Fraction | None:
    """How many of the other unit one of the first is; None if they are of different kinds. By their names."""
    (kinds, size), (other_kinds, other_size) = _in_base(unit), _in_base(other)
    return size / other_size if kinds == other_kinds else None


def _in_base(unit: str) -> tuple[Counter[str], Fraction]:
    over, _, under = unit.partition("/")
    kinds: Counter[str] = Counter()
    size = Fraction(1)
    for part, direction in ((over, 1), (under, -1)):
        for factor in part.split():
            name, _, power = factor.partition("^")
            if factor == "1" or (power and not power.isdigit()):
                continue
            base, times = _SIZES.get(name, (name, 1))
            kinds[base] += direction * int(power or 1)
            size *= Fraction(times) ** (direction * int(power or 1))
    return kinds, size
