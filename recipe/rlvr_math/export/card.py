"""The model card: README.md of the exported folder, made from the run's facts and its evaluations, and from nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recipe.rlvr_math.export.facts import Data, Facts
from recipe.rlvr_math.report.evaluations import SAMPLING, Run
from recipe.rlvr_math.report.summary import estimates
from recipe.rlvr_math.report.tables import DAGGER, cell, overview, table
from recipe.text.secret import masked_value

PAPERS = {"htpo": "https://arxiv.org/abs/2605.08283", "hapo": "https://arxiv.org/abs/2509.16591"}
_TRAINING = {
    "steps": None,
    "learning rate": "actor_rollout_ref.actor.optim.lr",
    "prompts a step": "data.train_batch_size",
    "responses to a prompt": "actor_rollout_ref.rollout.n",
    "responses' temperature": "actor_rollout_ref.rollout.temperature",
    "prompts in a mini-batch": "actor_rollout_ref.actor.ppo_mini_batch_size",
    "longest prompt, tokens": "data.max_prompt_length",
    "longest response, tokens": "data.max_response_length",
    "nodes": "trainer.nnodes",
    "GPUs of a node": "trainer.n_gpus_per_node",
    "data seed": "data.seed",
}


def model_card(facts: Facts, name: str, runs: Sequence[Run], base: str | None, model_license: str | None) -> str:
    """README.md. runs: evaluations, the model's own first; base: the start model's id on the hub, where it is known."""
    started = base or Path(facts.base).name or "an unknown model"
    method = facts.method.upper() or "a method that its run does not name"
    paper = f" ([paper]({PAPERS[facts.method]}))" if facts.method in PAPERS else ""
    parts = [
        f"---\n{_metadata(facts, name, runs, base, model_license)}\n---",
        f"# {cell(name)}",
        f"{cell(started)}, trained for {facts.step} steps with {cell(method)}{paper}, by reinforcement learning "
        "from verifiable rewards. This card was made from the run's files.",
        "## Training",
        _training(facts),
        _settings(facts),
        "## Data",
        _data(facts.data),
        "## Evaluation",
        *_evaluation(facts, runs),
        "## Use",
        _USE,
        "## Made with",
        _made_with(facts),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _metadata(facts: Facts, name: str, runs: Sequence[Run], base: str | None, model_license: str | None) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    measured = [
        EvalResult(
            task_type="text-generation",
            dataset_type=row.benchmark,
            dataset_name=row.benchmark,
            metric_type="accuracy",
            metric_name=f"mean@{row.k}",
            metric_value=round(row.value, 4),
        )
        for row in (estimates(runs[0], None) if runs else ())
        if row.metric == "mean@k" and row.benchmark in runs[0].benchmarks
    ]
    data = ModelCardData(
        base_model=base,
        datasets=sorted({data.hub_id for data in facts.data if data.hub_id}) or None,
        library_name="transformers",
        pipeline_tag="text-generation",
        license=model_license,
        tags=["reinforcement-learning", "rlvr", "verl", *([facts.method] if facts.method else [])],
        model_name=name if measured else None,
        eval_results=measured or None,
    )
    return data.to_yaml().strip()


def _training(facts: Facts) -> str:
    values = {label: facts.step if key is None else facts.of(key) for label, key in _TRAINING.items()}
    if facts.answers:
        values["reward"] = Path(facts.answers.get("reward") or "verl's own").name
        arguments = facts.answers.get("apply_chat_template_kwargs")
        values["arguments of the chat template"] = json.dumps(arguments) if arguments else None
    return table(["", ""], [[label, value] for label, value in values.items() if value is not None], left=2)


def _settings(facts: Facts) -> str:
    """What decides the objective, all of it, for whoever wants to do it again."""
    if not facts.settings:
        return ""
    kept = {key: masked_value(key, value) if isinstance(value, str) else value for key, value in facts.settings.items()}
    kept |= {key: Path(value).name for key, value in kept.items() if isinstance(value, str) and value.startswith("/")}
    lines = json.dumps(kept, indent=1, ensure_ascii=True).replace("`", "\\u0060").replace("<", "\\u003c")
    return f"<details><summary>The settings that decide the objective</summary>\n\n```json\n{lines}\n```\n\n</details>"


def _data(files: Sequence[Data]) -> str:
    if not files:
        return "The run's configuration is not kept with it, so that its data are not known."
    rows = [
        [file.name, *(_short(file.manifest.get(key)) for key in ("source", "revision", "rows_after", "template", "sha256"))]
        for file in files
    ]
    text = table(["file", "source", "revision", "problems", "template", "SHA-256"], rows, left=6)
    if any(not file.manifest for file in files):
        text += "\n\nA file with nothing beside its name has no manifest, or has changed since that was written."
    return text


def _short(value: Any) -> str:
    text = "" if value is None else str(value)
    return Path(text).name if text.startswith("/") else text[:12] if len(text) == 64 else text


def _evaluation(facts: Facts, runs: Sequence[Run]) -> list[str]:
    parts = []
    if runs:
        sampling = runs[0].settings["sampling"]
        said = ", ".join(f"{key} {sampling[key]}" for key in SAMPLING if key in sampling)
        shown = overview([row for run in runs for row in estimates(run, None)])
        parts += [
            shown + (f" {DAGGER}: all problems have the same value, which is not certainty." if DAGGER in shown else ""),
            f"Sampled with {cell(said)}; template {cell(runs[0].settings['template'])}; answers judged by "
            f"{cell(runs[0].settings['verifier'])}.",
        ]
    else:
        parts.append("No evaluation was given when this card was made.")
    if facts.validation:
        rows = [[key, f"{value:.4f}"] for key, value in sorted(facts.validation.items())]
        parts.append("The validation of the training itself, at this step:\n\n" + table(["metric", ""], rows, left=1))
    parts.append("Nothing else was measured: not safety, not other tasks, not other languages.")
    return parts


_USE = """\
Prompts are written with the tokenizer's chat template.

```python
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer, model = AutoTokenizer.from_pretrained("."), AutoModelForCausalLM.from_pretrained(".", dtype="auto")
prompt = tokenizer.apply_chat_template([{"role": "user", "content": "..."}], add_generation_prompt=True, tokenize=False)
print(tokenizer.decode(model.generate(**tokenizer(prompt, return_tensors="pt"), max_new_tokens=1024)[0]))
```"""


def _made_with(facts: Facts) -> str:
    version, commit = facts.code.get("version"), facts.code.get("commit")
    ours = f"verl-htpo {version or 'of an unknown version'}, {f'commit {commit}' if commit else 'commit not recorded'}"
    packages = (f"{name} {found}" for name, found in (facts.code.get("packages") or {}).items())
    return cell(", ".join([ours, *packages])) + "."
