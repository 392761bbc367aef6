"""From verl's trainer to a file of the token dump. Reads the step's batch and writes nothing back into it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import transfer_queue as tq
from tensordict import TensorDict
from verl.utils import tensordict_utils as tu
from verl.workers.utils.padding import response_from_nested

from recipe.runs.token_dump.choice import choose_rows, order_of, solve_rates
from recipe.runs.token_dump.dump_settings import DumpSettings
from recipe.runs.token_dump.fields import ground_truths, values_of
from recipe.runs.token_dump.said_once import SaidOnce
from recipe.runs.token_dump.table import build_table, text_pieces, write_table
from recipe.token_level.method_settings import clip_range
from recipe.token_level.rows import Rows
from recipe.token_level.verdicts import verdicts


class TokenDump:
    """Called after a step's updates, while the batch is still in TransferQueue. It never raises: a failure is a warning,
    said once until a dump works again.
    """

    def __init__(self, settings: DumpSettings):
        self.settings = settings
        self._warnings = SaidOnce()

    def write(self, trainer, batch) -> Path | None:
        """Write the step's file; None if it could not. trainer: of `TokenLevelTrainer`; batch: verl's KVBatchMeta."""
        try:
            chosen, solved = self._choose(trainer, batch)
            if not chosen:
                return None
            rows = tq.kv_batch_get(keys=[batch.keys[i] for i in chosen], partition_id=batch.partition_id)
            ratio = self._ratios(trainer, rows)
            columns, own = columns_of(rows, [batch.keys[i] for i in chosen], trainer.global_steps, trainer.method.dump_columns)
            columns |= {"ratio": _of_policy(ratio, rows), "solve_rate": solved[chosen], **_texts(trainer.tokenizer, rows)}
            path = write_table(
                build_table(columns, own, _about(trainer)),
                Path(self.settings.folder),
                trainer.global_steps,
                self.settings.files,
            )
        except Exception as error:
            self._warnings.say("the token dump failed", error)
            return None
        self._warnings.over("the token dump failed")
        return path

    def _choose(self, trainer, batch) -> tuple[list[int], np.ndarray]:
        """The chosen rows of the batch, and `[B]` solve rates."""
        where = {"keys": batch.keys, "partition_id": batch.partition_id}
        data = tq.kv_batch_get(**where, select_fields=["extra_fields", "prompts"])
        rows, acc = Rows.of(batch.keys), verdicts(data["extra_fields"])
        is_padding = np.array([tag.get("is_padding", False) for tag in batch.tags], dtype=bool)
        right = acc
        if np.isnan(acc[~is_padding]).any():  # without a verdict, an answer counts as right if others to the prompt did worse
            scores = tq.kv_batch_get(**where, select_fields=["rm_scores"])["rm_scores"]
            reward = np.array([float(x.sum()) for x in scores.unbind()])
            right = reward > solve_rates(rows, reward, is_padding) + 1e-6
        chosen = choose_rows(
            list(batch.keys),
            right,
            is_padding,
            [tag["response_len"] for tag in batch.tags],
            [order_of(trainer.global_steps, ids.tolist()) for ids in data["prompts"].unbind()],
            self.settings.responses,
            self.settings.tokens,
        )
        return chosen, solve_rates(rows, acc, is_padding)

    def _ratios(self, trainer, rows: TensorDict) -> list[np.ndarray]:
        old = [x.double() for x in rows["old_log_probs"].unbind()]
        try:
            new = current_log_probs(trainer, rows)
        except Exception as error:
            self._warnings.say("the importance ratios of the token dump could not be computed", error)
            return [np.full(len(x), np.nan) for x in old]
        return [(n.double() - o).exp().numpy() for n, o in zip(new, old, strict=True)]


def current_log_probs(trainer, rows: TensorDict) -> Sequence[torch.Tensor]:
    """Log-probs of the rows' response tokens by the actor as it is now, as verl's old-log-prob pass computes them.

    The rows go to the ranks by value and not by their keys, so that nothing is written into the batch. An evaluation pass
    draws no random numbers and leaves no gradients.
    """
    ranks = trainer.data_parallel_ranks()
    count = len(rows)
    data = tu.index_select_tensor_dict(rows, [i % count for i in range(-(-count // ranks) * ranks)])
    temperature = trainer.config.actor_rollout_ref.rollout.temperature
    # One row at a time where micro-batches have a fixed size, which the few rows need not be a multiple of.
    tu.assign_non_tensor(data, calculate_entropy=False, compute_loss=False, temperature=temperature, micro_batch_size_per_gpu=1)
    output = trainer.actor_rollout_wg.compute_log_prob(data)
    return response_from_nested(output["log_probs"], data["response_mask"]).unbind()[:count]


def columns_of(rows: TensorDict, keys: list[str], step: int, own: dict[str, str]) -> tuple[dict, dict]:
    """The columns that stand in TransferQueue as they are, and the method's own (own: column to field)."""
    uid, session, _ = zip(*(key.rsplit("_", 2) for key in keys), strict=True)
    sources = values_of(rows, "data_source") or [""] * len(keys)
    columns = {
        "step": [step] * len(keys),
        "prompt_id": list(uid),
        "session": [int(x) for x in session],
        "data_source": [str(x) for x in sources],
        "ground_truth": ground_truths(rows) or [""] * len(keys),
        "acc": verdicts(rows["extra_fields"]),
        "reward": [float(x.sum()) for x in rows["rm_scores"].unbind()],
        "token_id": [x.tolist() for x in rows["responses"].unbind()],
    }
    per_token = {"entropy": "entropy", "advantage": "advantages", "old_log_prob": "old_log_probs"}
    columns |= {name: _of_policy([x.float().numpy() for x in rows[field].unbind()], rows) for name, field in per_token.items()}
    own = {name: [x.numpy() for x in rows[field].unbind()] for name, field in own.items() if field in rows}
    return columns, {name: _of_policy(x, rows) for name, x in own.items()}


def _of_policy(values: Sequence[np.ndarray], rows: TensorDict) -> Sequence[np.ndarray]:
    """NaN, of integers 0, at the tokens that the loss leaves out: a tool's, or rejected by rollout correction."""
    nothing = 0 if np.issubdtype(values[0].dtype, np.integer) else np.nan
    return [
        np.where(mask.numpy() > 0, x, nothing).astype(x.dtype)
        for x, mask in zip(values, rows["response_mask"].unbind(), strict=True)
    ]


def _texts(tokenizer, rows: TensorDict) -> dict[str, list]:
    ids = [x.tolist() for x in rows["responses"].unbind()]
    pieces = text_pieces(tokenizer, [i for row in ids for i in row])
    return {
        "prompt": [tokenizer.decode(x.tolist(), skip_special_tokens=True) for x in rows["prompts"].unbind()],
        "token": [[pieces[i] for i in row] for row in ids],
    }


def _about(trainer) -> dict:
    low, high = clip_range(trainer.config.actor_rollout_ref.actor)
    return {
        "method": trainer.method.name,
        "groups": [group.name for group in trainer.method.display.groups],
        "clip_ratio_low": low,
        "clip_ratio_high": high,
        "model": trainer.config.actor_rollout_ref.model.path,
    }
