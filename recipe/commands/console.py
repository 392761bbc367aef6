"""The entry points. Each has a function of its own, since a script's file may be given another name."""

from __future__ import annotations

import importlib
import sys
from functools import partial
from importlib.metadata import version

from recipe.commands.family import DISTRIBUTION, FAMILY, Command, named

_HELP = ("--help", "-h")


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


htpo_train, hapo_train = (partial(_composed, name) for name in ("htpo-train", "hapo-train"))
evaluate, lab = (partial(_composed, f"token-rl-{name}") for name in ("evaluate", "lab"))
data, overlap, judge, report, experiment, export, insight, health, launch = (
    partial(_run, named(f"token-rl-{name}"))
    for name in ("data", "overlap", "judge", "report", "experiment", "export", "insight", "health", "launch")
)
