"""`make audit`: what pip-audit is asked, told by a stand-in."""

import os
import re
import subprocess

import pytest

from tests import ROOT


@pytest.mark.parametrize("status", [0, 1])
def test_what_is_accepted_is_what_the_document_says(tmp_path, status):
    stand_in = tmp_path / "pip-audit"
    stand_in.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{tmp_path}/asked\nexit {status}\n')
    stand_in.chmod(0o755)
    done = subprocess.run([ROOT / "launch/audit.sh", "-s", "osv"], env=os.environ | {"PIP_AUDIT": str(stand_in)})
    assert done.returncode == status
    asked = (tmp_path / "asked").read_text().splitlines()
    section = (ROOT / "docs/security.md").read_text().split("## Known vulnerabilities")[1].split("\n## ")[0]
    named = re.findall(r"(?:GHSA|PYSEC|CVE)-[\w-]+(?=` \|)", section)
    assert named
    assert [option for option in asked if option.startswith("--ignore")] == [f"--ignore-vuln={one}" for one in named]
    assert "--strict" in asked  # a package that cannot be looked up is no answer
    assert [asked[i + 1] for i, option in enumerate(asked) if option == "-r"] == ["requirements-cpu.txt", "requirements.lock"]
    assert asked[-2:] == ["-s", "osv"]


def test_what_is_accepted_is_still_pinned():
    table = re.findall(r"^\| `([^`]+)` (\S+) \| `", (ROOT / "docs/security.md").read_text(), re.MULTILINE)
    pinned = (ROOT / "requirements.lock").read_text().splitlines()
    assert table
    for package, version in table:
        assert f"{package}=={version}" in pinned
