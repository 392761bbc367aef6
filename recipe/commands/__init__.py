"""The console commands of an installed wheel: one family, each of which only calls the module that does the work.

family.py    the list: name, module, what of pyproject.toml's extras it needs
console.py   their entry points, and `token-rl`, which lists them
helps.py     the help of those that Hydra composes; the others have argparse's own
working.py   `token-rl-launch`, which writes the launchers and what travels with a job into a folder

Nothing here imports what is heavy before a command runs: each `--help` takes a fraction of a second. In a wheel, `launchers/`
with the files of `launch` lies beside these.
"""
