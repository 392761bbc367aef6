"""Responses that a weight sync interrupted and newer weights finished: each token keeps what belongs to it.

verl's client, agent loop and rows; only the servers, and TransferQueue, are stand-ins.
"""

import asyncio
import importlib
from types import SimpleNamespace

import pytest
import torch
import transfer_queue
from omegaconf import open_dict
from tensordict.tensorclass import NonTensorStack
from transfer_queue import KVBatchMeta
from verl.experimental.agent_loop.agent_loop import DictConfigWrap
from verl.experimental.agent_loop.single_turn_agent_loop import SingleTurnAgentLoop
from verl.trainer.ppo.v1 import get_trainer_cls
from verl.utils.tensordict_utils import list_of_dict_to_tensordict
from verl.workers.rollout import llm_server
from verl.workers.rollout.replica import TokenOutput

from launch.demo.make_model import make_tokenizer
from recipe.adaptive_temperature.settings import AdaptiveTemperatureConfig
from recipe.adaptive_temperature.temperature import REQUEST_KEY
from recipe.hapo import HAPOConfig, entropy_score, entropy_statistics
from recipe.htpo import HTPOConfig, partition_tokens

GIVEN = ("actor_rollout_ref.model.path=m", "data.train_files=t", "data.val_files=v")
LIMIT = 8
# Of two prompts with two sessions each: (weight version, tokens) of each part, the last of which ends the response.
PARTS = {
    "p_0_0": [(4, [10, 11, 12]), (5, [13, 14])],
    "p_1_0": [(4, [20])],
    "q_0_0": [(4, []), (5, [30, 31]), (6, [32])],  # aborted before its first token, and once more
    "q_1_0": [(6, [40, 41, 42, 43, 44, 45, 46, 47])],
}
ACC = [1.0, 0.0, 1.0, 0.0]
PARAMETERS = {"tau": 0.3, "center": -1.0}


class Server:
    """Answers one request part by part, with log-probs that tell the weights and the token."""

    def __init__(self, parts):
        self.parts, self.calls = list(parts), []
        self.generate = SimpleNamespace(remote=self._generate)

    async def _generate(self, request_id, prompt_ids, sampling_params, **_):
        self.calls.append((prompt_ids, dict(sampling_params)))
        version, ids = self.parts.pop(0)
        return TokenOutput(
            token_ids=ids,
            log_probs=[-version - i / 100 for i in ids],
            stop_reason="aborted" if self.parts else "completed",
            num_preempted=0,
            extra_fields={"global_steps": version},
        )


class Client(llm_server.FullyAsyncLLMServerClient):
    """verl's client of the asynchronous modes, with one server that no actor holds."""

    def __init__(self, config, server):
        super().__init__(config)
        self.server = server

    async def _acquire_server(self, request_id, **_):
        return "0", self.server

    def _release_server(self, server_id, request_id=None):
        pass


def answer(config, parts, monkeypatch):
    """verl's output of a response of these parts, and the calls that the server got."""
    server = Server(parts)

    async def no_wait(_):
        pass

    async def run():
        monkeypatch.setattr(llm_server.asyncio, "sleep", no_wait)
        loop = SingleTurnAgentLoop(
            trainer_config=DictConfigWrap(config),
            server_manager=Client(config, server),
            tokenizer=make_tokenizer(),
            processor=None,
            dataset_cls=None,
            data_config=DictConfigWrap(config.data),
            hf_model_type="qwen3",
        )
        sampling = {"temperature": 1.0, "extra_args": {REQUEST_KEY: PARAMETERS}}
        return await loop.run(sampling, raw_prompt=[{"role": "user", "content": "3+4=?"}])

    with monkeypatch.context() as monkeypatch:
        return asyncio.run(run()), server.calls


@pytest.fixture
def config(compose):
    return compose("+platform=cpu", "+experiment=demo", *GIVEN, f"data.max_response_length={LIMIT}")


def test_the_parts_make_one_response_and_each_asks_for_the_same_temperatures(config, monkeypatch):
    for parts in PARTS.values():
        output, calls = answer(config, parts, monkeypatch)
        tokens = [i for _, ids in parts for i in ids]
        assert output.response_ids == tokens
        assert output.response_mask == [1] * len(tokens)
        assert output.response_logprobs == [-version - i / 100 for version, ids in parts for i in ids]
        assert [output.extra_fields[f"{x}_global_steps"] for x in ("min", "max")] == [parts[0][0], parts[-1][0]]
        assert len(calls) == len(parts)
        done = 0
        for (prompt, sampling), (_, ids) in zip(calls, parts, strict=True):
            assert prompt == [*output.prompt_ids, *tokens[:done]]
            assert sampling["extra_args"] == {REQUEST_KEY: PARAMETERS}  # not those of the newer weights
            assert sampling["max_tokens"] == LIMIT - done
            done += len(ids)


def entropy_of(ids):
    """An entropy that belongs to a token and to nothing else."""
    return 0.01 + (torch.as_tensor(ids, dtype=torch.float64) % 10).square() / 50


@pytest.mark.parametrize(("recipe", "settings"), [("htpo", HTPOConfig()), ("hapo", HAPOConfig())])
def test_a_batch_of_several_weight_versions_has_the_fields_of_its_tokens(compose, config, monkeypatch, recipe, settings):
    outputs = [answer(config, parts, monkeypatch)[0] for parts in PARTS.values()]
    rows = list_of_dict_to_tensordict([output.as_dict() | {"uid": key[0]} for key, output in zip(PARTS, outputs, strict=True)])
    responses = rows["responses"].unbind()
    nested = torch.nested.as_nested_tensor
    rows["entropy"] = nested([entropy_of(ids) for ids in responses], layout=torch.jagged)
    rewards = [torch.eye(len(ids), dtype=torch.float64)[-1] * acc for ids, acc in zip(responses, ACC, strict=True)]
    rows["rm_scores"] = nested(rewards, layout=torch.jagged)
    rows["extra_fields"] = NonTensorStack(*({"reward_extra_info": {"acc": acc}} for acc in ACC))

    def put(keys, partition_id, fields):
        rows.update(fields)
        return KVBatchMeta(keys=keys, tags=[{}] * len(keys), partition_id=partition_id)

    monkeypatch.setattr(transfer_queue, "kv_batch_get", lambda select_fields, **_: rows.select(*select_fields, strict=False))
    monkeypatch.setattr(transfer_queue, "kv_batch_put", put)
    importlib.import_module(f"recipe.{recipe}.trainer")
    trainer = object.__new__(get_trainer_cls(f"{recipe}_separate_async"))
    trainer.config = compose(*GIVEN, recipe=recipe)
    with open_dict(trainer.config):
        trainer.config.algorithm.update(use_kl_in_reward=False, rollout_correction=None)
    trainer.settings, trainer.timing_raw, trainer.global_steps, trainer.parameter_sync_step = settings, {}, 7, 1
    trainer.sampling, trainer.entropy_statistics = AdaptiveTemperatureConfig(enabled=True, tau=0.3), None
    trainer.agent_loop_manager = SimpleNamespace(parameters=None)
    metrics = {}
    trainer._compute_advantage(KVBatchMeta(keys=list(PARTS), tags=[{}] * 4, partition_id="train"), metrics)

    tokens = [[i for _, ids in parts for i in ids] for parts in PARTS.values()]
    assert [ids.tolist() for ids in responses] == tokens
    lengths = torch.tensor([len(ids) for ids in tokens])
    mask = torch.arange(LIMIT) < lengths[:, None]
    entropy = torch.zeros(4, LIMIT, dtype=torch.float64)
    for row, ids in enumerate(tokens):
        entropy[row, : len(ids)] = entropy_of(ids)
    statistics = entropy_statistics(entropy, mask, HAPOConfig())
    if recipe == "htpo":
        hard, correct = torch.ones(4, dtype=torch.bool), torch.tensor(ACC) > 0
        field, expected = "token_groups", partition_tokens(entropy, mask, hard, correct, settings)
        assert len(expected[mask].unique()) == 4
    else:
        field, expected = "entropy_score", entropy_score(entropy, statistics)
    for row, values in enumerate(rows[field].unbind()):
        assert torch.equal(values, expected[row, : lengths[row]])
    # What the next requests carry is measured over the tokens of all versions, once each.
    assert metrics["adaptive_temperature/log_entropy_center"] == statistics.center
    assert trainer.agent_loop_manager.parameters["center"] == statistics.center
