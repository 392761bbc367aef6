"""`make demo-eval`: is the demo's model better than the one it began as? Evaluates both with the real stack, draws the curve.

    python launch/demo/evaluate.py [--recipe NAME] [--run-dir DIR] [key=value ...]

Trains the demo first if it has no checkpoint. Run again after it was stopped or killed, it continues. The overrides are those
of recipe.rlvr_math.evaluation.evaluate.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from launch.demo.run import method_of  # noqa: E402
from recipe.runs.checkpoints import newest_complete  # noqa: E402


def evaluation_command(run_dir: Path, model: Path, name: str, overrides: list[str]) -> list[str]:
    """The command a user would type, with the demo's data, lengths and reward function."""
    return [
        *(sys.executable, "-m", "recipe.rlvr_math.evaluation.evaluate", "+platform=cpu", "n=32"),
        f"model={model}",
        f"benchmarks=[{run_dir}/data/val.parquet]",
        "max_prompt_tokens=48",
        "max_response_tokens=8",
        f"reward.custom_reward_function.path={HERE}/reward.py",
        f"out={run_dir}/evaluation/{name}",
        "+ray_kwargs.ray_init.log_to_driver=False",  # vLLM's lines would break the progress bar
        *overrides,
    ]


def run(command: list) -> None:
    """Run a command; if it fails, end with its status."""
    # A cluster of its own, whatever else runs on this machine; everything is local.
    environment = os.environ | {"RAY_ADDRESS": "local", "HF_HUB_OFFLINE": "1"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    # A terminal sends Ctrl-C to it as well, and it saves and ends by itself.
    answers = {signal.SIGINT: lambda *_: None, signal.SIGTERM: lambda *_: process.terminate()}
    before = {number: signal.signal(number, answer) for number, answer in answers.items()}
    try:
        status = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if status:
        raise SystemExit(status if status > 0 else 128 - status)


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="htpo", help="as for launch/demo/run.py")
    parser.add_argument("--run-dir", type=Path, default=None, help="default: runs/demo-<method>")
    parser.add_argument("overrides", nargs="*", help="any key=value of the evaluation's config")
    args = parser.parse_args()
    try:
        run_dir = (args.run_dir or ROOT / "runs" / f"demo-{method_of(args.recipe).name}").resolve()
    except ValueError as error:
        parser.error(str(error))

    checkpoints = run_dir / "checkpoints"
    if newest_complete(str(checkpoints))[0] is None:
        run([sys.executable, HERE / "run.py", "--recipe", args.recipe, "--run-dir", run_dir])
    for name, model in (("start", run_dir / "model"), ("trained", checkpoints)):
        run(evaluation_command(run_dir, model, name, args.overrides))
    results = run_dir / "evaluation"
    report = [results / "start", results / "trained", "--out", results / "report"]
    run([sys.executable, "-m", "recipe.rlvr_math.report", *report])


if __name__ == "__main__":
    main()
