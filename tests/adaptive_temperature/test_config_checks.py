"""What adaptive temperatures need of the config, and what they add to it."""

import pytest

from recipe.hapo.method import HAPO
from recipe.runs.config_checks import check_run
from tests.runs.config.given import GIVEN, METHODS

ENGINE = "actor_rollout_ref.rollout.engine_kwargs.vllm"


@pytest.mark.parametrize("recipe", METHODS)
@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["adaptive_temperature.tau=1.5"], r"adaptive_temperature.tau is 1.5.*below 1"),
        (["adaptive_temperature.entropy_pivot=80"], r"adaptive_temperature.entropy_pivot is 80.*between 0 and 1"),
        (["algorithm.rollout_correction.bypass_mode=True"], r"takes the rollouts' log-probs for the old ones; set it to False"),
        (
            ["actor_rollout_ref.rollout.name=sglang"],
            r"rollout.name is sglang.*set it to vllm, or set adaptive_temperature.enabled=F",
        ),
        (["actor_rollout_ref.rollout.temperature=0"], r"rollout.temperature is 0: greedy"),
        ([f"+{ENGINE}.speculative_config={{method: ngram}}"], r"no logits processors under speculative decoding"),
        (
            ["actor_rollout_ref.model.mtp.enable=True", "actor_rollout_ref.model.mtp.enable_rollout=True"],
            r"no logits processors under speculative decoding",
        ),
        ([f"+{ENGINE}.spec_method=ngram", f"+{ENGINE}.spec_tokens=3"], r"no logits processors under speculative decoding"),
        ([f"+{ENGINE}.return_sampling_mask=True"], r"model runner V2.*return_sampling_mask"),
        ([f"+{ENGINE}.prefill_context_parallel_size=2"], r"model runner V2.*prefill_context_parallel_size above 1"),
        (
            ["algorithm.rollout_correction.rollout_is=token", "actor_rollout_ref.rollout.logprobs_mode=raw_logprobs"],
            r"logprobs_mode is raw_logprobs.*set it to processed_logprobs",
        ),
        (
            ["algorithm.rollout_correction.rollout_rs=token_k1", "actor_rollout_ref.rollout.logprobs_mode=raw_logprobs"],
            r"logprobs_mode is raw_logprobs.*set it to processed_logprobs",
        ),
        (
            ["+actor_rollout_ref.rollout.agent.agent_loop_manager_class=verl.trainer.ppo.v1.AgentLoopManagerTQ"],
            r"does not send the entropy statistics.*derive it from recipe.*rollout.AdaptiveTemperatureManager",
        ),
        (
            ["+actor_rollout_ref.rollout.agent.agent_loop_manager_class=recipe.adaptive_temperature.rollout.Missing"],
            r"agent_loop_manager_class is recipe.adaptive_temperature.rollout.Missing, which cannot be loaded",
        ),
    ],
    ids=lambda value: value[0].split("=")[0].split(".")[-1] if isinstance(value, list) else None,
)
def test_what_cannot_sample_adaptively_is_one_sentence(compose, recipe, overrides, message):
    with pytest.raises(ValueError, match=message) as caught:
        check_run(compose(*GIVEN, "adaptive_temperature.enabled=True", *overrides, recipe=recipe), METHODS[recipe])
    assert "\n" not in str(caught.value)


def test_a_vllm_that_cannot_sample_adaptively_is_one_sentence(compose, monkeypatch):
    from recipe.adaptive_temperature import rollout_config

    config = compose(*GIVEN, recipe="hapo")
    for value in ("0", "", "false"):
        monkeypatch.setenv("VLLM_USE_V2_MODEL_RUNNER", value)
        check_run(config, HAPO)
    monkeypatch.setenv("VLLM_USE_V2_MODEL_RUNNER", "1")
    with pytest.raises(ValueError, match=r"model runner V2 \(VLLM_USE_V2_MODEL_RUNNER=1"):
        check_run(config, HAPO)
    check_run(compose(*GIVEN, "adaptive_temperature.enabled=False", recipe="hapo"), HAPO)
    monkeypatch.delenv("VLLM_USE_V2_MODEL_RUNNER")
    for installed, fine in (("0.23.2", False), ("0.24.0+cu130", True), ("0.28.1", True), ("0.29.0", False), ("1.0", False)):
        monkeypatch.setattr(rollout_config, "version", lambda package, installed=installed: installed)
        if fine:
            check_run(config, HAPO)
        else:
            with pytest.raises(ValueError, match=rf"vLLM {installed} is installed.*0.24 to 0.28"):
                check_run(config, HAPO)


@pytest.mark.parametrize(
    "overrides",
    [
        ["actor_rollout_ref.rollout.logprobs_mode=raw_logprobs"],  # nothing is corrected by them
        ["actor_rollout_ref.model.mtp.enable=True", "actor_rollout_ref.model.mtp.enable_rollout=False"],
        ["actor_rollout_ref.model.mtp.enable=False", "actor_rollout_ref.model.mtp.enable_rollout=True"],
        [f"+{ENGINE}.prefill_context_parallel_size=1"],
    ],
)
def test_what_only_looks_like_an_obstacle_is_accepted(compose, overrides):
    check_run(compose(*GIVEN, *overrides, recipe="hapo"), HAPO)


def test_without_adaptive_temperatures_any_engine_will_do(compose):
    other = ["actor_rollout_ref.rollout.name=sglang", "adaptive_temperature.enabled=False"]
    check_run(compose(*GIVEN, *other, recipe="hapo"), HAPO)
    check_run(compose(*GIVEN, other[0], "adaptive_temperature.tau=0", recipe="hapo"), HAPO)


def test_the_sampler_is_added_to_what_the_user_has(compose):
    from recipe.adaptive_temperature.rollout_config import MANAGER, PROCESSOR, prepare_rollout

    config = compose(*GIVEN, recipe="hapo")
    prepare_rollout(config)
    assert config.actor_rollout_ref.rollout.engine_kwargs.vllm.logits_processors == [PROCESSOR]
    assert config.actor_rollout_ref.rollout.agent.agent_loop_manager_class == MANAGER

    mine = "my.module.Manager"
    config = compose(*GIVEN, f"+actor_rollout_ref.rollout.agent.agent_loop_manager_class={mine}", recipe="hapo")
    prepare_rollout(config)
    assert config.actor_rollout_ref.rollout.agent.agent_loop_manager_class == mine

    overrides = (f"+{ENGINE}.logits_processors=[my.module:Mine]", f"+{ENGINE}.max_logprobs=5", "+platform=cpu")
    config = compose(*GIVEN, *overrides, recipe="hapo")
    for _ in range(2):
        prepare_rollout(config)
    engine = config.actor_rollout_ref.rollout.engine_kwargs.vllm
    assert engine.logits_processors == ["my.module:Mine", PROCESSOR]
    assert engine.max_logprobs == 5
    assert engine.kv_cache_memory_bytes == 134217728

    for given, expected in (("my.module:Mine", ["my.module:Mine", PROCESSOR]), ("null", [PROCESSOR])):
        config = compose(*GIVEN, f"+{ENGINE}.logits_processors={given}", recipe="hapo")
        prepare_rollout(config)
        assert config.actor_rollout_ref.rollout.engine_kwargs.vllm.logits_processors == expected
    config = compose(*GIVEN, f"++{ENGINE}=null", recipe="hapo")
    prepare_rollout(config)
    assert config.actor_rollout_ref.rollout.engine_kwargs.vllm.logits_processors == [PROCESSOR]


def test_sequence_level_correction_warns(compose):
    correction = "algorithm.rollout_correction.rollout_{}"
    with pytest.warns(UserWarning, match="over a whole response"):
        check_run(compose(*GIVEN, f"{correction.format('is')}=sequence", recipe="hapo"), HAPO)
    with pytest.warns(UserWarning, match="over a whole response"):
        check_run(compose(*GIVEN, f"{correction.format('rs')}=seq_mean_k3", recipe="hapo"), HAPO)
