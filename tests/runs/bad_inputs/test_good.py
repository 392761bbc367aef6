"""The run that the others break may start, and enough of what breaks it is tried."""

from recipe.htpo.method import HTPO
from tests.runs.bad_inputs import (
    test_command_line,
    test_data,
    test_environment,
    test_model,
    test_paths,
    test_reward,
    test_values,
)


def test_the_good_run_may_start(prepare):
    assert prepare().trainer.v1.trainer_mode == f"{HTPO.name}_sync"


def test_there_are_many_wrong_inputs():
    tables = (
        test_command_line.COMMAND_LINES,
        test_data.ROWS,
        test_data.FILES,
        test_environment.VARIABLES,
        test_model.MODELS,
        test_paths.PATHS,
        test_reward.FUNCTIONS,
        test_reward.MODULES,
        test_values.VALUES,
    )
    assert sum(map(len, tables)) >= 261  # as docs/verified.md says
