"""Composing a recipe's shipped config, as the command line does."""

from omegaconf import DictConfig

from launch.recipes import package_of
from recipe.runs import search_path
from tests import ROOT


def compose(recipe: str, *overrides: str) -> DictConfig:
    """The config of the recipe's own `main`."""
    import hydra

    search_path.register()
    package = package_of(recipe).split(".")
    with hydra.initialize_config_dir(config_dir=str(ROOT.joinpath(*package, "config")), version_base=None):
        return hydra.compose(f"{package[-1]}_trainer", overrides=list(overrides))


def flat(node, prefix: str = "") -> dict:
    """{"a.b": value} of nested dicts; an empty one is a value."""
    if not isinstance(node, dict) or not node:
        return {prefix.rstrip("."): node}
    return {key: value for name, child in node.items() for key, value in flat(child, f"{prefix}{name}.").items()}
