"""The evaluation's config: keys, presets, and that verl takes what comes out."""

import pytest

from tests import ROOT

PROTOCOLS = sorted(path.stem for path in (ROOT / "recipe/rlvr_math/evaluation/config/protocol").glob("*.yaml"))


@pytest.mark.parametrize("protocol", [None, *PROTOCOLS])
@pytest.mark.parametrize("platform", [None, "cpu"])
def test_every_combination_composes_and_the_servers_get_it(compose_evaluation, protocol, platform):
    from verl.utils.config import omega_conf_to_dataclass

    overrides = [f"+protocol={protocol}"] if protocol else []
    overrides += [f"+platform={platform}"] if platform else []
    config = compose_evaluation("model=/m", "benchmarks=[a.parquet,b.parquet]", "out=o", *overrides)
    assert config.model == config.actor_rollout_ref.model.path == "/m"
    assert list(config.benchmarks) == ["a.parquet", "b.parquet"]
    rollout = omega_conf_to_dataclass(config.actor_rollout_ref.rollout)
    assert (rollout.name, rollout.load_format, rollout.nnodes) == ("vllm", "auto", 1)
    assert rollout.n_gpus_per_node == config.trainer.n_gpus_per_node == (1 if platform else 8)
    assert (rollout.prompt_length, rollout.response_length) == (config.max_prompt_tokens, config.max_response_tokens)


@pytest.mark.parametrize(
    ("protocol", "n", "temperature", "lengths"), [("htpo_paper", 32, 1.0, (2048, 20480)), ("hapo_paper", 8, 0.5, (1024, 12288))]
)
def test_the_protocols_are_the_papers_and_an_override_wins(compose_evaluation, protocol, n, temperature, lengths):
    config = compose_evaluation(f"+protocol={protocol}")
    assert (config.n, config.temperature, config.top_p) == (n, temperature, 0.7)
    assert (config.max_prompt_tokens, config.max_response_tokens) == lengths
    assert compose_evaluation(f"+protocol={protocol}", "n=2").n == 2


@pytest.mark.parametrize(("recipe", "protocol"), [("htpo", "htpo_paper"), ("hapo", "hapo_paper")])
def test_the_protocols_are_the_validation_of_the_training_presets(compose, compose_evaluation, recipe, protocol):
    training = compose("+experiment=qwen3_8b_base", recipe=recipe)
    config = compose_evaluation(f"+protocol={protocol}")
    validation = training.actor_rollout_ref.rollout.val_kwargs
    assert (config.n, config.temperature, config.top_p) == (validation.n, validation.temperature, validation.top_p)
    lengths = (training.data.max_prompt_length, training.data.max_response_length)
    assert (config.max_prompt_tokens, config.max_response_tokens) == lengths


@pytest.mark.parametrize(
    ("nodes", "of_node", "size", "servers"),
    [(1, 8, 1, 8), (2, 8, 4, 4), (2, 4, 8, 1), (4, 8, 16, 2), (1, 4, 8, None), (2, 6, 4, None), (1, 6, 4, None)],
)
def test_the_gpus_are_shared_out_to_servers_of_whole_nodes_or_parts_of_one(compose_evaluation, nodes, of_node, size, servers):
    from recipe.rlvr_math.evaluation.serve import count_servers

    parallel = f"actor_rollout_ref.rollout.tensor_model_parallel_size={size}"
    config = compose_evaluation(f"trainer.nnodes={nodes}", f"trainer.n_gpus_per_node={of_node}", parallel)
    if servers is None:
        with pytest.raises(ValueError, match=f"a server takes {size} GPUs .* {nodes} x {of_node} GPUs"):
            count_servers(config)
    else:
        assert count_servers(config) == servers
