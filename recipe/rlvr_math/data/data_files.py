"""Data files and their manifests. A killed run leaves the old file, or none, or the new one: never half of it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from recipe.files.whole import written_whole
from recipe.rlvr_math.reward.stated import FIELDS


def manifest_of(data: Path) -> Path:
    """FILE.manifest.json beside FILE.parquet."""
    return data.with_suffix(".manifest.json")


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_data(path: Path, rows: list[dict], manifest: dict) -> None:
    """Write verl's parquet file, then its manifest, to which the file's `sha256` is added."""
    from datasets import Dataset, Features, Value

    text, truth = Value("string"), Value("bool")
    # The same columns for every data set, so that verl can put several files together; empty where nothing is stated.
    stated = {name: truth if name == "is_multiple_answer" else text for name in FIELDS}
    features = Features(
        {
            "data_source": text,
            "prompt": [{"role": text, "content": text}],
            "ability": text,
            "reward_model": {"style": text, "ground_truth": text},
            "extra_info": {"split": text, "index": Value("int64"), **stated},
        }
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    manifest_of(path).unlink(missing_ok=True)  # the old one would be about another file
    with written_whole(path) as new:
        Dataset.from_list(rows, features=features).to_parquet(str(new))
    write_manifest(path, manifest | {"sha256": sha256(path)})


def write_manifest(data: Path, manifest: dict) -> None:
    """Write the manifest of a data file."""
    content = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    with written_whole(manifest_of(data)) as new:
        new.write_text(content, encoding="utf-8")
