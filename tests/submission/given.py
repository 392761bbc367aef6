"""What the tests of the submission have in common."""

from pathlib import Path

from launch.submission.plan import make_plan

ROOT = Path(__file__).parents[2]
RUNTIME_ENV = ROOT / "launch/runtime_env.yaml"


def plan(project, *overrides, recipe="htpo", preflight=True, max_mib=1):
    return make_plan(recipe, list(overrides), preflight, RUNTIME_ENV, project, max_mib)
