#!/usr/bin/env bash
# Look up known vulnerabilities of all pinned packages with pip-audit, in an environment of its own: launch/audit.sh [OPTIONS OF
# PIP-AUDIT], such as --vulnerability-service osv. What is accepted stands in docs/security.md, with its reason.
#
# Status 1: something new is known of a package, or a package could not be looked up, which is no answer either.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=2.10.1

PIP_AUDIT=${PIP_AUDIT:-build/audit/bin/pip-audit} # another one, for tests
if [ "$PIP_AUDIT" = build/audit/bin/pip-audit ] && ! "$PIP_AUDIT" --version 2>/dev/null | grep -qx "pip-audit $version"; then
  "${PYTHON:-python3}" -m venv build/audit
  build/audit/bin/pip install --quiet "pip-audit==$version"
fi

# The rows of the table there, one package, advisory and reason each.
# shellcheck disable=SC2016  # the backticks are the document's
row='s/^| `[^`]*` [^ ]* | `\([A-Za-z0-9-]*\)` |.*/\1/p'
mapfile -t accepted < <(sed -n "/^## Known vulnerabilities/,/^## /$row" docs/security.md)
exec "$PIP_AUDIT" --strict --no-deps --disable-pip --progress-spinner off "${accepted[@]/#/--ignore-vuln=}" \
  -r requirements-cpu.txt -r requirements.lock "$@"
