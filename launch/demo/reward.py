"""The demo's verifier, in the form of verl's `reward.custom_reward_function`."""


def compute_score(data_source, solution_str, ground_truth, extra_info=None, **_):
    """Return the reward `score` and the verdict `acc`, 1.0 if the answer `pred` is the sum and nothing else, else 0.0."""
    pred = solution_str.strip()
    acc = float(pred == str(ground_truth))
    return {"score": acc, "acc": acc, "pred": pred}
