"""The config node `trainer.token_dump`: when, where, and what is refused."""

from pathlib import Path

import pytest

from recipe.runs.config_checks import check_run
from recipe.runs.token_dump.dump_settings import DumpSettings, dump_settings
from tests.runs.config.given import GIVEN, METHODS


@pytest.mark.parametrize("recipe", METHODS)
def test_the_shipped_config_has_the_defaults(compose, recipe):
    config = compose(*GIVEN, recipe=recipe)
    assert dump_settings(config) == DumpSettings(folder=str(Path(config.trainer.default_local_dir) / "tokens"))
    check_run(config, METHODS[recipe])


@pytest.mark.parametrize(
    ("checkpoints", "folder"),
    [("/runs/1/checkpoints", "/runs/1/tokens"), ("/runs/1", "/runs/1/tokens"), ("checkpoints", "tokens")],
)
def test_the_folder_lies_in_the_run(compose, checkpoints, folder):
    assert dump_settings(compose(*GIVEN, f"trainer.default_local_dir={checkpoints}")).folder == folder
    given = (f"trainer.default_local_dir={checkpoints}", "trainer.token_dump.folder=/elsewhere")
    assert dump_settings(compose(*GIVEN, *given)).folder == "/elsewhere"


def test_when_it_is_due():
    assert [step for step in range(1, 31) if DumpSettings().due(step)] == [1, 10, 20, 30]
    assert not any(DumpSettings(every=0).due(step) for step in range(1, 31))


def test_a_config_without_the_node_has_no_dump(compose):
    config = compose(*GIVEN, "~trainer.token_dump")
    assert dump_settings(config).every == 0


@pytest.mark.parametrize("recipe", METHODS)
@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainer.token_dump.every=-1", r"trainer.token_dump.every is -1; .* at least 0; 0 switches the dump off"),
        ("trainer.token_dump.every=2.5", r"trainer.token_dump.every is 2.5; it must be a whole number"),
        ("trainer.token_dump.every=true", r"trainer.token_dump.every is True"),
        ("trainer.token_dump.responses=0", r"trainer.token_dump.responses is 0; it must be a whole number of at least 1"),
        ("trainer.token_dump.files=1", r"trainer.token_dump.files is 1; .* at least 2"),
        ("trainer.token_dump.tokens=all", r"trainer.token_dump.tokens is 'all'"),
        ("trainer.token_dump.tokens=100", r"tokens is 100, less than the \d+ tokens of one response; .*token_dump.every=0"),
        ("trainer.token_dump.folder=7", r"trainer.token_dump.folder is 7; it must be a path"),
        ("+trainer.token_dump.size=3", r"trainer.token_dump has no setting 'size'; its settings are every, responses, tokens"),
        ("trainer.token_dump=off", r"trainer.token_dump is 'off'; it has the settings every"),
    ],
)
def test_a_wrong_value_is_one_sentence(compose, recipe, override, message):
    with pytest.raises(ValueError, match=message) as caught:
        check_run(compose(*GIVEN, override, recipe=recipe), METHODS[recipe])
    assert "\n" not in str(caught.value)


def test_switched_off_the_bound_is_not_looked_at(compose):
    dump_settings(compose(*GIVEN, "trainer.token_dump.every=0", "trainer.token_dump.tokens=100"))
