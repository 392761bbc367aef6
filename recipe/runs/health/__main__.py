"""What the signs of all runs say of one that is over or that another verl wrote: `python -m recipe.runs.health RUN`.

RUN: a folder with `metrics*.jsonl`, files of verl's `file` logger.
"""

from __future__ import annotations

from pathlib import Path

from recipe.files.metrics import read_metrics
from recipe.runs.health.log import HealthLog
from recipe.text.command_line import parser as parser_of
from recipe.text.visible import visible


def main(arguments: list[str] | None = None) -> None:
    """Print the sentences on stderr, as a run does, and how many steps there were on stdout."""
    parser = parser_of("recipe.runs.health", __doc__, "/shared/runs/1")
    parser.add_argument("run", type=Path, metavar="RUN")
    folder = parser.parse_args(arguments).run
    try:
        steps = read_metrics(folder)
    except (OSError, ValueError) as error:
        parser.error(visible(str(error)))
    if not steps:
        parser.error(visible(f"{folder} has no metrics*.jsonl with a step in it"))
    log = HealthLog(())
    for step, metrics in steps.items():
        log.log(metrics, step)
    begun = [watch.began for watch in log.watches if watch.began is not None]
    print(f"{len(steps)} steps; not over: {len(begun)}")


if __name__ == "__main__":
    main()
