"""Which package a recipe is in, for the launchers' `--recipe`, and where it keeps what must outlive the cluster."""

import sys
from importlib.util import find_spec
from pathlib import Path

EVALUATE = "evaluate"
_EVALUATION = "recipe.rlvr_math.evaluation"


def package_of(recipe: str) -> str:
    """`recipe.<name>` for a plain name; a dotted one, such as `examples.entropy_shaping`, is a package as it is."""
    if recipe == EVALUATE:
        return _EVALUATION
    return recipe if "." in recipe else f"recipe.{recipe}"


def folder_key(recipe: str) -> str:
    """The override that names the folder of its results."""
    return "out" if package_of(recipe) == _EVALUATION else "trainer.default_local_dir"


def refuse_another_recipe() -> None:
    """End with status 2 if a fork of verl has a package `recipe`, which Python prefers to the folders of that name."""
    spec = find_spec("recipe")
    if spec is not None and spec.origin is not None:
        where = Path(spec.origin).parents[1]
        print(
            f"error: {spec.origin} hides the folder recipe of this project; take {where} off PYTHONPATH, or remove that file",
            file=sys.stderr,
        )
        raise SystemExit(2)


refuse_another_recipe()
