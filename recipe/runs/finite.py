"""The trainer's part in numbers that are not finite. One policy:

* A reward comes from outside: one that is not finite ends the run before the update, and its sample is named.
* An entropy or log-prob of the pass before the update is the policy's own: the same (recipe.primitives.finite).
* What arises in an update makes its gradient not finite. verl leaves that optimizer step out; here it is said, no checkpoint is
  written until the next sound step, and LIMIT such steps in a row end the run, which then resumes from before them.

No assertion of a device is used: it would take the process's other work with it, and name nothing.
"""

from __future__ import annotations

import math
import sys

import transfer_queue as tq

from recipe.runs.checkpoints import resumes_from
from verl_patches.names import LOSS_METRIC_PREFIX
from verl_patches.trainer_hooks import HookedTrainer

LIMIT = 3


class FiniteTrainer(HookedTrainer):
    """Mix-in in front of `RecoverableTrainer`.

    left_out: the last steps, in a row, of which an update was left out.
    """

    left_out: tuple[int, ...] = ()

    def advantage_step(self, batch, metrics):
        where = {"partition_id": batch.partition_id}
        scores = tq.kv_batch_get(keys=batch.keys, **where, select_fields=["rm_scores"])["rm_scores"]
        bad = [i for i, row in enumerate(scores.unbind()) if not row.isfinite().all()]
        if bad:
            first = scores.unbind()[bad[0]].sum().item()
            rows = tq.kv_batch_get(keys=[batch.keys[bad[0]]], **where)
            raise ValueError(
                f"in step {self.global_steps} the reward of {len(bad)} of {len(batch.keys)} responses is not finite, the first "
                f"is {first} {describe(rows, self.tokenizer)}; the reward function has to return a number"
            )
        return super().advantage_step(batch, metrics)

    def actor_step(self, batch, metrics):
        batch = super().actor_step(batch, metrics)
        norm, step = metrics.get(LOSS_METRIC_PREFIX + "grad_norm", 0.0), self.global_steps
        if math.isfinite(norm):
            if self.left_out and self.left_out[-1] < step:
                self.left_out = ()
            return batch
        if step not in self.left_out:
            self.left_out = (*self.left_out, step)
            text = f"the gradient norm is {norm}, so at least one update is left out; {LIMIT} such steps in a row end the run"
            print(f"warning: step {step}: {text}", file=sys.stderr, flush=True)
        if len(self.left_out) >= LIMIT:
            raise ValueError(
                f"the gradient was not finite in {LIMIT} steps in a row, {self.left_out[0]} to {step}, whose updates were left "
                f"out: lower actor_rollout_ref.actor.optim.lr, or look at their responses; {resumes_from(self.config)}"
            )
        return batch

    def save(self):
        if self.left_out:
            text = f"no checkpoint, since updates were left out from step {self.left_out[0]} on"
            print(f"warning: step {self.global_steps}: {text}", file=sys.stderr, flush=True)
            return
        super().save()


def describe(rows, tokenizer) -> str:
    """Of the first of TransferQueue's rows: where it is from, and the ends of its prompt and response."""

    def value(name):
        found = rows[name][0] if name in rows else None
        return getattr(found, "data", found)

    def end(ids):
        text = " ".join(tokenizer.decode(ids.tolist(), skip_special_tokens=True).split())
        return repr(text if len(text) <= 80 else f"...{text[-80:]}")

    prompt, response = rows["prompts"].unbind()[0], rows["responses"].unbind()[0]
    row = f", index {value('index')}" if value("index") is not None else ""
    return f"(data_source {value('data_source')!r}{row}, prompt {end(prompt)}, response {end(response)})"
