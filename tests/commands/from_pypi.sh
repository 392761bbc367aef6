#!/usr/bin/env bash
# Install the wheel as on a machine without a checkout, its packages from PyPI, and go from training to a report by its commands
# alone: from_pypi.sh [PYTHON] [FOLDER]. Everything is made anew in FOLDER (runs/wheel); some 10 minutes on 2 cores.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=$(realpath --no-symlinks "${1:-.venv/bin/python}") folder=$(realpath -m "${2:-runs/wheel}")
run=$(realpath tests/runs/health/curves/htpo-12)
rm -rf "$folder"
mkdir -p "$folder"
pip() { "$1/bin/python" -m pip install --quiet --disable-pip-version-check "${@:2}"; }

echo "The wheel ..."
"$python" -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$folder" .
wheel=$(echo "$folder"/*.whl)
cd "$folder" # from here on, nothing of the checkout is seen

echo "Reading reports: the wheel alone ..."
"$python" -m venv reading
pip reading "$wheel"
reading/bin/token-rl
reading/bin/token-rl-insight "$run" --out page
reading/bin/token-rl-launch launchers
for module in torch verl ray vllm; do
  if reading/bin/python -c "import $module" 2>/dev/null; then echo "error: reading reports has installed $module" >&2 && exit 1; fi
done

echo "Training on the CPU: the pins, then the wheel ..."
reading/bin/python -m venv training
torch=$(sed -n 's/^torch==//p' launchers/requirements.txt)
pip training "torch==$torch+cpu" 2>/dev/null ||
  pip training "torch==$torch+cpu" --index-url https://download.pytorch.org/whl/cpu --retries 1 --timeout 15 2>/dev/null ||
  pip training "torch==$torch"
pip training --no-deps -r launchers/requirements-cpu.txt
pip training --no-deps "$wheel"
export PATH=$folder/training/bin:$PATH RAY_ADDRESS=local HF_HUB_OFFLINE=1
python launchers/launch/demo/make_model.py model
python launchers/launch/demo/make_data.py data
reward=reward.custom_reward_function.path=$folder/launchers/launch/demo/reward.py

echo "htpo-train ..."
htpo-train +platform=cpu +experiment=demo "$reward" "actor_rollout_ref.model.path=$folder/model" \
  "data.train_files=$folder/data/train.parquet" "data.val_files=$folder/data/val.parquet" \
  "trainer.default_local_dir=$folder/run/checkpoints" "hydra.run.dir=$folder/run/hydra" >train.log 2>&1 ||
  { tail -n 30 train.log >&2 && exit 1; }
token-rl-health run

echo "token-rl-evaluate, before and after ..."
for name in start trained; do
  model=$folder/model
  [ "$name" = start ] || model=$folder/run/checkpoints
  token-rl-evaluate +platform=cpu "$reward" n=8 max_prompt_tokens=48 max_response_tokens=8 "model=$model" \
    "benchmarks=[$folder/data/val.parquet]" "out=$folder/evaluation/$name" >"evaluate-$name.log" 2>&1 ||
    { tail -n 30 "evaluate-$name.log" >&2 && exit 1; }
done
reading/bin/token-rl-report evaluation/start evaluation/trained --out report
token-rl-export run/checkpoints --out exported --evaluation evaluation/trained --baseline evaluation/start
reading/bin/token-rl-insight run --out page
sed -n '/^|/p' report/report.md
