"""Secrets on the command line or in the runtime environment are refused, and not repeated."""

import pytest
from omegaconf import OmegaConf

from launch.submission.secret_check import check_overrides, check_runtime_env, find_secret


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("+ray_kwargs.ray_init.runtime_env.env_vars.WANDB_API_KEY=0123", "WANDB_API_KEY"),
        ("+ray_kwargs.ray_init.runtime_env.env_vars={HF_TOKEN:abc,A:b}", "HF_TOKEN"),
        ("+env_vars.HF_TOKEN=${oc.env:HF_TOKEN}", "HF_TOKEN"),
        ("++trainer.wandb_key='0123'", "wandb_key"),
        ("+wandb.key=0123", "wandb.key"),
        ("+hf.token=abc", "hf.token"),
        ("+db.password=abc", "password"),
        ("data.train_files=https://x.org/d?token=abc", "token"),
        ("data.train_files=s3://id:abc@bucket/x", "a password in a URL"),
        (f"actor_rollout_ref.model.path={'hf_' + 'a1' * 17}", "a Hugging Face token"),
        (f"trainer.logger=[{'ghp_' + 'a1' * 18}]", "a GitHub or GitLab token"),
        (f"x={'sk-' + 'a1' * 20}", "an API key"),
    ],
)
def test_an_override_with_a_secret_is_refused_and_not_repeated(override, named):
    with pytest.raises(ValueError, match="carries a secret") as refusal:
        check_overrides(["a=1", override])
    assert named in str(refusal.value)
    assert not [value for value in ("0123", "abc", "a1a1") if value in str(refusal.value)]


@pytest.mark.parametrize(
    "override",
    [
        "algorithm.rollout_correction.rollout_is=token",
        "actor_rollout_ref.actor.loss_agg_mode=token-mean",
        "+actor_rollout_ref.model.override_config={pad_token:x,eos_token_id:3}",
        "+x.HF_TOKEN=null",
        "+x.token=False",
        "data.train_files=http://host:8000/train.parquet",
        "data.val_files=/data/sk-learn-some-longer-name-of-a-file.parquet",
        "+env.GOOGLE_APPLICATION_CREDENTIALS=/secrets/key.json",
    ],
)
def test_what_only_reads_like_a_secret_passes(override):
    check_overrides([override])


@pytest.mark.parametrize("recipe", ["htpo", "hapo"])
def test_every_key_of_the_configs_can_be_overridden(compose, recipe):
    given = ("actor_rollout_ref.model.path=m", "data.train_files=t", "data.val_files=v")

    def keys(node, path=""):
        for key, value in node.items():
            yield f"{path}{key}"
            if isinstance(value, dict):
                yield from keys(value, f"{path}{key}.")

    config = OmegaConf.to_container(compose(*given, recipe=recipe), resolve=False)
    assert [key for key in keys(config) if find_secret(f"{key}=value")] == []


@pytest.mark.parametrize(
    "runtime_env",
    [
        {"env_vars": {"WANDB_API_KEY": "0123"}},
        {"env_vars": {"RAY_AUTH_TOKEN": "0123"}},
        {"env_vars": {"OPENAI_KEY": "0123"}},
        {"pip": ["--extra-index-url https://me:0123@index/simple"]},
        {"container": {"run_options": ["-e", "HF_TOKEN=0123"]}},
    ],
)
def test_a_runtime_environment_with_a_secret_is_refused_and_not_repeated(runtime_env):
    with pytest.raises(ValueError, match=r"in env\.yaml carries a secret") as refusal:
        check_runtime_env(runtime_env, "env.yaml")
    assert "0123" not in str(refusal.value)
