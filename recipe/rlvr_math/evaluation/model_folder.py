"""From what `model=` names to a whole Hugging Face folder that can be served: training checkpoints are merged."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from recipe.files.whole import written_whole
from recipe.runs.checkpoints import newest_complete
from recipe.runs.preflight.model import read_weights
from recipe.text.visible import visible

_SUFFIXES = (".safetensors", ".bin", ".json", ".jinja", ".model", ".txt")
_SAMPLED = 1 << 20  # bytes at each end of a file that identify it


@dataclass(frozen=True)
class Model:
    """source: what was evaluated, resolved. folder: the Hugging Face folder that is served, the same or merged from it."""

    source: str
    folder: str


def find_model(path: str, out: str) -> Model:
    """Resolve `model=`; a training checkpoint is merged beside its shards, or below `out` where that cannot be written.

    path: a Hugging Face folder, .../global_step_N, .../global_step_N/actor, or a folder of checkpoints.

    Raises:
        ValueError: none of these, incomplete, or the merge failed.
    """
    root = Path(path).expanduser().resolve()
    if not root.is_dir():
        raise ValueError(
            f"model is {path}, which is no folder; fetch a model of the hub by hf download NAME --local-dir FOLDER"
        )
    if (root / "config.json").is_file():
        return Model(str(root), _complete(root))
    actor = _actor_folder(root)
    published = actor / "huggingface"
    if (published / "config.json").is_file() and not read_weights(str(published), tied=False)[1]:
        return Model(str(actor), _complete(published))  # the run was told to save the merged model, too
    return Model(str(actor), _complete(_merged(actor, Path(out).expanduser().resolve())))


def _actor_folder(root: Path) -> Path:
    if any(root.glob("global_step_*")):
        newest, broken = newest_complete(str(root))
        if newest is None:
            raise ValueError(f"no checkpoint in {root} is complete; name one as model={root}/global_step_N")
        for sentence in broken:
            print(visible(f"passed over: {sentence}"), file=sys.stderr)
        root = Path(newest)
    actor = root / "actor" if (root / "actor").is_dir() else root
    if not (actor / "fsdp_config.json").is_file():
        raise ValueError(
            f"{root} is neither a Hugging Face folder (config.json) nor an FSDP checkpoint (fsdp_config.json, or global_step_N "
            "below it); merge another kind with python -m verl.model_merger and give the merged folder"
        )
    ranks = json.loads((actor / "fsdp_config.json").read_text())["world_size"]
    shards = [actor / f"model_world_size_{ranks}_rank_{rank}.pt" for rank in range(ranks)]
    if missing := [shard.name for shard in shards if not shard.is_file()]:
        raise ValueError(
            f"the checkpoint {actor} lacks weights: {len(missing)} of {ranks} shards are missing, the first is {missing[0]}; "
            "copy them there from the nodes that wrote them"
        )
    if (actor / "lora_train_meta.json").is_file():
        raise ValueError(
            f"{actor} holds a LoRA adapter, which verl's merger leaves out of the model; merge it into the base model (peft's "
            "merge_and_unload) and give that folder"
        )
    return actor


def _merged(actor: Path, out: Path) -> Path:
    """The merged model; kept until a shard changes."""
    place = actor if os.access(actor, os.W_OK) else out
    place.mkdir(parents=True, exist_ok=True)
    target, stamp = place / "merged", place / "merged.json"
    made_of = {"actor": str(actor)} | {
        file.name: [file.stat().st_size, file.stat().st_mtime_ns] for file in sorted(actor.glob("model_world_size_*.pt"))
    }
    with FileLock(place / "merged.lock"):
        if target.is_dir() and stamp.is_file() and json.loads(stamp.read_text()) == made_of:
            return target
        for folder in (target, *place.glob("merged.*.part")):  # the latter of a merge that was killed
            shutil.rmtree(folder, ignore_errors=True)
        print(f"merging the shards in {actor} (bfloat16, as verl's merger saves) ...", file=sys.stderr)
        with written_whole(target) as new:
            options = ["--backend", "fsdp", "--local_dir", str(actor), "--target_dir", str(new)]
            command = [sys.executable, "-m", "verl.model_merger", "merge", *options]
            environment = os.environ | {"TORCH_FORCE_WEIGHTS_ONLY_LOAD": "1"}  # torch's switch: what is pickled is not run
            result = subprocess.run(
                command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
            )
            if result.returncode or read_weights(str(new), tied=False)[1]:
                log = place / "merged.log"
                log.write_text(result.stdout)
                last = (result.stdout.strip().splitlines() or ["no output"])[-1]
                raise ValueError(f"the checkpoint {actor} cannot be merged: {last} (all of it is in {log})")
            stamp.write_text(json.dumps(made_of))
    return target


def _complete(folder: Path) -> str:
    _, faults = read_weights(str(folder), tied=False)
    if faults:
        raise ValueError(f"the model folder is incomplete: in {folder} {faults[0]}")
    return str(folder)


def load_tokenizer(folder: str, trust_remote_code: bool, custom_chat_template: str | None):
    """The tokenizer, with its chat template or a custom one.

    Raises:
        ValueError: there is no tokenizer, or no chat template.
    """
    from transformers import AutoTokenizer

    reason = "its files are missing"
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust_remote_code, local_files_only=True)
    except Exception as error:  # its kinds differ between versions
        tokenizer, reason = None, (str(error).strip().splitlines() or [type(error).__name__])[0]
    # transformers 5 makes an empty tokenizer where there are no files.
    if tokenizer is None or not tokenizer("1")["input_ids"]:
        raise ValueError(f"the model folder is incomplete: no tokenizer can be loaded from {folder} ({reason})")
    tokenizer.chat_template = custom_chat_template or tokenizer.chat_template
    if not tokenizer.chat_template:
        raise ValueError(
            f"the tokenizer in {folder} has no chat template, which turns every prompt into text; take the instruction-tuned "
            "model's tokenizer, or set actor_rollout_ref.model.custom_chat_template"
        )
    return tokenizer


def check_context(folder: str, tokens: int, trust_remote_code: bool) -> None:
    """Raise ValueError if the model has fewer positions than `tokens`; RoPE that was scaled to have more is left to vLLM."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder, trust_remote_code=trust_remote_code, local_files_only=True).get_text_config()
    positions = getattr(config, "max_position_embeddings", None)
    rope = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    if positions and positions < tokens and rope.get("rope_type", "default") == "default":
        raise ValueError(
            f"the model has {positions:,} positions, fewer than the {tokens:,} tokens of max_prompt_tokens + "
            "max_response_tokens; lower one of them"
        )


def fingerprint(folder: str) -> str:
    """12 hex digits that change with the model: names, sizes and both ends of its files (reading all would take minutes)."""
    digest = hashlib.sha256()
    for path in sorted(Path(folder).iterdir()):
        if path.suffix not in _SUFFIXES or not path.is_file():
            continue
        size = path.stat().st_size
        digest.update(f"{path.name} {size}\n".encode())
        with path.open("rb") as file:
            digest.update(file.read(_SAMPLED))
            file.seek(max(0, size - _SAMPLED))
            digest.update(file.read(_SAMPLED))
    return digest.hexdigest()[:12]
