"""The entry points. Each has a function of its own, since a script's file may be given another name."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import version

from recipe.commands.family import DISTRIBUTION, FAMILY, Command, named

_HELP = ("--help", "-h")


def htpo_train() -> int | None:
    """Train with HTPO."""
    return _composed("htpo-train")


def hapo_train() -> int | None:
    """Train with HAPO."""
    return _composed("hapo-train")


def preflight() -> int | None:
    """Look at a run of the method that is named first."""
    command = named("token-rl-preflight")
    method = sys.argv[1] if len(sys.argv) > 1 else ""
    if method in _HELP:
        return _composed(command.name)
    if not method or "=" in method or method.startswith("-"):
        return _refused(f"{command.name} takes the method first: {command.name} htpo key=value ...; htpo, hapo or a package")
    del sys.argv[1]
    package = method if "." in method else f"recipe.{method}"
    return _run(command, f"{package}.preflight")


def evaluate() -> int | None:
    """Evaluate a model."""
    return _composed("token-rl-evaluate")


def lab() -> int | None:
    """Train in the lab."""
    return _composed("token-rl-lab")


def data() -> int | None:
    """Prepare a data set."""
    return _run(named("token-rl-data"))


def overlap() -> int | None:
    """Compare data sets."""
    return _run(named("token-rl-overlap"))


def judge() -> int | None:
    """Explain a verdict."""
    return _run(named("token-rl-judge"))


def report() -> int | None:
    """Report evaluations."""
    return _run(named("token-rl-report"))


def export() -> int | None:
    """Export a checkpoint."""
    return _run(named("token-rl-export"))


def insight() -> int | None:
    """Show runs."""
    return _run(named("token-rl-insight"))


def health() -> int | None:
    """Look for signs of sickness."""
    return _run(named("token-rl-health"))


def launch() -> int | None:
    """Write the launchers."""
    return _run(named("token-rl-launch"))


def overview() -> int:
    """List the family."""
    if sys.argv[1:] == ["--version"]:
        print(version(DISTRIBUTION))
        return 0
    print(f"{DISTRIBUTION} {version(DISTRIBUTION)}: token-level objectives for RLVR on stock verl\n")
    print("\n".join(f"  {command.name:<20}{command.says}" for command in FAMILY))
    print("\nEach has --help, with examples. `token-rl --version` prints the version alone.")
    if unknown := [argument for argument in sys.argv[1:] if argument not in _HELP]:
        return _refused(f"token-rl takes no {unknown[0]!r}; the commands are those above")
    return 0


def _composed(name: str) -> int | None:
    """A command of Hydra's, whose own help is the whole config, composed."""
    if any(argument in _HELP for argument in sys.argv[1:]):
        from recipe.commands.helps import help_of

        print(help_of(name), end="")
        return 0
    return _run(named(name))


def _run(command: Command, module: str = "") -> int | None:
    """Import and call. One sentence and status 2 if what the command needs is not installed, or in another version."""
    module = module or command.module
    try:
        return importlib.import_module(module).main()
    except ImportError as error:
        missing = error.name or ""
        if module == missing or module.startswith(missing + "."):
            return _refused(f"there is no module {module}; name htpo, hapo or the package of a method that can be imported")
        if missing.partition(".")[0] in ("", "recipe", "verl_patches") or error.path:  # a fault inside of a package
            raise
        what = f"{command.name} needs {missing}, which is not installed" if isinstance(error, ModuleNotFoundError) else error
        return _refused(f"{what} (all that it needs: {DISTRIBUTION}[{command.extra}])" if command.extra else str(what))


def _refused(sentence: str) -> int:
    print(f"error: {sentence}", file=sys.stderr)
    return 2
