"""Problems that a training set shares with test sets: `python -m recipe.rlvr_math.data.overlap --train FILE --test FILE ...`.

Prompts of verl's parquet files are compared without their template, exactly and with case, white space, LaTeX spacing and
punctuation removed; a problem that was reworded is not found. Counts and ids (extra_info.index) are printed and written into
the files' manifests as `overlap`, as pairs train:test. `prepare` does this by itself for files of one folder.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from recipe.rlvr_math.data import data_sets
from recipe.rlvr_math.data.data_files import manifest_of, sha256, write_manifest
from recipe.rlvr_math.data.problems import shared
from recipe.rlvr_math.data.templates import PUBLISHED, strip
from recipe.text.command_line import answered
from recipe.text.command_line import parser as parser_of

EXAMPLES = "--train /data/dapo-math-17k.parquet --test /data/aime-2024.parquet /data/aime-2025.parquet"


def main(arguments: list[str] | None = None) -> int:
    """Run the command. Status 2 and one sentence for a file that cannot be read."""
    parser = parser_of("recipe.rlvr_math.data.overlap", __doc__, EXAMPLES)
    parser.add_argument("--train", required=True, type=Path)
    parser.add_argument("--test", required=True, type=Path, nargs="+")
    options = parser.parse_args(arguments)
    return answered(lambda: report(options.train, options.test))


def report(train: Path, tests: list[Path]) -> None:
    """Compare, print, and write into the manifests of both sides. Raises ValueError for a file that is not verl's."""
    problems, digest = problems_of(train), sha256(train)
    overlap = {}
    for test in tests:
        others = problems_of(test)
        pairs = shared(problems, others)
        overlap[test.stem] = {"sha256": sha256(test), "problems": len(others), **pairs}
        found = {identity for kind in pairs.values() for _, identity in kind}
        print(f"{test.stem}: {len(found)} of {len(others)} problems are in {train.name}")
        for kind, both in pairs.items():
            if both:
                print(f"  {kind}: {len(both)}, train:test " + " ".join(f"{one}:{other}" for one, other in both))
        _note(test, {train.stem: {"sha256": digest, "problems": len(problems), **pairs}})
    if not _note(train, overlap):
        print(f"{train} has no manifest; nothing was written", file=sys.stderr)


def report_siblings(written: Path, split: str) -> None:
    """`report` on a file that `prepare` has just written and those of the other split beside it."""
    others = []
    for manifest in sorted(written.parent.glob("*.manifest.json")):
        other = manifest.with_name(manifest.name.removesuffix(".manifest.json") + ".parquet")
        try:
            known = data_sets.DATA_SETS.get(json.loads(manifest.read_text(encoding="utf-8"))["dataset"])
        except (ValueError, RecursionError, KeyError, TypeError):
            continue  # somebody else's
        if known and other.is_file() and known.train != (split == "train"):
            others.append(other)
    if others and split == "train":
        report(written, others)
    for other in others if split == "test" else ():
        report(other, [written])


def _note(data: Path, overlap: dict) -> bool:
    """Add to the `overlap` of a file's manifest; False if it has none."""
    if not manifest_of(data).is_file():
        return False
    manifest = json.loads(manifest_of(data).read_text(encoding="utf-8"))
    write_manifest(data, manifest | {"overlap": manifest.get("overlap", {}) | overlap})
    return True


def problems_of(path: Path) -> dict[str, str]:
    """Id -> problem of a parquet file in verl's format, without a template that this project knows."""
    import pyarrow.parquet as parquet

    if not path.is_file():
        raise ValueError(f"{path} does not exist; give a parquet file that `prepare` wrote")
    try:
        rows = parquet.read_table(path, columns=["prompt", "extra_info"]).to_pylist()
        return {str(row["extra_info"]["index"]): _problem(row["prompt"]) for row in rows}
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        raise ValueError(
            f"{path} is not a parquet file with verl's prompt and extra_info.index; make it with `prepare`"
        ) from None


def _problem(prompt: list[dict]) -> str:
    text = next(message["content"] for message in prompt if message["role"] == "user")
    return next((problem for form in PUBLISHED if (problem := strip(text, form)) is not None), text)


if __name__ == "__main__":
    raise SystemExit(main())
