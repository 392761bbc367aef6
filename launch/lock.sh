#!/usr/bin/env bash
# Resolve the pins of both platforms: requirements.lock (GPU) and requirements-cpu.txt. Run by `make lock`; needs uv.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v uv >/dev/null || { echo "error: uv is not installed; python -m pip install uv" >&2; exit 1; }
common=$(mktemp)
trap 'rm -f "$common"' EXIT
resolve() { # PYTHON, then uv's arguments
  uv pip compile --quiet --python-version "$1" --python-platform x86_64-manylinux_2_28 --no-header --no-annotate \
    --constraint "$common" "${@:2}"
}

# The last releases that Python 3.11 has, which a CPU machine may have.
printf '%s\n' 'av<19' 'networkx<3.7' >"$common"

# flash-attn has no wheel; its metadata is read by building it without its CUDA code.
FLASH_ATTENTION_SKIP_CUDA_BUILD=TRUE resolve 3.12 requirements.txt --output-file requirements.lock

# One set of pins: whatever the GPU has. torch and its CUDA libraries are left out of the file: launch/setup_cpu.sh installs
# torch first, from where a CPU build is offered.
grep -vE '^(flash-attn|vllm)==' requirements.lock >>"$common"
cuda=$(sed -nE 's/^((nvidia|cuda)-[a-z0-9-]+)==.*/--no-emit-package \1/p' requirements.lock)
for python in 3.12 3.11; do # both must find a solution, the same one
  # shellcheck disable=SC2086  # one word each
  resolve "$python" requirements-cpu.in --override requirements-cpu-overrides.txt --no-emit-package torch $cuda \
    --output-file requirements-cpu.txt
done
