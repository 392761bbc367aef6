"""Range checks whose messages tell a user what to change."""

from __future__ import annotations

VARIANTS = ("paper", "released")  # what the article defines, or what its authors' published code computes


def check_choice(name: str, value, allowed: tuple[str, ...]) -> None:
    """Raise ValueError unless `value` is one of `allowed`."""
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}; it must be one of {', '.join(allowed)}")


def _is_number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_fraction(name: str, value) -> None:
    """Raise ValueError unless 0 <= value <= 1."""
    if not _is_number(value) or not 0 <= value <= 1:
        raise ValueError(f"{name} is {value!r}; it must be a number between 0 and 1")


def check_positive(name: str, value, above: float = 0.0) -> None:
    """Raise ValueError unless value > above (and finite)."""
    if not _is_number(value) or not above < value < float("inf"):
        raise ValueError(f"{name} is {value!r}; it must be a finite number greater than {above:g}")


def check_not_negative(name: str, value, below: float = float("inf")) -> None:
    """Raise ValueError unless 0 <= value < below."""
    if not _is_number(value) or not 0 <= value < below:
        limit = "" if below == float("inf") else f" and below {below:g}"
        raise ValueError(f"{name} is {value!r}; it must be a finite number of at least 0{limit}")


def check_clip_range(settings) -> None:
    """Raise ValueError unless the three `clip_ratio_*` of a method's settings make a clip range; named where users set them."""
    check_fraction("actor.clip_ratio_low", settings.clip_ratio_low)
    check_positive("actor.clip_ratio_high", settings.clip_ratio_high)
    check_positive("actor.clip_ratio_c", settings.clip_ratio_c, above=1.0)
