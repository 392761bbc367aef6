"""Export a checkpoint for the hub: `python -m recipe.rlvr_math.export CHECKPOINT --out DIR`.

Writes a folder that transformers and vLLM load and that can be uploaded as it is (hf upload NAME DIR): weights, merged from the
shards, tokenizer, and README.md, a model card with data, method, steps, settings, evaluation and commit, made from the run's
files, without local folders and secrets. CHECKPOINT is .../global_step_N, or the folder of a run's checkpoints, of which the
newest complete one is taken.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from recipe.files.whole import written_whole
from recipe.text.command_line import answered, warnings_as_sentences
from recipe.text.command_line import parser as parser_of

EXAMPLES = """
/shared/runs/1/checkpoints --out exported --evaluation /shared/runs/1/eval
runs/1/checkpoints/global_step_200 --out exported --evaluation eval/200 --baseline eval/base --base-model Qwen/Qwen3-8B-Base
"""


def export(
    checkpoint: str,
    out: Path,
    evaluation: Path | None = None,
    baselines: Sequence[Path] = (),
    base_model: str | None = None,
    model_license: str | None = None,
    name: str | None = None,
) -> Path:
    """Write the folder `out` and return it. ValueError, one sentence, for wrong input."""
    from recipe.rlvr_math.evaluation.model_folder import find_model
    from recipe.rlvr_math.export.card import model_card
    from recipe.rlvr_math.export.facts import facts_of
    from recipe.rlvr_math.report.evaluations import load_run

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"--out {out} is there already; name another folder, or remove it")
    if baselines and not evaluation:
        raise ValueError("--baseline is compared with --evaluation; give both")
    out = out.absolute()
    name = name or out.name
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as elsewhere:  # for a checkpoint beside which nothing can be written
        model = find_model(checkpoint, elsewhere)
        if model.source == model.folder:
            raise ValueError(f"{checkpoint} is a Hugging Face folder already; give a checkpoint of a run, .../global_step_N")
        facts = facts_of(Path(model.source))
        runs = [load_run(evaluation, name)] if evaluation else []
        if runs:
            _check_is_of(runs[0].settings, evaluation, model)
        runs += [load_run(folder, folder.resolve().name) for folder in baselines]
        card = model_card(facts, name, runs, base_model or facts.base_on_hub, model_license)
        with written_whole(out) as new:
            shutil.copytree(model.folder, new)
            (new / "README.md").write_text(card, encoding="utf-8")
    return out


def _check_is_of(settings: dict, folder: Path, model) -> None:
    from recipe.rlvr_math.evaluation.model_folder import fingerprint

    if settings.get("model_files") != fingerprint(model.folder):
        raise ValueError(
            f"{folder} is an evaluation of {settings['model']}, not of {model.source}; evaluate that checkpoint, or give this "
            "one as --baseline"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Status 2 and one sentence on stderr for wrong input."""
    parser = parser_of("recipe.rlvr_math.export", __doc__, EXAMPLES)
    parser.add_argument("checkpoint", metavar="CHECKPOINT")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="a new folder")
    parser.add_argument("--evaluation", type=Path, metavar="DIR", help="folder of an evaluation of this checkpoint")
    parser.add_argument(
        "--baseline", type=Path, nargs="+", default=[], metavar="DIR", help="evaluations of other models, for the table"
    )
    parser.add_argument("--base-model", metavar="ID", help="the start model on the hub, if the run had it from a folder")
    parser.add_argument("--license", metavar="ID", help="the model's license, as the hub names it (default: not stated)")
    parser.add_argument("--name", help="the model's name (default: that of DIR)")
    given = parser.parse_args(arguments)
    run = (given.checkpoint, given.out, given.evaluation, given.baseline, given.base_model, given.license, given.name)
    with warnings_as_sentences():
        return answered(lambda: export(*run))


if __name__ == "__main__":
    raise SystemExit(main())
