r"""Signs of Unicode as LaTeX, and what Chinese puts after a number."""

from __future__ import annotations

import re

# Full-width forms are those of Chinese and Japanese keyboards. Not \uff01 (of a sentence, or factorial) nor \uff5e (a range).
_FULL_WIDTH = {sign: chr(sign - 0xFEE0) for sign in range(0xFF02, 0xFF5E)} | {0xFF5B: r"\{", 0xFF5D: r"\}", 0x3000: " "}
_UNICODE = str.maketrans(
    _FULL_WIDTH
    | {
        **dict.fromkeys("−–—‐‑﹣", "-"),
        **dict.fromkeys("\u2009\u202f\u2006\u2005\u2002\u2003\u00a0\u2007\u200a", r"\,"),
        **dict.fromkeys("\u200b\u2060\ufeff\u2061\u2062", ""),
        **{"×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "∙": r"\cdot ", "∗": "*", "÷": r"\div ", "⁄": "/", "∕": "/"},
        **{"π": r"\pi ", "∞": r"\infty ", "°": r"^{\circ}", "º": r"^{\circ}", "±": r"\pm ", "∓": r"\mp ", "≈": r"\approx "},
        **{"≤": r"\le ", "≥": r"\ge ", "⩽": r"\le ", "⩾": r"\ge ", "≠": r"\ne ", "∈": r"\in ", "∉": r"\notin "},
        **{"∪": r"\cup ", "∩": r"\cap ", "∅": r"\emptyset ", "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "∖": r"\setminus "},
        **{"α": r"\alpha ", "β": r"\beta ", "γ": r"\gamma ", "δ": r"\delta ", "ε": r"\epsilon ", "θ": r"\theta "},
        **{"λ": r"\lambda ", "μ": r"\mu ", "ρ": r"\rho ", "σ": r"\sigma ", "τ": r"\tau ", "φ": r"\phi ", "ω": r"\omega "},
        **{"Δ": r"\Delta ", "Ω": r"\Omega ", "∠": r"\angle ", "…": r"\ldots ", "、": ","},
        **{"′": "'", "’": "'", "∛": r"\sqrt[3]", "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil "},
    }
)
_UP = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿˣ", "0123456789-+nx", strict=True))
_DOWN = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))
_VULGAR = {
    **{"½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5), "⅗": (3, 5), "⅘": (4, 5)},
    **{"⅙": (1, 6), "⅚": (5, 6), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8), "⅞": (7, 8), "⅑": (1, 9), "⅒": (1, 10), "⅐": (1, 7)},
}
_RAISED = re.compile(f"[{''.join(_UP)}]+")
_LOWERED = re.compile(f"[{''.join(_DOWN)}]+")
_FRACTION_SIGN = re.compile(f"[{''.join(_VULGAR)}]")
_ROOT_SIGN = re.compile(r"√\s*(?:(\d+(?:\.\d+)?)|(\\?[A-Za-z]+)|(?=\{))")


def unicode_signs(text: str) -> str:
    r"""`√2`, `½`, `π`, `−`, `x²`, `×`, full-width digits: as LaTeX. Digits of other scripts stay what they are."""
    if text.isascii():
        return text
    text = _CHINESE_UNIT.sub(_unit, text)
    text = _RAISED.sub(lambda found: "^{" + "".join(_UP[sign] for sign in found[0]) + "}", text)
    text = _LOWERED.sub(lambda found: "_{" + "".join(_DOWN[sign] for sign in found[0]) + "}", text)
    text = _FRACTION_SIGN.sub(lambda found: "\\frac{{{}}}{{{}}}".format(*_VULGAR[found[0]]), text)
    text = text.translate(_UNICODE)
    return _ROOT_SIGN.sub(lambda found: rf"\sqrt{{{found[1] or found[2]}}}" if found[1] or found[2] else r"\sqrt", text)


_CHINESE_UNITS = {
    **{"厘米": "cm", "毫米": "mm", "千米": "km", "公里": "km", "米": "m", "千克": "kg", "公斤": "kg", "克": "g", "升": "L"},
    **{"毫升": "mL", "小时": "h", "分钟": "min", "秒": "s", "天": "day", "元": "yuans", "度": "degree", "岁": "years"},
    **dict.fromkeys("个种条只本张块名位件组", "items"),  # a number of things, whichever
    **{"人": "people", "次": "occasions"},
}
_CHINESE_UNIT = re.compile(
    rf"(?<=[\d}})）$万亿])\s*(?P<power>平方|立方)?(?P<unit>{'|'.join(_CHINESE_UNITS)})(?P<end>[\s$。.]*)\Z"
)


def _unit(found: re.Match) -> str:
    """`42个` is `42\\text{ items}`."""
    power = {"平方": "square ", "立方": "cubic "}.get(found["power"], "")
    return rf"\text{{ {power}{_CHINESE_UNITS[found['unit']]}}}{found['end']}"
