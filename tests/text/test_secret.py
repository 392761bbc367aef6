"""What is recognised as a secret, what is not, and that a mask leaves nothing of it."""

import time

import pytest

from recipe.text.secret import MASK, find_in_config, find_secret, masked, masked_value

# Put together, so that no scanner takes these lines for real ones.
HF = "hf_" + "a1" * 17
GITHUB = "ghp_" + "a1" * 18
OPENAI = "sk-" + "a1" * 20
BASIC = "s3://id:abc" + "@bucket/x"
PRIVATE = "-----BEGIN RSA PRIVATE " + "KEY-----\nabc\n-----END RSA PRIVATE KEY-----"
WEB_TOKEN = "eyJ" + "hbGciOiJIUzI." + "eyJ" + "zdWIiOiIxMjM.abc-_"
FOUND = [
    ("+ray_kwargs.ray_init.runtime_env.env_vars.WANDB_API_KEY=0123", "WANDB_API_KEY"),
    ("+ray_kwargs.ray_init.runtime_env.env_vars={HF_TOKEN:abc,A:b}", "HF_TOKEN"),
    ("+env_vars.HF_TOKEN=${oc.env:HF_TOKEN}", "HF_TOKEN"),
    ("trainer.experiment_name=${oc.env:WANDB_API_KEY}", "WANDB_API_KEY"),
    ("trainer.experiment_name=run-${oc.decode:${oc.env:wandb_api_key,none}}", "wandb_api_key"),
    ("++trainer.wandb_key='0123'", "wandb_key"),
    ("+wandb.key=0123", "key"),
    ("+hf.token=abc", "token"),
    ("+db.password=abc", "password"),
    ("+db.passphrase=abc", "passphrase"),
    ("+db.credentials=abc", "credentials"),
    ("+db.credentials.user.name=abc", "credentials"),
    ("+a.authorization=abc", "authorization"),
    ("+a.headers={Authorization: Bearer abc}", "Authorization"),
    ("+a.headers={x-api-key: abc}", "x-api-key"),
    ("+a.api_keys=[abc,0123]", "api_keys"),
    ("+a.openaiApiKey=abc", "openaiApiKey"),
    ("+a.client_secret=abc", "client_secret"),
    ("+a.api_key_2=abc", "api_key_2"),
    ("data.train_files=https://x.org/d?token=abc", "token"),
    ("data.train_files=https://x.org/d?X-Amz-" + "Signature=abc", "a signed URL"),
    (f"data.train_files={BASIC}", "a password in a URL"),
    (f"actor_rollout_ref.model.path={HF}", "a Hugging Face token"),
    (HF, "a Hugging Face token"),
    (f"trainer.logger=[{GITHUB}]", "a GitHub or GitLab token"),
    (f"x={OPENAI}", "an API key"),
    (f"x={PRIVATE}", "a private key"),
    (f"x={WEB_TOKEN}", "a JSON web token"),
]
HARMLESS = [
    "algorithm.rollout_correction.rollout_is=token",
    "actor_rollout_ref.actor.loss_agg_mode=token-mean",
    "+actor_rollout_ref.model.override_config={pad_token:x,eos_token_id:3}",
    "+x.HF_TOKEN=null",
    "+x.token=False",
    "data.train_files=http://host:8000/train.parquet",
    "data.val_files=/data/sk-learn-some-longer-name-of-a-file.parquet",
    "+env.GOOGLE_APPLICATION_CREDENTIALS=/secrets/key.json",
    "data.prompt_key=prompt",
    "trainer.default_local_dir=${oc.env:HOME}/runs/${oc.env:SLURM_JOB_ID}",
    "hydra.run.dir=${oc.env:PWD}/x",
    "trainer.token_dump.tokens=1000",
]


@pytest.mark.parametrize(("text", "what"), FOUND)
def test_a_secret_is_found_and_masked(text, what):
    assert find_secret(text) == what
    shown = masked(text)
    assert not [value for value in ("0123", "abc", "a1a1") if value in shown]
    assert MASK in shown or "env:" in text


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_reads_like_a_secret_passes(text):
    assert find_secret(text) is None
    assert masked(text) == text


def test_the_value_of_a_variable_for_secrets_is_found_wherever_it_stands():
    environment = {"MY_TOKEN": "swordfish-1", "HARMLESS": "experiment", "SHORT_KEY": "1"}
    assert find_secret("a=swordfish-1", environment) == "the value of MY_TOKEN"
    assert masked("a=swordfish-1 b=swordfish-1 1 experiment", environment) == f"a={MASK} b={MASK} 1 experiment"
    assert find_secret("a=experiment1", environment) is None
    assert find_secret("a=/home/someone/runs", {"SSH_KEY": "/home/someone"}) is None


def test_a_config_is_looked_at_by_its_keys_and_by_its_values():
    assert find_in_config([("a.b", 1), ("a.tokens", 5), ("a.token", None), ("a.use_auth", True)]) is None
    assert find_in_config([("a.b", 1), ("judge.api_key", 12345678)]) == ("judge.api_key", "api_key")
    assert find_in_config([("a.headers", ["x", {"Authorization": "abc"}])]) == ("a.headers", "Authorization")
    assert masked_value("judge.api_key", "abc def") == MASK
    assert masked_value("judge.name", f"x {HF} y") == f"x {MASK} y"
    assert masked_value("judge.api_key", "null") == "null"


@pytest.mark.parametrize("piece", ["a=[", "a", "eyJ-", "://a:", "x.", 'a="', "Bearer ", "-----BEGIN A ", "token='", "a b:c@"])
def test_hostile_text_takes_no_longer_than_its_length(piece):
    start = time.process_time()
    masked(piece * (500_000 // len(piece)))
    assert time.process_time() - start < 5  # a second or less; minutes if it were quadratic
