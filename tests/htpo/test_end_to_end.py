"""HTPO on the real stack on CPU: Ray, vLLM, FSDP and verl's driver, started with the README's command."""

import subprocess
import sys

import pytest

from recipe.htpo import GROUPS
from tests.training import LAST_STEP, Run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def check_step(data, source="old_policy"):
    """What every step of every mode must have logged."""
    assert sum(data[f"htpo/{name}/token_share"] for name in GROUPS) == pytest.approx(1)
    assert 0 <= data["htpo/hard_prompt_share"] <= 1
    assert 0 < data["htpo/correct_share"] < 1  # groups that are all right or all wrong are filtered out
    assert data["timing_s/token_partition"] > 0
    for name in GROUPS:
        if data[f"htpo/{name}/token_share"] > 0:
            assert {f"htpo/{name}/{kind}" for kind in ("entropy", "detached_share")} <= set(data)
            if source == "old_policy":  # else the loss has groups of its own
                assert {f"htpo/{name}/{kind}" for kind in ("outside_clip_share", "loss")} <= set(data)
    assert data["actor/grad_norm"] > 0
    assert not any("token_level_sums" in key for key in data)


def test_sync_on_two_ranks_and_two_replicas_killed_resumed_and_exported(demo_inputs, tmp_path):
    run = Run(demo_inputs, tmp_path, "trainer.n_gpus_per_node=2", "trainer.save_freq=2").start()
    run.wait_for_step(3)  # saved at 2, so that step 3 is lost
    before = run.steps()
    run.kill()

    resumed = run.start().finish()
    assert (tmp_path / "checkpoints/latest_checkpointed_iteration.txt").read_text() == str(LAST_STEP)
    assert sorted(resumed) == [3, 4]
    log = run.log.read_text(errors="replace")
    assert "global_step_2, setting global step to 2" in log
    assert log.count("Platform override from VERL_PLATFORM: cpu") > 3
    for data in (*(before[i] for i in (1, 2, 3)), *resumed.values()):
        check_step(data)
        # vLLM's and the actor's probabilities of the sampled tokens, and mean log-probs of the responses
        assert data["training/rollout_probs_diff_max"] < 1e-4
        assert max(abs(data["rollout_corr/log_ppl_diff_max"]), abs(data["rollout_corr/log_ppl_diff_min"])) < 1e-4

    shards = sorted(path.name for path in (tmp_path / f"checkpoints/global_step_{LAST_STEP}/actor").glob("model_*"))
    assert shards == ["model_world_size_2_rank_0.pt", "model_world_size_2_rank_1.pt"]
    exported = tmp_path / "exported"
    merge = [sys.executable, "-m", "verl.model_merger", "merge", "--backend", "fsdp"]
    source = tmp_path / f"checkpoints/global_step_{LAST_STEP}/actor"
    subprocess.run([*merge, "--local_dir", source, "--target_dir", exported], check=True, timeout=300)
    check_export(exported, demo_inputs / "model")

    again = run.start()
    assert again.process.wait(timeout=120) == 2
    assert again.log.read_text().splitlines()[-1].startswith("error: nothing to train: the checkpoint in")


def check_export(exported, start):
    """`transformers` loads the folder, and its weights are the start's shape but not the start's values."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(exported)
    model, original = (AutoModelForCausalLM.from_pretrained(path) for path in (exported, start))
    assert len(tokenizer) == model.config.vocab_size
    weights, before = model.state_dict(), original.state_dict()
    assert {name: w.shape for name, w in weights.items()} == {name: w.shape for name, w in before.items()}
    assert not all(torch.equal(weights[name].float(), before[name]) for name in weights)
    text = tokenizer.apply_chat_template([{"role": "user", "content": "2+2=?"}], add_generation_prompt=True, tokenize=False)
    reply = model.generate(**tokenizer(text, return_tensors="pt"), max_new_tokens=4, do_sample=False)
    assert reply.shape[1] > 0


def test_colocated_async_with_entropy_of_the_current_policy(demo_inputs, tmp_path):
    overrides = (
        "trainer.v1.trainer_mode=colocate_async",
        "trainer.total_training_steps=2",
        "trainer.save_freq=-1",
        "htpo.entropy_source=current_policy",
        "actor_rollout_ref.actor.calculate_entropy=True",
    )
    steps = Run(demo_inputs, tmp_path, *overrides).start().finish()
    assert sorted(steps) == [1, 2]
    for data in steps.values():
        check_step(data, source="current_policy")
