"""The real stack from the installed wheel: a run by console command, and its page. `make test-wheel` goes on to a report."""

import json
import re

import pytest

from tests.commands.installing import run

CPU = {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1", "TORCH_COMPILE_DISABLE": "1"}
LOADED = """
import sys
from transformers import AutoModelForCausalLM, AutoTokenizer
from vllm import LLM, SamplingParams

if __name__ == "__main__":
    tokenizer, model = AutoTokenizer.from_pretrained(sys.argv[1]), AutoModelForCausalLM.from_pretrained(sys.argv[1])
    asked = [{"role": "user", "content": "2+3=?"}]
    prompt = tokenizer.apply_chat_template(asked, add_generation_prompt=True, tokenize=False)
    tokens = tokenizer(prompt, return_tensors="pt")
    ours = model.float().generate(**tokens, max_new_tokens=2, do_sample=False)[0, tokens["input_ids"].shape[1] :].tolist()
    vllm = LLM(sys.argv[1], dtype="float32", enforce_eager=True, max_model_len=64, kv_cache_memory_bytes=2**26)
    given = SamplingParams(temperature=0, max_tokens=2)
    answer = vllm.generate([{"prompt_token_ids": tokens["input_ids"][0].tolist()}], given, use_tqdm=False)
    print(ours)
    print(list(answer[0].outputs[0].token_ids))
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def test_a_run_and_its_page(bin, demo_inputs, tmp_path):
    run([bin / "token-rl-launch", "launchers"], tmp_path)
    local = {"RAY_ADDRESS": "local", "HF_HUB_OFFLINE": "1"}
    reward = f"reward.custom_reward_function.path={tmp_path}/launchers/launch/demo/reward.py"
    folder, data = tmp_path / "run", demo_inputs / "data"
    training = [
        *("+platform=cpu", "+experiment=demo", reward),
        f"actor_rollout_ref.model.path={demo_inputs}/model",
        f"data.train_files={data}/train.parquet",
        f"data.val_files={data}/val.parquet",
        f"trainer.default_local_dir={folder}/checkpoints",
        f"hydra.run.dir={folder}/hydra",
        *("trainer.total_training_steps=2", "trainer.test_freq=-1", "trainer.val_before_train=False"),
        *("data.train_batch_size=8", "actor_rollout_ref.actor.ppo_mini_batch_size=4", "trainer.token_dump.every=1"),
    ]
    run([bin / "htpo-train", *training], tmp_path, timeout=600, **local)
    (metrics,) = folder.glob("metrics-*.jsonl")
    steps = [json.loads(line) for line in metrics.read_text().splitlines()]
    assert [step["step"] for step in steps] == [1, 2]
    assert steps[-1]["data"]["actor/grad_norm"] > 0
    assert "htpo/hard_correct_high/token_share" in steps[-1]["data"]

    run([bin / "token-rl-export", folder / "checkpoints", "--out", "exported"], tmp_path)
    card = (tmp_path / "exported/README.md").read_text()
    assert "trained for 2 steps with HTPO" in card
    assert re.search(r"verl-htpo [\d.]+, commit not recorded, verl 0.9.1, vllm 0.24.0", card)
    done = run([bin / "python", "-c", LOADED, "exported"], tmp_path, timeout=600, VLLM_LOGGING_LEVEL="ERROR", **CPU)
    ours, vllms = done.stdout.splitlines()[-2:]
    assert ours == vllms

    run([bin / "token-rl-insight", folder, "--out", "page"], tmp_path)
    assert "hard_correct_high" in (tmp_path / "page/index.html").read_text()
