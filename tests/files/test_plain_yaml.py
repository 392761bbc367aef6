"""YAML of others: what it says, or a reason, and soon."""

import time

import pytest

from recipe.files.plain_yaml import load_plain

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (LAUGHS, r"has an alias \(\*a\) in line 2"),
        ("a: &a [*a]", r"has an alias \(\*a\) in line 1"),
        (f"a: {'[' * 20_000}{']' * 20_000}", "is nested deeper than 64 levels in line 1"),
        ("a: " + "{b: " * 20_000, "is nested deeper"),
        ("- " * 20_000, "is nested deeper"),
        ("a: " + "b" * 2**23, "is larger than 4 MiB"),
        ("a:\n- [", "is not valid YAML"),
        ("a: !!python/object/apply:os.system [x]", "is not valid YAML"),
        ("a: 2001-13-45", "is not valid YAML"),
        ("a: " + "9" * 5000, "is not valid YAML"),
        ("a: \x00", "is not valid YAML"),
    ],
)
def test_what_is_hostile_or_wrong_has_a_reason_at_once(text, reason):
    start = time.process_time()
    with pytest.raises(ValueError, match=reason):
        load_plain(text.encode())
    assert time.process_time() - start < 2


def test_plain_yaml_is_read():
    assert load_plain(b"a: {b: [1, null, x]}\nc: 2.5\n") == {"a": {"b": [1, None, "x"]}, "c": 2.5}
