"""Which package a recipe is in, for the launchers' `--recipe`."""


def package_of(recipe: str) -> str:
    """`recipe.<name>` for a plain name; a dotted one, such as `examples.entropy_shaping`, is a package as it is."""
    return recipe if "." in recipe else f"recipe.{recipe}"
