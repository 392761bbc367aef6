"""The demo's reward function, which misbehaves when the test says so."""

import json
import os
import time
import zlib
from pathlib import Path


def compute_score(data_source, solution_str, ground_truth, extra_info=None, **_):
    """As launch/demo/reward.py."""
    pred = solution_str.strip()
    acc = float(pred == str(ground_truth))
    result = {"score": acc, "acc": acc, "pred": pred}
    records = os.environ.get("HTPO_TEST_RECORDS")
    fault = Path(records or "", "reward_fault.json")
    if not records or not fault.exists() or not solution_str:  # an empty answer is what the launcher tries it with
        return result
    wanted = json.loads(fault.read_text())
    if zlib.crc32(f"{ground_truth} {solution_str}".encode()) % wanted.get("of", 1):
        return result
    Path(records, "reached").touch()
    match wanted["kind"]:
        case "hold":
            while not Path(records, "go").exists():
                time.sleep(0.1)
        case "raise":
            raise ZeroDivisionError("the reward function divides by zero")
        case "hang":
            time.sleep(100_000)
        case "nan":
            return result | {"score": float("nan")}
        case "type":
            return "0.5 or so"
        case "no acc":
            del result["acc"]
    return result
