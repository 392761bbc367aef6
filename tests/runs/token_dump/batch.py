"""A trainer and its batch of 2 prompts with 3 answers, in a stand-in of TransferQueue."""

from types import SimpleNamespace

import torch
from tensordict import TensorDict
from tensordict.tensorclass import NonTensorStack
from transfer_queue import KVBatchMeta

from recipe.htpo import HTPOConfig
from recipe.htpo.method import HTPO
from recipe.runs.token_dump import collect
from recipe.runs.token_dump.dump_settings import DumpSettings
from tests.runs.token_dump.test_table import byte_tokenizer

LENGTHS = [3, 1, 4, 2, 5, 2]
PROMPT = 2


def nested(rows):
    return torch.nested.as_nested_tensor(rows, layout=torch.jagged)


def made_run(tmp_path, monkeypatch):
    """`rows` is what TransferQueue holds, `ranks` the actor's."""
    g = torch.Generator().manual_seed(0)
    acc = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0]
    tokenizer = byte_tokenizer()
    per_token = {
        name: nested([torch.randn(t, generator=g) for t in LENGTHS]) for name in ("entropy", "advantages", "old_log_probs")
    }
    rows = TensorDict(
        {
            **per_token,
            "responses": nested([torch.randint(0, 256, (t,), generator=g) for t in LENGTHS]),
            "response_mask": nested([torch.ones(t, dtype=torch.int64) for t in LENGTHS]),
            "prompts": nested([torch.tensor(tokenizer.encode("hi")) for _ in LENGTHS]),
            "rm_scores": nested([torch.eye(t)[-1] * (a - 0.25) for t, a in zip(LENGTHS, acc, strict=True)]),
            "token_groups": nested([torch.arange(1, t + 1, dtype=torch.int8).neg() for t in LENGTHS]),
            "entropy_score": nested([torch.full((t,), 0.5) for t in LENGTHS]),
            "extra_fields": NonTensorStack(*({"reward_extra_info": {"acc": a}} for a in acc)),
            "data_source": NonTensorStack(*["sums"] * 6),
            "reward_model": NonTensorStack(*({"ground_truth": x} for x in ("7", 7, None, ["7"], "<b>", "7"))),
        },
        batch_size=6,
    )
    keys = [f"p{i // 3}_{i % 3}_0" for i in range(6)]
    batch = KVBatchMeta(keys=keys, tags=[{"response_len": t} for t in LENGTHS], partition_id="train")
    order = {key: i for i, key in enumerate(keys)}

    def get(keys, partition_id, select_fields=None):
        found = collect.tu.index_select_tensor_dict(run.rows, [order[key] for key in keys])
        return found if select_fields is None else found.select(*select_fields)

    def compute_log_prob(data):
        """The old log-probs plus 0.1, as verl's nested output over prompt and response, shifted by one."""
        assert len(data) % run.ranks == 0
        assert not data["compute_loss"]
        shifted = [torch.cat([torch.zeros(PROMPT - 1), x + 0.1, torch.zeros(1)]) for x in data["old_log_probs"].unbind()]
        return TensorDict({"log_probs": nested(shifted)}, batch_size=len(data))

    monkeypatch.setattr(collect, "tq", SimpleNamespace(kv_batch_get=get))  # whatever writes would fail
    run = SimpleNamespace(rows=rows, ranks=4, batch=batch)
    workers = SimpleNamespace(compute_log_prob=compute_log_prob)
    config = SimpleNamespace(
        actor_rollout_ref=SimpleNamespace(
            rollout=SimpleNamespace(temperature=1.0),
            model=SimpleNamespace(path="org/model"),
            actor=SimpleNamespace(clip_ratio=0.2, clip_ratio_low=None, clip_ratio_high=0.28),
        )
    )
    run.trainer = SimpleNamespace(
        data_parallel_ranks=lambda: run.ranks,
        actor_rollout_wg=workers,
        config=config,
        method=HTPO,
        settings=HTPOConfig(),
        tokenizer=tokenizer,
        global_steps=10,
    )
    run.dump = collect.TokenDump(DumpSettings(folder=str(tmp_path / "tokens")))
    return run
