"""Make the demo's data set in verl's format: `python -m launch.demo.make_data OUT_DIR`.

Training: 4,096 single-digit sums from a seed. Validation: all 100 of them once.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import datasets

from recipe.rlvr_math.data.data_files import write_data

PAIRS = [(a, b) for a in range(10) for b in range(10)]


def row(index: int, a: int, b: int, split: str) -> dict:
    """One prompt with the columns that verl reads."""
    return {
        "data_source": "single_digit_sum",
        "prompt": [{"role": "user", "content": f"{a}+{b}=?"}],
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": str(a + b)},
        "extra_info": {"split": split, "index": index},
    }


def main(out: str) -> None:
    """Write train.parquet and val.parquet into `out`."""
    rng = random.Random(1)
    folder = Path(out)
    train = [row(i, *rng.choice(PAIRS), "train") for i in range(4096)]
    val = [row(i, a, b, "test") for i, (a, b) in enumerate(PAIRS)]
    datasets.disable_progress_bars()
    for name, rows in (("train", train), ("val", val)):
        write_data(folder / f"{name}.parquet", rows, {"dataset": "single-digit sums", "template": "{problem}"})
    print(f"{folder}: {len(train)} training and {len(val)} validation prompts")


if __name__ == "__main__":
    main(sys.argv[1])
