"""Folders of runs made up for tests, with the names of metrics and the columns that training writes."""

import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from recipe.hapo import display as hapo
from recipe.htpo import display as htpo
from recipe.htpo.objectives import GROUPS

CONFIG = {
    "actor_rollout_ref": {"actor": {"optim": {"lr": 1e-6}}, "rollout": {"n": 8}},
    "htpo": {"difficulty_threshold": 0.6, "objectives": {"hard_correct_high": {"loss": "encourage"}}},
    "data": {"train_files": ["a.parquet", "b.parquet"]},
}
HTPO = {"format": 1, "method": "htpo", "groups": list(GROUPS), "clip_ratio_low": 0.2, "clip_ratio_high": 0.28, "model": "m"}
STEPS = tuple(range(1, 41))
HAPO = HTPO | {"method": "hapo", "groups": ["low_entropy", "high_entropy"]}
DISPLAYS = {"htpo": htpo.DISPLAY, "hapo": hapo.DISPLAY}


def step_metrics(step, method="htpo", shift=0.0):
    """What a step logs: verl's names and the method's."""
    progress = 1 - math.exp(-step / 200)
    wave = math.sin(step * 0.7) * 0.03 + shift
    data = {
        "critic/score/mean": 0.3 + 0.5 * progress + wave,
        "actor/entropy": 1.2 - 0.7 * progress + wave,
        "actor/grad_norm": 0.5 + wave,
        "actor/pg_loss": 0.01,
        "response_length/mean": 900 + 3000 * progress,
        "response_length/clip_ratio": 0.1 * progress,
        "perf/throughput": 1500 + 100 * wave,
        "timing_s/step": 60.0,
        **{f"timing_s/{name}": x for name, x in (("gen", 30.0), ("old_log_prob", 6.0), ("adv", 1.0), ("update_actor", 18.0))},
        **{"timing_s/token_partition": 0.5, "timing_s/update_weights": 2.0, "training/global_step": step},
    }
    if step % 20 == 0:
        data |= {"val-core/aime-2024/acc/mean@32": 0.1 + 0.3 * progress + shift, "timing_s/testing": 25.0}
    if method == "htpo":
        data |= {"htpo/hard_prompt_share": 0.7 - 0.4 * progress, "htpo/correct_share": 0.3 + 0.4 * progress}
    parts = GROUPS if method == "htpo" else ("low_entropy", "high_entropy")
    for i, part in enumerate(parts):
        data[f"{method}/{part}/token_share"] = 1 / len(parts)
        if method == "htpo" and i == 6 and step % 50 < 10:
            continue  # an empty group logs its share only
        data[f"{method}/{part}/outside_clip_share"] = 0.02 * (i + 1)
        data[f"{method}/{part}/loss"] = (-1) ** i * 0.1 * (i + 1)
        kinds = {"entropy": 0.1 * (i + 1), "detached_share": 0.02 if i in (0, 5) else 0.0}
        data |= {f"{method}/{part}/{k}": x for k, x in (kinds if method == "htpo" else {"redistributed_share": 0.3}).items()}
    return data


def write_metrics(path, steps, **options):
    """Only what the page reads and a little more, so that long runs are quick to make."""
    lines = [json.dumps({"step": step, "data": step_metrics(step, **options)}) for step in steps]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def write_run(folder, steps=STEPS, config=CONFIG, overrides=("htpo.difficulty_threshold=0.6",), display="its own", **options):
    """A run without token dumps; `config=None` leaves its configuration out, `display=None` what it says of its method."""
    write_metrics(folder / "metrics-000.jsonl", steps, **options)
    if display is not None:
        found = DISPLAYS[options.get("method", "htpo")] if display == "its own" else display
        (folder / "display.json").write_text(found.to_json())
    if config is not None:
        place = folder / "hydra/.hydra"
        place.mkdir(parents=True)
        (place / "config.yaml").write_text(yaml.safe_dump(config))
        (place / "overrides.yaml").write_text(yaml.safe_dump(list(overrides)))
    return folder


def response(step=1, tokens=("so", " 4", "2", "\n"), acc=1.0, solve_rate=0.25, method="htpo", **changed):
    """A row of a dump. The first token is certain, the second at a fork and outside the clip range."""
    n = len(tokens)
    low, high = (1, 2) if acc else (3, 4)
    if solve_rate >= 0.6:
        low, high = low + 4, high + 4
    entropy = np.where(np.arange(n) % 3 == 1, 1.7, 0.02)
    split = np.where(entropy > 1, high, low)
    split[:1] *= -1
    record = {
        "step": step,
        "prompt_id": "p0",
        "session": 0,
        "data_source": "math",
        "prompt": "What is 6 x 7?",
        "ground_truth": "42",
        "acc": acc,
        "reward": acc,
        "solve_rate": solve_rate,
        "token": list(tokens),
        "token_id": list(range(n)),
        "entropy": entropy.tolist(),
        "advantage": [1.5 if acc else -0.5] * n,
        "ratio": np.where(entropy > 1, 1.4, 1.0).tolist(),
        "old_log_prob": (-entropy).tolist(),
        **({"group": split.tolist()} if method == "htpo" else {"score": np.where(entropy > 1, 0.8, -0.6).tolist()}),
    }
    return record | changed


def verdict(step=1, **changed):
    """A row of a sample of verdicts: one that is judged right."""
    record = {
        **{"step": step, "session": 0, "prompt_id": "p0", "data_source": "math", "acc": 1.0, "disagreement": ""},
        **{"ground_truth": "42", "pred": "42", "details": '{"score": 1.0}', "prompt": "What is 6 x 7?"},
        "response_end": "So it is 42.",
    }
    return record | changed


def write_verdicts(folder, step, records, about=None):
    """A sample; about: what its metadata say, counted from the records by default."""
    kinds = ("equal but wrong", "right but different", "timeout")
    found = [record["disagreement"] for record in records]
    counted = {"format": 1, "responses": len(records), "disagreements": {kind: found.count(kind) for kind in kinds}}
    table = pa.Table.from_pylist(records)
    path = folder / f"tokens/verdicts_{step}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata({"verdicts": json.dumps(counted if about is None else about)}), path)
    return path


def dump_schema(method="htpo"):
    texts = {name: pa.string() for name in ("prompt_id", "data_source", "prompt", "ground_truth")}
    floats = {name: pa.list_(pa.float32()) for name in ("entropy", "advantage", "ratio", "old_log_prob")}
    return pa.schema(
        {
            **{"step": pa.int32(), "session": pa.int32()},
            **texts,
            **{name: pa.float32() for name in ("acc", "reward", "solve_rate")},
            **{"token": pa.list_(pa.string()), "token_id": pa.list_(pa.int32())},
            **floats,
            **({"group": pa.list_(pa.int8())} if method == "htpo" else {"score": pa.list_(pa.float32())}),
        }
    )


def write_dump(folder, step, records, description=HTPO, schema=None):
    schema = schema or dump_schema(description["method"] if description else "htpo")
    if description is not None:
        schema = schema.with_metadata({"token_dump": json.dumps(description)})
    path = folder / f"tokens/step_{step}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(records, schema=schema), path, compression="zstd")
    return path
