"""The signs of all runs as the table of docs/metrics.md: `python -m recipe.runs.health.table`."""

from __future__ import annotations

import re

from recipe.runs.health.signs import SIGNS
from recipe.token_level.signs import Sign

HEAD = "| metric | warned of when | what it means | what to do | source |\n|---|---|---|---|---|\n"
_REPOSITORIES = {
    "verl": "verl-project/verl",
    "Entropy-Mechanism-of-RL": "PRIME-RL/Entropy-Mechanism-of-RL",
    "rllm": "rllm-org/rllm",
    "verl-omni": "verl-project/verl-omni",
    "vime": "vllm-project/vime",
    "open-instruct": "allenai/open-instruct",
    "ms-swift": "modelscope/ms-swift",
    "DanceGRPO": "XueZeyue/DanceGRPO",
    "VLM-R1": "om-ai-lab/VLM-R1",
    "autocontext": "greyhaven-ai/autocontext",
    "open-r1": "huggingface/open-r1",
}


def table() -> str:
    """The table in Markdown, a row for each of SIGNS."""
    return HEAD + "".join(_row(sign) for sign in SIGNS)


def _row(sign: Sign) -> str:
    when = f"{sign.limit.words(sign.shown)} ({sign.limit.of})"
    cells = (f"`{sign.metric}`", when, sign.meaning, sign.advice, _linked(sign.source))
    return f"| {' | '.join(cells)} |\n"


def _linked(source: str) -> str:
    source = re.sub(r"arXiv:([\d.]+\d)", r"[\1](https://arxiv.org/abs/\1)", source)
    return re.sub(r"\b([\w-]+)#(\d+)", lambda m: f"[{m[0]}](https://github.com/{_REPOSITORIES[m[1]]}/issues/{m[2]})", source)


if __name__ == "__main__":
    print(table(), end="")
