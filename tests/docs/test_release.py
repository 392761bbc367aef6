"""One version: the package's, the newest of the changes, the one to cite."""

import re
import tomllib
from pathlib import Path

import yaml

from tests import ROOT
from tests.docs.reading import text

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_newest_changes_are_this_versions():
    assert re.findall(r"^## ([\d.]+)", text(Path("CHANGELOG.md")), re.MULTILINE)[0] == PROJECT["version"]


def test_what_is_cited_is_this_version():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (str(cited["version"]), cited["license"]) == (PROJECT["version"], PROJECT["license"])
    assert cited["title"].startswith(PROJECT["name"])
    papers = [reference["url"] for reference in cited["references"]]
    assert len(papers) == 2
    assert all(url in text(Path("README.md")) for url in papers)


def test_the_wheel_in_the_documents_is_this_versions():
    found = set(re.findall(r"verl_htpo-([\d.]+)-py3", text(Path("docs/install.md"))))
    assert found == {PROJECT["version"]}
