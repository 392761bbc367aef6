"""Reinforcement learning with verifiable rewards on a laptop, in one process: `python -m recipe.lab method=htpo task=sums`.

A tiny transformer, batched sampling, tasks of which one can choose difficulty and length, and the same functions of the
algorithms that the plug-ins for verl call. Needs torch, NumPy and Hydra; neither verl nor Ray nor vLLM.

    config/         lab.yaml, and groups `method` and `task`
    settings.py     from the composed config to the parts of a run
    tasks/          problems, their verifier, demonstrations for the warm start
    policy.py       the model, several seeds side by side
    rollout.py      sampling, and the log-probs and entropies of what was sampled
    warm_start.py   the model that all runs of a task begin with
    temperature.py  adaptive temperatures for the next step's rollouts
    collect.py      a step's batch, with dynamic sampling and staleness
    objectives.py   a method's advantages, token fields and losses; verl_losses.py: verl's own losses, where it is installed
    update.py       a step's mini-batches
    evaluate.py     mean@k, pass@k
    train.py        the loop
"""
