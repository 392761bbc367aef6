"""A misspelt key behind a + ends in one sentence with the likely one; what people add on purpose does not."""

import re

import pytest
from omegaconf import OmegaConf

from recipe.htpo.method import HTPO
from recipe.runs.misspelt import keys_of, refuse_misspelt
from recipe.runs.value_checks import check_values, verls_defaults
from tests import ROOT
from tests.docs.reading import DOCUMENTS, keys
from tests.runs.config.given import GIVEN, METHODS

ROLLOUT, ACTOR, RAY = "actor_rollout_ref.rollout", "actor_rollout_ref.actor", "ray_kwargs.ray_init"
SHARED = ROOT / "recipe/runs/config/dapo_base.yaml"

MISSPELT = {
    "+trainer.total_traning_steps=5": "trainer.total_training_steps",
    "++trainer.total_traning_steps=5": "trainer.total_training_steps",
    "+trainer.sav_freq=5": "trainer.save_freq",
    "+trianer.save_freq=5": "trainer",
    "+data.sed=1": "data.seed",
    "+data.max_response_len=3": "data.max_response_length",
    f"+{ACTOR}.clip_ratio_lo=0.1": f"{ACTOR}.clip_ratio_low",
    f"+{ACTOR}.optim.weigth_decay=0": f"{ACTOR}.optim.weight_decay",
    f"+{ACTOR}.entropy_coef=0": f"{ACTOR}.entropy_coeff",
    f"+{ROLLOUT}.engine_kwargs.vlm.max_logprobs=5": f"{ROLLOUT}.engine_kwargs.vllm",
    # which only this project's configs have
    "+trainer.hang_timout_s=9": "trainer.hang_timeout_s",
    "+trainer.token_dump.respones=9": "trainer.token_dump.responses",
    "+preflght.skip=[nodes]": "preflight",
    "+adaptive_temprature.enabled=True": "adaptive_temperature",
    "+reward.reward_kwargs.overlong_buffer_cfg.enabled=False": "reward.reward_kwargs.overlong_buffer_cfg.enable",
}

MEANT = [
    "+data.columns_of_my_own=[a]",
    "+trainer.my_tracker.url=http://x",
    "+trainer.my_tracker.urll=http://x",
    "+trainer.logger_url=http://x",  # some way from logger
    "+reward.reward_kwargs.penalty=1",
    "+reward.custom_reward_function.reward_kwargs.weights.length=0.5",
    f"+{RAY}.num_gpus=0",
    f"+{RAY}.runtime_env.env_vars.OMP_NUM_THREADS=1",
    f"+{RAY}.runtime_env.env_vars.MKL_NUM_THREADS=1",
    f"+{RAY}._temp_dir=/x",
    f"+{ROLLOUT}.engine_kwargs.vllm.max_logprobs=5",
    f"+{ROLLOUT}.engine_kwargs.vllm.max_num_seq=5",  # vLLM refuses what is not its own
    "+actor_rollout_ref.model.override_config.rope_theta=1",
    f"+{ACTOR}.ppo_infer_max_token_len_per_gpu=99",  # a field of verl's class, which its YAML lacks
    f"+{ACTOR}.use_rollout_log_probs=True",
]


@pytest.mark.parametrize("override", MISSPELT)
def test_a_misspelt_key_is_refused_with_the_likely_one(compose, override):
    meant = MISSPELT[override]
    given = override.lstrip("+").partition("=")[0]
    key = ".".join(given.split(".")[: meant.count(".") + 1])
    with pytest.raises(ValueError, match=re.escape(f"nothing reads {key}; did you mean {meant}? ")) as caught:
        check_values(compose(*GIVEN, override), HTPO.name)
    assert "\n" not in str(caught.value)


def test_a_preset_of_ones_own_is_looked_at_too(compose):
    mine = OmegaConf.create({"trainer": {"total_trainings_steps": 5}})
    with pytest.raises(ValueError, match=r"did you mean trainer.total_training_steps\?"):
        check_values(OmegaConf.merge(OmegaConf.create(OmegaConf.to_container(compose(*GIVEN))), mine), HTPO.name)


@pytest.mark.parametrize("override", MEANT)
def test_what_is_added_on_purpose_is_accepted(compose, override):
    check_values(compose(*GIVEN, override), HTPO.name)


@pytest.mark.parametrize("added", [(), ("+platform=cpu", "+experiment=demo"), ("model_engine=megatron",)])
@pytest.mark.parametrize("method", METHODS)
def test_what_is_shipped_is_accepted(compose, method, added):
    check_values(compose(*GIVEN, *added, recipe=method), method)


def added_in_documents():
    found = {f"+{key}={value or 1}" for document in DOCUMENTS for plus, key, value in keys(document) if plus}
    assert len(found) >= 7
    return found


def added_in_code():
    """What comments, messages and scripts name."""
    key = re.compile(r"(?<![\w+])\+{1,2}((?:[a-z]\w*\.)+\w+)=")
    kinds = (".py", ".yaml", ".sh", ".sbatch", ".example")
    files = [path for room in ("recipe", "launch", "benchmarks", "studies", "examples") for path in (ROOT / room).rglob("*")]
    found = {f"+{name}=1" for path in files if path.suffix in kinds for name in key.findall(path.read_text())}
    assert len(found) >= 7
    return found


@pytest.mark.parametrize("override", sorted(added_in_documents() | added_in_code()))
def test_what_the_project_tells_people_to_add_is_accepted(compose, override):
    add = override if "overlong_buffer_cfg" not in override else override.lstrip("+")  # which the page says, too
    config = compose(*GIVEN, add)
    refuse_misspelt(OmegaConf.to_container(config), (*verls_defaults("fsdp"), *keys_of(SHARED)))
