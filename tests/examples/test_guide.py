"""docs/add-a-method.md shows the example as it is."""

import re

from tests import ROOT

GUIDE = (ROOT / "docs/add-a-method.md").read_text()
EXCERPTS = re.findall(r"^\*\*(\S+)\*\*\n\n```\w+\n(.*?)^```$", GUIDE, flags=re.MULTILINE | re.DOTALL)


def test_every_block_of_code_is_an_excerpt_of_the_file_above_it():
    assert len(EXCERPTS) == len(re.findall(r"^```(?:python|yaml|toml)$", GUIDE, flags=re.MULTILINE)) > 10
    for name, code in EXCERPTS:
        lines, wanted = (ROOT / name).read_text().splitlines(), code.splitlines()
        starts = range(len(lines) - len(wanted) + 1)
        assert any(lines[i : i + len(wanted)] == wanted for i in starts), f"{name} has not the lines\n{code}"


def test_it_names_every_file_of_the_example():
    folder = ROOT / "examples/entropy_shaping"
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in (".py", ".yaml", ".toml")}
    assert files - {"__init__.py"} == set(re.findall(r"`([\w/]+\.(?:py|yaml|toml))`", GUIDE.split("## 1.")[0]))


def test_its_links_lead_somewhere():
    for target in re.findall(r"\]\((?!https:)([^)]+)\)", GUIDE):
        assert (ROOT / "docs" / target).exists(), target
