"""From a batch of prompts to each request: the agent-loop worker, without Ray and without an engine."""

import asyncio

import pytest
from verl.trainer.ppo.v1.agent_loop_tq import AgentLoopManagerTQ, AgentLoopWorkerTQ

from recipe.adaptive_temperature.rollout import AdaptiveTemperatureManager, AdaptiveTemperatureWorker
from recipe.adaptive_temperature.temperature import REQUEST_KEY

PARAMETERS = {"tau": 0.05, "center": -1.0}
TRAJECTORY = {"step": 1}


@pytest.fixture
def requests(monkeypatch):
    """What reaches verl's worker, of which there is nothing else."""
    found = []

    async def run(self, sampling_params, trajectory, **kwargs):
        found.append((sampling_params, trajectory, kwargs))
        return "output"

    monkeypatch.setattr(AgentLoopWorkerTQ.__ray_actor_class__, "_run_agent_loop", run)
    return found


def ask(sampling_params, **fields):
    worker = object.__new__(AdaptiveTemperatureWorker)
    assert asyncio.run(worker._run_agent_loop(sampling_params, TRAJECTORY, **fields)) == "output"


def test_each_request_carries_the_parameters_and_the_prompt_no_longer_does(requests):
    shared = {"temperature": 1.0, "extra_args": {"users": 1}}
    for session in range(2):
        ask(shared, adaptive_temperature=PARAMETERS, agent_name="mine", session_id=session)
    assert shared == {"temperature": 1.0, "extra_args": {"users": 1}}  # verl hands the same dict to all responses
    expected = {"temperature": 1.0, "extra_args": {"users": 1, REQUEST_KEY: PARAMETERS}}
    assert requests == [(expected, TRAJECTORY, {"agent_name": "mine", "session_id": i}) for i in range(2)]


@pytest.mark.parametrize("extra_args", [{}, {"extra_args": None}])
def test_requests_need_no_arguments_of_their_own(requests, extra_args):
    ask({"top_p": 0.9} | extra_args, adaptive_temperature=PARAMETERS)
    assert requests == [({"top_p": 0.9, "extra_args": {REQUEST_KEY: PARAMETERS}}, TRAJECTORY, {})]


@pytest.mark.parametrize("fields", [{}, {"adaptive_temperature": None}])
def test_a_prompt_without_parameters_is_an_ordinary_one(requests, fields):
    given = {"top_p": 0.9}
    ask(given, **fields)
    assert requests == [(given, TRAJECTORY, {})]


def test_the_manager_starts_these_workers_or_those_of_a_subclass(monkeypatch):
    monkeypatch.setattr(AgentLoopManagerTQ, "__init__", lambda self: None)

    class Worker(AdaptiveTemperatureWorker):
        pass

    class Manager(AdaptiveTemperatureManager):
        worker_class = Worker

    for manager, worker in ((AdaptiveTemperatureManager, AdaptiveTemperatureWorker), (Manager, Worker)):
        assert issubclass(manager().agent_loop_workers_class.__ray_actor_class__, worker)
