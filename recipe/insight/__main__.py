"""Show what a token-level objective did: `python -m recipe.insight RUN [RUN ...] --out DIR` writes DIR/index.html.

Reads what training left in the runs' folders: metrics*.jsonl, display.json (what the method says of its groups and
metrics), hydra/.hydra, tokens/step_*.parquet and tokens/verdicts_*.parquet; needs no GPU. The page has everything in it, also
whole configurations and responses, and loads nothing: open it from disk, send it as one file.

--serve shows it in a browser of this machine instead, anew as training goes on, until Ctrl-C; from elsewhere by
`ssh -L PORT:127.0.0.1:PORT HOST`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from recipe.files.whole import written_whole
from recipe.insight.dumps import TOKENS
from recipe.insight.page import page
from recipe.insight.runs import load_runs, named
from recipe.insight.serve import make_server
from recipe.text.command_line import answered
from recipe.text.command_line import parser as parser_of

EXAMPLES = """
/shared/runs/1 --out page/
/shared/runs/1 /shared/runs/2 --name before after --out page/
/shared/runs/1 --serve 8800
"""


def write_report(folders: Sequence[Path], out: Path, names: Sequence[str] | None = None, tokens: int = TOKENS) -> Path:
    """Write the page of runs to `out`/index.html and return its path. ValueError, one sentence, for wrong input."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out {out} is a file; name a folder")
    html = page(load_runs(folders, names, tokens))
    out.mkdir(parents=True, exist_ok=True)
    path = out / "index.html"
    with written_whole(path) as new:
        new.touch(mode=0o600, exist_ok=False)  # it holds responses and a whole configuration; no link of others is followed
        new.write_text(html, encoding="utf-8", newline="\n")
    return path


def serve(folders: Sequence[Path], port: int, names: Sequence[str] | None = None, tokens: int = TOKENS) -> None:
    """Serve the page of runs until Ctrl-C. ValueError, one sentence, for wrong input; a run may have no metrics yet."""
    named(folders, names)
    server, address = make_server(folders, lambda state: page(load_runs(folders, names, tokens), state), port)
    print(f"{address}\nonly this machine can open it; Ctrl-C ends it", flush=True)
    with server, suppress(KeyboardInterrupt):
        server.serve_forever()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Status 2 and one sentence on stderr for wrong input."""
    parser = parser_of("recipe.insight", __doc__, EXAMPLES)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of a training run")
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--out", type=Path, metavar="DIR", help="where index.html is written")
    place.add_argument("--serve", type=int, metavar="PORT", help="show it at a port of this machine, 0 for any")
    parser.add_argument("--name", nargs="+", metavar="NAME", help="names of the runs (default: their folders' names)")
    parser.add_argument(
        "--tokens", type=int, default=TOKENS, metavar="N", help=f"of each run in the token view, at most (default: {TOKENS})"
    )
    given = parser.parse_args(arguments)

    def show() -> str | None:
        if given.serve is not None:
            return serve(given.runs, given.serve, given.name, given.tokens)
        path = write_report(given.runs, given.out, given.name, given.tokens)
        return f"{path} ({path.stat().st_size / 1e6:.1f} MB)"

    return answered(show)


if __name__ == "__main__":
    raise SystemExit(main())
