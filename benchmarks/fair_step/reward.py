"""Right or wrong by the response alone, with a rate that depends on the prompt, so that some are hard."""

import zlib


def compute_score(data_source, solution_str, ground_truth, extra_info=None, **_):
    """verl's reward function: `score`, and the verdict `acc`."""
    rate = 0.1 + 0.1 * (zlib.crc32(str(ground_truth).encode()) % 9)
    acc = float(zlib.crc32(solution_str.encode()) % 1000 < 1000 * rate)
    return {"score": acc, "acc": acc, "pred": ""}
