"""Each rule: its example is composed and refused, warned of or set right; verl is as it says; the page is current."""

import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from recipe.hapo.method import HAPO
from recipe.htpo.method import HTPO
from recipe.runs.combinations import RULES, check_combinations, set_right, table
from recipe.runs.combinations.rule import ALLOWED, REFUSED, SET, WARNED
from recipe.runs.config_checks import check_run
from tests import ROOT
from tests.runs.config.given import GIVEN

VERL = Path(find_spec("verl").submodule_search_locations[0])
METHODS = {"htpo": HTPO, "hapo": HAPO}


def rules(*ours):
    chosen = [rule for rule in RULES if rule.ours in ours]
    return pytest.mark.parametrize("rule", chosen, ids=[rule.combination for rule in chosen])


@pytest.fixture
def composed(compose, monkeypatch):
    """The config of a rule's example, in its environment."""
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)

    def composed(rule, recipe="htpo", *overrides):
        for name, value in rule.environment.items():
            monkeypatch.setenv(name, value)
        return compose(*GIVEN, *rule.example, *overrides, recipe=recipe)

    return composed


def told(config, method):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_run(config, method)
    return [str(warning.message) for warning in caught if warning.category is UserWarning]


@pytest.mark.parametrize("recipe", METHODS)
@rules(REFUSED)
def test_what_is_refused_is_refused_in_one_sentence(composed, rule, recipe):
    sentence = rule.find(composed(rule, recipe))
    with pytest.raises(ValueError, match=r"; ") as caught:
        check_run(composed(rule, recipe), METHODS[recipe])
    assert str(caught.value) == sentence
    assert "\n" not in sentence


@rules(WARNED)
def test_what_is_warned_of_may_run(composed, rule):
    config = composed(rule)
    assert rule.find(config) in told(config, HTPO)
    assert "\n" not in rule.find(config)


@rules(SET)
def test_what_is_set_right_is_another_value_once(composed, rule):
    config = composed(rule)
    before = OmegaConf.to_container(config)
    set_right(config)
    after = OmegaConf.to_container(config)
    assert after != before
    set_right(config)
    assert OmegaConf.to_container(config) == after


@rules(ALLOWED)
def test_what_is_allowed_has_its_test(rule):
    file, _, name = rule.test.partition("::")
    assert f"def {name}(" in (ROOT / file).read_text()


@pytest.mark.parametrize("recipe", METHODS)
def test_the_shipped_configs_are_none_of_them(compose, monkeypatch, recipe):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    experiments = (ROOT / "recipe" / recipe / "config/experiment").glob("*.yaml")
    for overrides in ([], *([f"+experiment={path.stem}"] for path in sorted(experiments))):
        config = compose(*GIVEN, *overrides, recipe=recipe)
        before = OmegaConf.to_container(config)
        assert told(config, METHODS[recipe]) == [], overrides
        assert OmegaConf.to_container(config) == before


@pytest.mark.parametrize("rule", RULES, ids=[rule.combination for rule in RULES])
def test_the_installed_verl_is_as_the_rule_says(rule):
    assert rule.holds(), "read verl's source again: extend `verl`, or remove the rule if it is mended"
    assert rule.seen
    for file, text in rule.seen:
        assert text in (VERL / file).read_text(), f"verl/{file} no longer has `{text}`"


def test_a_rule_goes_with_the_version_that_mends_it(composed, monkeypatch):
    rule = next(rule for rule in RULES if "async_save" in rule.combination)
    config = composed(rule)
    for version, refused in (("0.9.1", True), ("0.8.0", True), ("0.10.0", False), ("0.9.2.dev0", False)):
        monkeypatch.setattr("recipe.runs.combinations.rule.version", lambda name, version=version: version)
        assert rule.holds() is refused
        if not refused:
            check_combinations(config)


def test_the_page_is_written_from_the_rules():
    assert table.FILE.read_text() == table.page(), "python -m recipe.runs.combinations writes it anew"
    for rule in RULES:
        assert rule.combination
        assert rule.stock
        assert rule.how or rule.ours != SET
        assert bool(rule.test) == (rule.ours == ALLOWED)


def test_what_is_refused_comes_before_any_warning(compose):
    config = compose(*GIVEN, "actor_rollout_ref.rollout.temperature=0.6", "actor_rollout_ref.actor.checkpoint.async_save=True")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="async_save"):
            check_combinations(config)
