#!/usr/bin/env bash
# Resolve the pins of both platforms: requirements.lock (GPU) and requirements-cpu.txt. Run by `make lock`; needs uv.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v uv >/dev/null || { echo "error: uv is not installed; python -m pip install uv" >&2; exit 1; }

# flash-attn has no wheel; its metadata is read by building it without its CUDA code.
FLASH_ATTENTION_SKIP_CUDA_BUILD=TRUE uv pip compile requirements.txt \
  --python-version 3.12 --python-platform x86_64-manylinux_2_28 --no-header --no-annotate --output-file requirements.lock

# torch is left out: launch/setup_cpu.sh installs it first, from where a CPU build is offered.
uv pip compile requirements-cpu.in --override requirements-cpu-overrides.txt \
  --python-version 3.11 --python-platform x86_64-manylinux_2_28 --no-emit-package torch --no-header --no-annotate \
  --output-file requirements-cpu.txt
