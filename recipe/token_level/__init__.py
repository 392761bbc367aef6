"""The adapter between any token-level method and verl: per-token fields that travel from the driver to the policy loss.

verl 0.9.1 calls a registered policy loss with log-probs, advantages and the response mask, and a registered advantage
estimator with rewards and prompt ids. A token-level method needs more: entropies and the verifier's verdict in the
estimator, its own per-token fields in the loss. The modules here carry them over verl's extension points:

    method.py           what a method tells the rest of the project about itself
    method_settings.py  from config nodes to a method's typed settings
    trainer.py          a trainer that hands the estimator its inputs and sends what it computes with the batch
    loss.py             a loss wrapper that puts the fields within reach of the registered policy loss
    context.py          the two objects that are handed over
    grpo.py             GRPO's advantages, for methods whose own part begins after them
    rows.py             which rows are of one session and one prompt
    overlong.py         truncated responses kept from the loss
    verdicts.py         the verifier's verdicts, and what they say of a step's prompts
    responses.py        which responses were cut off, which have no answer
    phantom.py          advantages of prompts whose verdicts are all equal
    device_metrics.py   metrics of the loss that stay on the device until the update is over
    clip_metrics.py     the metrics of verl's own loss, for a clip range of the method's own
    display.py          what a report of its runs shows of a method
    signs/              signs of sickness that a run is warned of, and their limits

A method is a folder, here or elsewhere, with its algorithm in pure torch, a `plugin` module that registers into verl, and a
`Method`: docs/add-a-method.md.
"""
