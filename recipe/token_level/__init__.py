"""What token-level objectives on verl have in common: per-token fields that travel from the driver to the policy loss.

verl 0.9.1 calls a registered policy loss with log-probs, advantages and the response mask, and a registered advantage
estimator with rewards and prompt ids. A token-level method needs more: entropies and the verifier's verdict in the
estimator, its own per-token fields in the loss. The modules here carry them over verl's extension points:

    trainer.py       a trainer that hands the estimator its inputs and sends what it computes with the batch
    loss.py          a loss wrapper that puts the fields within reach of the registered policy loss
    context.py       the two objects that are handed over
    launch.py        the entry point: environment, checks, verl's driver
    prepare.py       the checks before Ray starts, for the launcher and the preflight
    validate.py      checks of the composed config, and inputs.py of what it names, each ending in one sentence
    recovery.py      the trainer's part in stopping and resuming
    stopping.py      how a run is asked to save and end
    checkpoints.py   which checkpoints are complete
    run_folder.py    where a run keeps its metrics and token dumps
    watchdog.py      ends a run that hangs and names who does, with processes.py, which looks at them on their nodes
    reward.py        verl's reward function, loaded and called, for checks and evaluations
    nodes.py         a function run on each node of the Ray cluster
    rows.py          which rows are of one session and one prompt
    settings.py      from config nodes to typed settings
    clip_metrics.py  the metrics of verl's own loss, for a clip range of the method's own
    verdicts.py      the verifier's verdicts, and what they say of a step's prompts
    console.py       a step's line on the console
    health.py        warnings when a run shows a known sickness
    method.py        what a method tells the modules above about itself
    token_dump/      some responses of a step with the numbers of each token, as files
    preflight/       those checks and more as a table, before a run holds its GPUs

checks.py, entropy.py and slope.py serve the pure algorithms and load neither verl nor Ray.

A method is a folder with its algorithm in pure torch, a `plugin` module that registers into verl, and a `Method`.
"""
