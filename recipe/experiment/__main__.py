"""Run an experiment to its table: `python -m recipe.experiment FILE --folder DIR [--backend local|ray|slurm]`.

FILE is an experiment file, or the name of one of the papers'. Its stages are: prepare data; train, evaluate and, if asked,
export each arm with each seed; report. Each is done once. Begun again, the command goes on where it stopped, and says in one
sentence what has changed since. --dry-run prints every command that is still to come.

local: one after the other on this machine. ray: those that need GPUs as jobs of a Ray cluster, by launch/submit.sh. slurm: as
arrays of jobs that depend on each other, by launch/slurm/train.sbatch. All nodes and this machine must see DIR.

Exit status: 0, all is done; 2, something given is wrong; that of the stage that has not ended well; with Slurm 1 if a stage has
failed there.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from recipe.experiment.costs import disk, gpu_hours
from recipe.experiment.definition import Experiment, find_file, read_experiment
from recipe.experiment.in_turn import Here, Ray, run_in_turn
from recipe.experiment.kept import Records
from recipe.experiment.on_slurm import Slurm, after_arrays, before_arrays
from recipe.experiment.progress import table
from recipe.experiment.stages import Layout, Stage, stages
from recipe.experiment.table import write_table
from recipe.runs.secret_checks import check_overrides
from recipe.text.command_line import parser as parser_of
from recipe.text.visible import in_log, visible

EXAMPLES = """
hapo_qwen3_8b_base --folder /shared/hapo-8b --steps 300 --dry-run
mine.yaml --folder /shared/mine --backend slurm
mine.yaml --folder /shared/mine --backend ray --address http://head:8265 --train trainer.nnodes=2
mine.yaml --folder /shared/mine --status
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = parser_of("recipe.experiment", __doc__, EXAMPLES)
    parser.add_argument("file", metavar="FILE", help="an experiment file, or the name of one of the papers'")
    parser.add_argument("--folder", type=Path, metavar="DIR", required=True, help="where everything is written")
    parser.add_argument("--backend", choices=("local", "ray", "slurm"), default="local", help="default: local")
    parser.add_argument("--dry-run", action="store_true", help="print the commands that are still to come, and run nothing")
    parser.add_argument("--status", action="store_true", help="say how far it is and what is missing, and run nothing")
    parser.add_argument("--steps", type=int, metavar="N", help="training steps of each run, where the file does not say")
    parser.add_argument("--address", metavar="URL", help="ray: the job server, as for launch/submit.sh")
    parser.add_argument(
        "--no-wait", action="store_true", help="slurm: send the jobs and return; the same command goes on later"
    )
    parser.add_argument("--no-preflight", action="store_true", help="train without the preflight before it")
    for kind in ("train", "evaluate"):
        parser.add_argument(f"--{kind}", nargs="+", default=[], metavar="KEY=VALUE", help=f"overrides of each {kind} stage")
    given = parser.parse_args(arguments)
    try:
        return _run(given)
    except (ValueError, OSError) as error:
        print(visible(f"error: {error}"), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on", file=sys.stderr)
        return 130


def _run(given) -> int:
    experiment = read_experiment(find_file(given.file))
    if given.steps is not None:
        if given.steps < 1:
            raise ValueError(f"--steps is {given.steps}; give at least 1")
        experiment = replace(experiment, steps=given.steps)
    if experiment.steps is None:
        raise ValueError(f"{given.file} does not say how many steps a run trains: give --steps N")
    layout = Layout(Path(os.path.abspath(given.folder)), tuple(given.train), tuple(given.evaluate))
    all_stages = stages(experiment, layout)
    check_overrides(argument for stage in all_stages for argument in stage.arguments)
    records = Records(layout.folder, all_stages)
    records.check_unchanged()
    preflight = not given.no_preflight
    if given.backend == "slurm":
        slurm = Slurm(experiment, layout, _project(), preflight)
        return _on_slurm(given, slurm, all_stages, records)
    options = [*(["--address", given.address] if given.address else []), *([] if preflight else ["--no-preflight"])]
    ray = given.backend == "ray"
    backend = Ray(experiment.name, _project() / "launch/submit.sh", tuple(options)) if ray else Here(preflight)
    if given.status:
        print(table(all_stages, records))
        return 0
    if given.dry_run:
        _print_costs(experiment, all_stages)
        for stage in all_stages:
            if not records.is_done(stage):
                for command in backend.commands(stage, backend.job_of(stage, 1)):
                    print(shlex.join(command))
        return 0
    return _finished(experiment, layout, all_stages, records, run_in_turn(all_stages, records, layout, backend, _say))


def _on_slurm(given, slurm: Slurm, all_stages: list[Stage], records: Records) -> int:
    here = Here()
    first, last = before_arrays(all_stages), after_arrays(all_stages)
    if given.dry_run:
        _print_costs(slurm.experiment, all_stages)
        commands = [[shlex.join(each) for each in here.commands(s, None)] for s in first if not records.is_done(s)]
        print(*(line for lines in commands for line in lines), *slurm.dry_run(all_stages, records), sep="\n")
        print("# when all have ended:")
        print(*(shlex.join(each) for s in last if not records.is_done(s) for each in here.commands(s, None)), sep="\n")
        return 0
    if given.status:
        print(table(all_stages, records, slurm.in_queue(all_stages, records)[1]))
        return 0
    if status := run_in_turn(first, records, slurm.layout, here, _say):
        return status
    slurm.send(all_stages, records, slurm.in_queue(all_stages, records)[0], _say)
    if given.no_wait:
        _say("the jobs are sent; the same command without --no-wait waits for them and makes the report")
        return 0
    if failed := slurm.wait(all_stages, records, _say):
        names = ", ".join(stage.name for stage in failed)
        _say(f"error: Slurm has ended without {names}; see {slurm.layout.folder}/logs, the same command sends them again")
        return 1
    status = run_in_turn(last, records, slurm.layout, here, _say)
    return _finished(slurm.experiment, slurm.layout, all_stages, records, status)


def _finished(experiment: Experiment, layout: Layout, all_stages: list[Stage], records: Records, status: int) -> int:
    """The table, if all is done, else what is missing."""
    if status:
        _say(table(all_stages, records))
        return status
    print(*write_table(experiment, layout, all_stages), sep="\n")
    return 0


def _print_costs(experiment: Experiment, all_stages: list[Stage]) -> None:
    runs = f"{len(experiment.arms)} arms x {len(experiment.seeds)} seeds, {experiment.steps} steps each"
    costs = [runs, disk(experiment), *gpu_hours(all_stages, experiment.steps), *(f"differs: {s}" for s in experiment.differs)]
    print(*(f"# {line}" for line in costs), sep="\n")


def _project() -> Path:
    """The folder with the launchers: the one that this is called in, or the checkout that it is a part of."""
    for place in (Path.cwd(), Path(__file__).resolve().parents[2]):
        if (place / "launch/submit.sh").is_file():
            return place
    raise ValueError("there is no launch/ here; call it in a checkout, or in a folder that token-rl-launch has written")


def _say(text: str) -> None:
    with suppress(BrokenPipeError):
        print(in_log(text), file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
