"""The arguments of a stand-in, as Hydra would have them."""

import os
import re
import sys


def given() -> dict[str, str]:
    """By key, with variables of the environment filled in."""
    filled = [re.sub(r"\$\{oc\.env:(\w+)\}", lambda name: os.environ[name[1]], argument) for argument in sys.argv[1:]]
    plain = [re.sub(r"'\$\{oc\.decode:(\w+)\}'", r"\1", argument) for argument in filled]
    return dict(argument.lstrip("+").split("=", 1) for argument in plain)
