"""From verl's trainer to a file of verdicts. Reads the step's batch and writes nothing back into it."""

from __future__ import annotations

import zlib
from functools import partial
from pathlib import Path

import transfer_queue as tq

from recipe.runs.token_dump.dump_settings import DumpSettings
from recipe.runs.token_dump.fields import as_text, ground_truths, values_of
from recipe.runs.token_dump.said_once import SaidOnce
from recipe.runs.token_dump.table import verdict_table, write_table
from recipe.runs.token_dump.verdict_sample import KINDS, RESPONSE_END, choose, details, disagreement
from recipe.token_level.rows import Rows
from recipe.token_level.verdicts import reward_info, verdicts

_FIELDS = ["extra_fields", "reward_model", "data_source", "prompts"]


class VerdictDump:
    """Called after a step's updates, while the batch is still in TransferQueue. It never raises: a failure is a warning."""

    def __init__(self, settings: DumpSettings):
        self.settings = settings
        self._warnings = SaidOnce()

    def write(self, trainer, batch) -> Path | None:
        """Write the step's sample; None if the reward names no answers, or it could not. batch: verl's KVBatchMeta."""
        if not self.settings.verdicts:
            return None
        try:
            columns, about = self._collect(trainer, batch)
            if not columns:
                return None
            where = Path(self.settings.folder), trainer.global_steps, self.settings.files
            path = write_table(verdict_table(columns, about), *where, kind="verdicts")
        except Exception as error:
            self._warnings.say("the sample of verdicts failed", error)
            return None
        self._warnings.over("the sample of verdicts failed")
        return path

    def _collect(self, trainer, batch) -> tuple[dict, dict]:
        """The columns, and what the metadata say; both empty if the reward names no answers."""
        last = sorted(Rows.of(batch.keys).last_row.tolist())
        keys = [batch.keys[i] for i in last if not batch.tags[i].get("is_padding", False)]
        rows = tq.kv_batch_get(keys=keys, partition_id=batch.partition_id, select_fields=_FIELDS)
        infos = [reward_info(extra) for extra in rows["extra_fields"]]
        if not any(isinstance(info.get("pred"), str) for info in infos):
            return {}, {}
        truths, step = ground_truths(rows), trainer.global_steps
        kinds = [disagreement(truth, info) for truth, info in zip(truths, infos, strict=True)]
        pairs = [(truth, as_text(info.get("pred"))) for truth, info in zip(truths, infos, strict=True)]
        order = [zlib.crc32(f"{step} {i}".encode()) for i in range(len(keys))]
        chosen = choose(kinds, pairs, order, self.settings.verdicts)
        texts = tq.kv_batch_get(keys=[keys[i] for i in chosen], partition_id=batch.partition_id, select_fields=["responses"])[
            "responses"
        ].unbind()
        uid, session, _ = zip(*(keys[i].rsplit("_", 2) for i in chosen), strict=True)
        sources, prompts, acc = values_of(rows, "data_source"), rows["prompts"].unbind(), verdicts(rows["extra_fields"])
        decode = partial(trainer.tokenizer.decode, skip_special_tokens=True)
        columns = {
            "step": [step] * len(chosen),
            "prompt_id": list(uid),
            "session": [int(x) for x in session],
            "data_source": [str(sources[i]) for i in chosen],
            "ground_truth": [pairs[i][0] for i in chosen],
            "pred": [pairs[i][1] for i in chosen],
            "acc": acc[chosen],
            "disagreement": [kinds[i] for i in chosen],
            "details": [details(infos[i]) for i in chosen],
            "prompt": [decode(prompts[i].tolist()) for i in chosen],
            "response_end": [decode(text[-RESPONSE_END:].tolist()) for text in texts],
        }
        return columns, {"responses": len(keys), "disagreements": {kind: kinds.count(kind) for kind in KINDS}}
