#!/usr/bin/env bash
# Send a training run to a running Ray cluster as a job and follow it; see launch/submit.sh --help.
# Needs a Python with Ray on this machine: $PYTHON, the project's .venv, or the first on PATH.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

for python in "${PYTHON:-}" "$here/../.venv/bin/python" python3 python; do
  # `find_spec` is quick, where an import of Ray takes seconds; aiohttp and requests are what ray[default] adds.
  if "${python:-false}" -c 'import sys; from importlib.util import find_spec
sys.exit(sys.version_info < (3, 11) or not all(map(find_spec, ("ray", "aiohttp", "requests"))))' 2>/dev/null; then
    exec "$python" "$here/submit.py" "$@"
  fi
  [ "$python" = "${PYTHON:-}" ] && [ -n "$python" ] && break
done
ray=$(sed -n 's/^ray==//p' "$here/../requirements.txt")
echo "error: no Python 3.11 or newer with Ray's job client was found: pip install 'ray[default]==$ray' into one and name it," \
  "PYTHON=/path/to/python launch/submit.sh ..." >&2
exit 2
