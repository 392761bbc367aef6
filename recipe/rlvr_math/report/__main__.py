"""Report evaluations: `python -m recipe.rlvr_math.report RUN [RUN ...] --out DIR`.

Reads evaluation folders (settings.json and <benchmark>.jsonl) and writes report.md, report.csv, pass_at_k.png and
pass_at_k.svg. Several runs are compared with the first one. The same input gives the same files.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from recipe.rlvr_math.report.evaluations import differences, load_run
from recipe.rlvr_math.report.summary import compare, estimates
from recipe.rlvr_math.report.tables import to_csv, to_markdown
from recipe.text.command_line import answered, warnings_as_sentences
from recipe.text.command_line import parser as parser_of

EXAMPLES = """
/runs/htpo/eval --out report/
/runs/dapo/eval /runs/htpo/eval --name dapo htpo --k 1 8 32 --out report/
"""


def report(
    folders: Sequence[Path],
    out: Path,
    names: Sequence[str] | None = None,
    ks: Sequence[int] | None = None,
    partial: bool = False,
) -> list[Path]:
    """Write a report of evaluation folders to `out`; returns the paths written.

    names: of the runs, by default the folders' names. ks: the k of pass@k and maj@k, by default powers of two and n. partial:
    accept unfinished evaluations. Warns of what readers must know; ValueError, one sentence, for wrong input.
    """
    names = list(names or (folder.resolve().name for folder in folders))
    if len(names) != len(folders):
        raise ValueError(f"--name has {len(names)} names for {len(folders)} runs; give one for each")
    if len(set(names)) < len(names):
        raise ValueError(f"two runs have the same name ({', '.join(names)}); tell them apart with --name")
    if ks and min(ks) < 1:
        raise ValueError(f"--k {min(ks)}: k must be at least 1")
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out {out} is a file; name a folder")

    runs = [load_run(folder, name, partial) for folder, name in zip(folders, names, strict=True)]
    differing = differences(runs)
    if differing:
        warnings.warn("the numbers of these runs are not comparable; they differ in " + "; ".join(differing), stacklevel=2)
    for lacking in (line for run in runs for line in run.unfinished):
        warnings.warn(f"unfinished: {lacking}", stacklevel=2)
    rows = [row for run in runs for row in estimates(run, ks)]
    comparisons = compare(runs, ks)

    from recipe.rlvr_math.report.plots import plot_pass_at_k  # imports matplotlib, after the input was checked

    out.mkdir(parents=True, exist_ok=True)
    images = plot_pass_at_k(rows, out / "pass_at_k")
    markdown, table = out / "report.md", out / "report.csv"
    markdown.write_text(to_markdown(runs, rows, comparisons, differing, images[0].name), encoding="utf-8")
    table.write_text(to_csv(rows), encoding="utf-8")
    return [markdown, table, *images]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Status 2 and one sentence on stderr for wrong input."""
    parser = parser_of("recipe.rlvr_math.report", __doc__, EXAMPLES)
    parser.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN", help="folder of an evaluation; others are compared with the first"
    )
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="where the report is written")
    parser.add_argument("--name", nargs="+", metavar="NAME", help="names of the runs (default: their folders' names)")
    parser.add_argument(
        "--k", nargs="+", type=int, metavar="K", help="the k of pass@k and maj@k (default: powers of two, and n)"
    )
    parser.add_argument("--partial", action="store_true", help="report unfinished evaluations, for k up to the smallest count")
    given = parser.parse_args(arguments)
    with warnings_as_sentences():
        return answered(lambda: "\n".join(map(str, report(given.runs, given.out, given.name, given.k, given.partial))))


if __name__ == "__main__":
    raise SystemExit(main())
