"""Prepare a data set for training or evaluation with verl: `python -m recipe.rlvr_math.data.prepare --dataset NAME --out DIR`.

Writes DIR/NAME.parquet and DIR/NAME.manifest.json. Each problem once, in the order of first appearance, with one prompt
template. Nothing is dropped silently: repeated rows, contradicting answers and long prompts are counted on the console and
in the manifest. A training problem with contradicting answers, or with one that is damaged, is dropped; a test set that has one
is refused, as its numbers could not be compared with anyone's. Prompts that are too long are named, and dropped only with
--drop-long (verl drops them in training if `data.filter_overlong_prompts` is set); the index of the others does not change.
Answers are written as published; those in which math-verify finds no expression can be met as text only, and are named. So are
the known traps of the data set, and problems that DIR's training and test files share.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from recipe.rlvr_math.data import data_sets, instructions, source, templates
from recipe.rlvr_math.data.data_files import sha256, write_data
from recipe.rlvr_math.data.golds import damage, same, text_only
from recipe.rlvr_math.data.overlap import report_siblings
from recipe.rlvr_math.data.problems import Conflict, Problem, distinct
from recipe.rlvr_math.data.traps import known_traps
from recipe.rlvr_math.reward.stated import FIELDS
from recipe.text.visible import visible


def main(arguments: list[str] | None = None) -> None:
    """Run the command. Ends with status 2 and one sentence for what is wrong with the input."""
    options = _parser().parse_args(arguments)
    try:
        prepare(options)
    except (ValueError, OSError, RuntimeError) as error:
        print(visible(f"error: {error}"), file=sys.stderr)
        raise SystemExit(2) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m recipe.rlvr_math.data.prepare", description=__doc__.split("\n\n")[0])
    parser.add_argument("--dataset", required=True, choices=data_sets.DATA_SETS)
    parser.add_argument("--out", required=True, type=Path, help="folder to write to")
    parser.add_argument("--source", help="another hub id, or a .parquet, .jsonl, .json or .csv file")
    parser.add_argument("--revision", help="commit, tag or branch on the hub; the default is pinned")
    parser.add_argument("--template", default="answer-line", choices=templates.TEMPLATES, help="the same for all data sets")
    parser.add_argument(
        "--published", metavar="TEXT", help="how the source's prompts are made, e.g. 'Solve: {problem}'; {problem} if bare"
    )
    parser.add_argument("--tokenizer", help="model folder or id, to count the tokens of the prompts")
    parser.add_argument("--max-prompt-tokens", type=int, metavar="N", help="data.max_prompt_length of the training")
    parser.add_argument("--drop-long", action="store_true", help="leave out prompts of more than N tokens")
    return parser


def prepare(options: argparse.Namespace) -> None:
    """Read, check and write. Raises ValueError, one sentence, for what is wrong with the input."""
    if bool(options.tokenizer) != bool(options.max_prompt_tokens) or (options.drop_long and not options.tokenizer):
        raise ValueError("--tokenizer and --max-prompt-tokens (and with them --drop-long) belong together; give both")
    data_set = data_sets.DATA_SETS[options.dataset]
    loaded = source.load(data_set, options.source, options.revision)
    rows, published = instructions.remove(loaded, options.published or data_set.published, options.published is not None)
    problems, conflicts = distinct(rows, same)
    if conflicts and not data_set.train:
        raise ValueError(f"{loaded.source}: the same problem has different answers, {_told(conflicts[0])}; remove all but one")
    if not problems:
        raise ValueError(
            f"{loaded.source}: every problem has contradicting answers, {_told(conflicts[0])}; give another source"
        )
    damaged = [problem for problem in problems if damage(problem.answer)]
    if damaged and not data_set.train:
        first = damaged[0]
        raise ValueError(
            f"{loaded.source}, row {first.row}: the answer {first.answer[:80]!r} {damage(first.answer)} ({len(damaged)} such "
            f"of {len(problems)}); mend or remove the row"
        )
    problems = [problem for problem in problems if not damage(problem.answer)]
    if not problems:
        raise ValueError(f"{loaded.source}: every answer is damaged, the first {damaged[0].answer[:80]!r}; give another source")
    long = _long(problems, options)
    dropped = set(long) if options.drop_long else set()
    split = "train" if data_set.train else "test"
    written = [
        {
            "data_source": data_set.data_source,
            "prompt": templates.messages(problem.text, options.template),
            "ability": "math",
            "reward_model": {"style": "rule", "ground_truth": problem.answer.strip()},
            "extra_info": {"split": split, "index": index, **asdict(problem.stated)},
        }
        for index, problem in enumerate(problems)
        if index not in dropped
    ]
    if not written:
        raise ValueError(f"every prompt has more than {options.max_prompt_tokens} tokens; raise --max-prompt-tokens")
    in_conflict = sum(conflict.count for conflict in conflicts)
    manifest = {
        "dataset": options.dataset,
        "source": loaded.source,
        "revision": loaded.revision,
        "source_sha256": sha256(Path(loaded.source)) if os.path.isfile(loaded.source) else None,
        "rows_before": loaded.rows_before,
        "rows_after": len(written),
        "outside_subset": loaded.left_out,
        "duplicates": loaded.rows_before - loaded.left_out - in_conflict - len(damaged) - len(problems),
        "conflicts": [{"rows": [row for row, _ in c.answers], "answers": [a for _, a in c.answers]} for c in conflicts],
        "rows_in_conflict": in_conflict,
        "damaged": [{"row": problem.row, "answer": problem.answer} for problem in damaged],
        "text_only": {str(i): problem.answer.strip() for i, problem in enumerate(problems) if text_only(problem.answer)},
        "stated": {
            name: count for name in FIELDS if (count := sum(getattr(problem.stated, name) is not None for problem in problems))
        },
        "not_understood": [{"row": row, "column": name, "value": value} for row, name, value in loaded.not_understood],
        "unused_columns": list(loaded.unused_columns),
        "known_traps": known_traps(options.dataset, problems),
        "template": options.template,
        "published_template": published,
        "tokenizer": options.tokenizer,
        "max_prompt_tokens": options.max_prompt_tokens,
        "long_prompts": {str(index): tokens for index, tokens in long.items()},
        "long_dropped": len(dropped),
        "versions": {name: version(name) for name in ("datasets", "math-verify")},
    }
    path = options.out / f"{options.dataset}.parquet"
    write_data(path, written, manifest)
    _report(path, manifest, conflicts, data_set.rows)
    report_siblings(path, split)


def _long(problems: list[Problem], options: argparse.Namespace) -> dict[int, int]:
    """Index -> tokens of the prompts that have too many."""
    if not options.tokenizer:
        return {}
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(options.tokenizer)
        texts = [
            tokenizer.apply_chat_template(
                templates.messages(problem.text, options.template), add_generation_prompt=True, tokenize=False
            )
            for problem in problems
        ]
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"--tokenizer {options.tokenizer} cannot be used ({reason}); give a model folder with a chat template"
        ) from None
    lengths = map(len, tokenizer(texts, add_special_tokens=False)["input_ids"])
    return {index: length for index, length in enumerate(lengths) if length > options.max_prompt_tokens}


def _told(conflict: Conflict) -> str:
    return ", ".join(f"{answer[:40]!r} in row {row}" for row, answer in conflict.answers[:3])


def _report(path: Path, manifest: dict, conflicts: list[Conflict], expected: tuple[int, ...] | None) -> None:
    print(f"{manifest['source']}" + (f" at {manifest['revision']}" if manifest["revision"] else ""))
    print(f"{manifest['rows_before']:,} rows")
    for number, what in (
        (manifest["outside_subset"], "outside of the subset left out"),
        (manifest["duplicates"], "repeated rows dropped"),
        (manifest["rows_in_conflict"], f"rows of {len(conflicts)} problems with contradicting answers dropped"),
        (len(manifest["damaged"]), "problems with a damaged answer dropped"),
        (manifest["long_dropped"], f"prompts of more than {manifest['max_prompt_tokens']} tokens dropped"),
    ):
        if number:
            print(f"-{number:,} {what}")
    print(f"{manifest['rows_after']:,} problems in {path} (template {manifest['template']})")
    if manifest["stated"]:
        print("stated beside the answer: " + ", ".join(f"{name} {count}" for name, count in manifest["stated"].items()))
    for trap in manifest["known_traps"]:
        where = f" (index {', '.join(map(str, trap['index'][:8]))}{', ...' if len(trap['index']) > 8 else ''})"
        print(f"known trap: {trap['kind']}: {trap['what']}{where if trap['index'] else ''}")
    for conflict in conflicts:
        print(f"warning: contradicting answers, {_told(conflict)}", file=sys.stderr)
    for name in ("damaged", "not_understood"):
        for entry in manifest[name][:5]:
            told = ", ".join(f"{key} {str(value)[:80]!r}" for key, value in entry.items())
            print(f"warning: {name.replace('_', ' ')}: {told}", file=sys.stderr)
    if manifest["text_only"]:
        some = ", ".join(f"{answer[:40]!r} (index {index})" for index, answer in list(manifest["text_only"].items())[:5])
        print(f"warning: {len(manifest['text_only'])} answers can be met as text only, as {some}", file=sys.stderr)
    if manifest["long_prompts"] and not manifest["long_dropped"]:
        names = ", ".join(list(manifest["long_prompts"])[:20])
        print(
            f"warning: {len(manifest['long_prompts'])} prompts have more than {manifest['max_prompt_tokens']} tokens (index "
            f"{names}); --drop-long leaves them out",
            file=sys.stderr,
        )
    if expected and manifest["rows_after"] not in expected:
        usual = " or ".join(map(str, expected))
        print(
            f"warning: {manifest['rows_after']} problems, where {usual} are usual; numbers on them compare with no one's",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
