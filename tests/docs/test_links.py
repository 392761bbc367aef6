"""Links, paths, commands and targets in the documents lead somewhere, and nothing is said twice."""

import re
import tomllib
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests import ROOT
from tests.docs.reading import DOCUMENTS, SPAN, code, expanded, prose, text

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
ROOMS = "recipe|verl_patches|launch|tests|docs|studies|benchmarks|examples|\\.ci"
PATH = re.compile(rf"(?<![\w./~$-])(?:{ROOMS})/[\w./{{}},*-]*")
FILE = re.compile(rf"(?<![\w./~$}}-])(?:{ROOMS})/[\w./-]+\.(?:py|yaml|md|sh|sbatch|png|example)\b")
# A function, a field or a module by itself, and a class with a field of it.
NAME = re.compile(r"[a-z]+(?:_[a-z0-9]+)+|[A-Z]\w+\.[a-z]\w*")
# verl-recipe's, which the documents name and this project does not have; what a user makes; a name that is put together.
FOREIGN = {"recipe.dapo.main_dapo", "my_lab", "recipe/__init__.py", "launch/slurm/site.env", "hapo_colocate_async"}

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=str)


def anchors(document):
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.*)$", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_document
def test_links_lead_somewhere(document):
    for link in LINK.findall(prose(document)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (ROOT / document).parent / name if name else ROOT / document
        assert target.exists(), f"{document}: {link}"
        if anchor:
            assert anchor in anchors(target.resolve().relative_to(ROOT)), f"{document}: {link}"


@each_document
def test_paths_exist(document):
    for piece in code(document):
        for found in PATH.findall(piece):
            for path in expanded(found.rstrip(".,")):
                assert path in FOREIGN or any(ROOT.glob(path.rstrip("/"))), f"{document}: {path}"


@pytest.mark.parametrize("room", ["recipe", "launch", "verl_patches", "benchmarks", "studies"])
def test_paths_in_comments_and_docstrings_exist(room):
    sources = [path for path in (ROOT / room).rglob("*") if path.suffix in (".py", ".yaml", ".sh", ".sbatch", ".example")]
    assert sources
    for source in sources:
        for path in FILE.findall(source.read_text()):
            assert (ROOT / path).exists(), f"{source.relative_to(ROOT)}: {path}"


@pytest.fixture(scope="module")
def words():
    """All words of the project's code and configs."""
    kinds = (".py", ".yaml", ".toml", ".sh", ".sbatch", ".js")
    rooms = [ROOT / room for room in ("recipe", "launch", "verl_patches", "benchmarks", "studies", "examples")]
    files = [path for room in rooms for path in room.rglob("*") if path.suffix in kinds]
    return {word for path in [*files, ROOT / "pyproject.toml"] for word in re.findall(r"\w+", path.read_text())}


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "docs/add-a-method.md", "docs/api.md", "docs/metrics.md"])
def test_names_of_code_exist(document, words):
    names = {name for name in SPAN.findall(prose(Path(document))) if NAME.fullmatch(name)} - FOREIGN
    assert {name for name in names if not set(name.split(".")) <= words} == set()


def runnable(module):
    """Whether `python -m` finds it, without importing what may be heavy."""
    first, *rest = module.split(".")
    spec = find_spec(first)
    if spec is None:
        return False
    if not rest:
        return True
    places = [ROOT / first] if (ROOT / first).is_dir() else [Path(place) for place in spec.submodule_search_locations]
    return any(
        place.joinpath(*rest).with_suffix(".py").is_file() or place.joinpath(*rest, "__main__.py").is_file() for place in places
    )


@each_document
def test_commands_name_modules(document):
    for piece in code(document):
        for module in re.findall(r"python3? -m ([\w.]+)", piece):
            assert module.rstrip(".") in FOREIGN or runnable(module.rstrip(".")), f"{document}: python -m {module}"


@each_document
def test_console_commands_exist(document):
    known = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"])
    for piece in code(document):
        for name in re.findall(r"(?<![\w/.-])(?:token-rl|htpo|hapo)-(?:[a-z]+-?)+(?![\w.*-])", piece):
            assert name in known or name in FOREIGN, f"{document}: {name}"


@each_document
def test_make_targets_exist(document):
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for piece in code(document):
        for target in re.findall(r"^make ([a-z][\w-]*)", piece, re.MULTILINE):
            assert target in targets, f"{document}: make {target}"


def test_the_rooms_of_the_readme_hold_what_it_says():
    rows = re.findall(r"^\| \[([\w/]+)/\]\([^|]*\|[^|]*\|([^|]*)\|$", text(Path("README.md")), re.MULTILINE)
    assert len(rows) >= 10
    for folder, names in rows:
        for name in SPAN.findall(names):
            assert (ROOT / folder / name).exists(), f"{folder}/{name}"
    missing = {path.name for path in (ROOT / "recipe").iterdir() if any(path.glob("*.py"))} - {
        folder.removeprefix("recipe/") for folder, _ in rows
    }
    assert missing == set()


def test_the_readme_is_short():
    assert len(text(Path("README.md")).splitlines()) <= 150


def test_no_sentence_stands_twice():
    places = defaultdict(set)
    for document in DOCUMENTS:
        for paragraph in re.split(r"\n\s*\n|\n(?=[*#|-])", prose(document)):
            for sentence in re.split(r"(?<=[.:;?!])\s+|\|", " ".join(paragraph.split())):
                if len(sentence) > 50 and len(sentence.split()) > 6:
                    assert document not in places[sentence], f"twice in {document}: {sentence}"
                    places[sentence].add(document)
    assert [sentence for sentence, found in places.items() if len(found) > 1] == []
