"""The examples in the commands' help are what the commands take."""

import argparse
import importlib
import re
import shlex
import sys
import tomllib
from types import SimpleNamespace

import pytest

from recipe.commands import console
from recipe.commands.family import FAMILY, named
from recipe.commands.helps import help_of
from recipe.hapo.method import HAPO
from recipe.htpo.method import HTPO
from recipe.lab.__main__ import composed
from recipe.lab.settings import check
from recipe.runs.commands import compose, options_first
from tests import ROOT

METHODS = {"htpo-train": HTPO, "hapo-train": HAPO, "htpo": HTPO, "hapo": HAPO}
COMPOSED = ("htpo-train", "hapo-train", "token-rl-preflight", "token-rl-evaluate", "token-rl-lab")


def examples(text, name):
    """The arguments of each example of the command."""
    lines = text.split("examples:\n", 1)[1].split("\n\n")[0].replace("\\\n", " ").splitlines()
    found = [shlex.split(line) for line in lines if line.split()[:1] == [name]]
    assert found
    return [words[1:] for words in found]


def overrides(arguments):
    return [argument for argument in options_first(arguments) if "=" in argument]


@pytest.mark.parametrize("name", ["htpo-train", "hapo-train"])
def test_examples_of_training_compose(name):
    for arguments in examples(help_of(name), name):
        compose(METHODS[name], overrides(arguments))


def test_examples_of_the_preflight_compose():
    for method, *arguments in examples(help_of("token-rl-preflight"), "token-rl-preflight"):
        compose(METHODS[method], arguments)


def test_examples_of_the_lab_compose():
    for arguments in examples(help_of("token-rl-lab"), "token-rl-lab"):
        check(composed(arguments))


def test_examples_of_evaluations_compose(compose_evaluation):
    for arguments in examples(help_of("token-rl-evaluate"), "token-rl-evaluate"):
        compose_evaluation(*overrides(arguments))


def test_the_choices_are_those_of_the_folders():
    for method in ("htpo", "hapo"):
        presets = sorted(path.stem for path in (ROOT / "recipe" / method / "config/experiment").glob("*.yaml"))
        assert f"presets (+experiment=): {', '.join(presets)}, demo" in help_of(f"{method}-train")
    assert "protocols (+protocol=): hapo_paper, htpo_paper\n" in help_of("token-rl-evaluate")
    assert "tasks: countdown, graph, " in help_of("token-rl-lab")


class ParsedError(Exception):
    """The arguments were understood."""


@pytest.mark.parametrize("command", [command for command in FAMILY if command.name not in COMPOSED], ids=lambda c: c.name)
def test_examples_of_the_others_are_understood(command, monkeypatch, capsys):
    main = importlib.import_module(command.module).main
    monkeypatch.setattr(sys, "argv", [f"/somewhere/bin/{command.name}", "--help"])
    with pytest.raises(SystemExit):
        main()
    text = capsys.readouterr().out
    parse = argparse.ArgumentParser.parse_args

    def parsed(self, *given):
        parse(self, *given)
        raise ParsedError

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parsed)
    for arguments in examples(text, command.name):
        if "<" in arguments:  # the shell's
            arguments = arguments[: arguments.index("<")]
        sys.argv[1:] = arguments
        with pytest.raises(ParsedError):
            main()


def test_as_a_module_the_help_names_the_module(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["/checkout/recipe/insight/__main__.py", "--help"])
    with pytest.raises(SystemExit):
        importlib.import_module("recipe.insight.__main__").main()
    text = capsys.readouterr().out
    assert text.startswith("usage: python -m recipe.insight ")
    assert "\n  python -m recipe.insight /shared/runs/1 --out page/\n" in text


def test_each_command_of_the_family_has_an_entry_point():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert set(scripts) == {"token-rl", *(command.name for command in FAMILY)}
    for name, entry in scripts.items():
        module, _, function = entry.partition(":")
        assert callable(getattr(importlib.import_module(module), function)), name


def test_each_entry_point_calls_its_command(monkeypatch):
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    called = []
    module_of = SimpleNamespace(import_module=lambda name: SimpleNamespace(main=lambda: called.append(name)))
    monkeypatch.setattr(console, "importlib", module_of)
    for command in FAMILY:
        monkeypatch.setattr(sys, "argv", [command.name, "htpo"] if command.name == "token-rl-preflight" else [command.name])
        getattr(console, scripts[command.name].partition(":")[2])()
        assert called[-1] == command.module
    assert len(set(called)) == len(FAMILY)


@pytest.mark.parametrize(
    ("arguments", "module"),
    [
        (["hapo", "a=b"], "recipe.hapo.preflight"),
        (["examples.entropy_shaping", "a=b"], "examples.entropy_shaping.preflight"),
    ],
)
def test_the_preflight_is_the_methods_own(monkeypatch, arguments, module):
    called = []
    monkeypatch.setattr(console, "_run", lambda command, module="": called.append((module, sys.argv[1:])))
    monkeypatch.setattr(sys, "argv", ["token-rl-preflight", *arguments])
    console.preflight()
    assert called == [(module, ["a=b"])]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "takes the method first"),
        (["data.train_files=t"], "takes the method first"),
        (["--cfg", "job"], "takes the method first"),
        (["nope"], "there is no module recipe.nope.preflight"),
    ],
)
def test_what_the_preflight_does_not_take(monkeypatch, capsys, arguments, sentence):
    monkeypatch.setattr(sys, "argv", ["token-rl-preflight", *arguments])
    assert console.preflight() == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert sentence in error


def test_an_import_that_breaks_inside_of_a_package_is_no_missing_package(monkeypatch, tmp_path):
    (tmp_path / "broken_method.py").write_text("from json import nothing_of_that_name\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match="nothing_of_that_name"):
        console._run(named("token-rl-lab"), "broken_method")


def test_what_no_command_of_that_name_takes(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["token-rl", "train"])
    assert console.overview() == 2
    assert re.search(r"^error: token-rl takes no 'train'", capsys.readouterr().err)
