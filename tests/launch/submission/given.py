"""What the tests of the submission have in common."""

from launch.submission.plan import make_plan
from tests import ROOT

RUNTIME_ENV = ROOT / "launch/runtime_env.yaml"


def plan(project, *overrides, recipe="htpo", preflight=True, max_mib=1):
    return make_plan(recipe, list(overrides), preflight, RUNTIME_ENV, project, max_mib)
