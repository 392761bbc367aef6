"""A run's checkpoint is evaluated with the run's `thinking` and chat template arguments; whoever asks for others is told."""

import json

import pytest
from omegaconf import OmegaConf

from recipe.htpo.method import HTPO
from recipe.rlvr_math.evaluation.as_trained import take_from_run
from recipe.rlvr_math.evaluation.evaluate import prepare
from recipe.runs.trained_with import FILE, answers_of, keep_settings
from tests.composing import compose as compose_run

OURS = "reward.custom_reward_function.path=pkg://recipe.rlvr_math.reward.score"
KWARGS = "+reward.custom_reward_function.reward_kwargs"
CHAT = "+data.apply_chat_template_kwargs.enable_thinking"


@pytest.fixture
def trained(tmp_path):
    """A run with these settings that has saved step 4; returns its checkpoint's actor folder."""

    def trained(*overrides):
        folder = tmp_path / "run/checkpoints"
        actor = folder / "global_step_4/actor"
        actor.mkdir(parents=True)
        given = ("actor_rollout_ref.model.path=org/model", "data.train_files=none", "data.val_files=none")
        keep_settings(compose_run("htpo", *given, f"trainer.default_local_dir={folder}", OURS, *overrides), HTPO)
        return actor

    return trained


def kwargs_of(config):
    return OmegaConf.to_container(config.reward.custom_reward_function.get("reward_kwargs") or OmegaConf.create({}))


@pytest.mark.parametrize("where", [".", "..", "../..", "huggingface"])
def test_what_is_not_given_is_the_runs(trained, compose_evaluation, where):
    model = (
        trained(f"{KWARGS}.thinking=prompt", f'{KWARGS}.thinking_tags=[["<a>","</a>"]]', f"{CHAT}=False") / where
    ).resolve()
    config = compose_evaluation(f"{KWARGS}.timeout=3")
    said = take_from_run(config, str(model))
    assert kwargs_of(config) == {"timeout": 3, "thinking": "prompt", "thinking_tags": [["<a>", "</a>"]]}
    assert config.data.apply_chat_template_kwargs == {"enable_thinking": False}
    assert [sentence.partition(" (")[0] for sentence in said] == [
        "data.apply_chat_template_kwargs.enable_thinking=False, as in training",
        f"{KWARGS[1:]}.thinking=prompt, as in training",
        f"{KWARGS[1:]}.thinking_tags=[['<a>', '</a>']], as in training",
    ]
    assert all(sentence.endswith(f"/run/{FILE})") for sentence in said)


def test_what_is_given_counts_and_is_warned_of(trained, compose_evaluation):
    model = trained(f"{KWARGS}.thinking=model")
    config = compose_evaluation(f"{KWARGS}.thinking=none", f"{CHAT}=False")
    said = take_from_run(config, str(model))
    assert kwargs_of(config) == {"thinking": "none"}
    assert config.data.apply_chat_template_kwargs == {"enable_thinking": False}
    assert len(said) == 2
    assert "enable_thinking=False, but the run was trained with None (" in said[0]
    assert "thinking=none, but the run was trained with model (" in said[1]
    assert all(sentence.startswith("warning: ") and "\n" not in sentence for sentence in said)


@pytest.mark.parametrize(
    ("run", "asked"),
    [
        ((), ()),  # a base model: nothing to say
        ((f"{KWARGS}.thinking=model",), (f"{KWARGS}.thinking=model",)),
        ((f"{KWARGS}.thinking=model",), ("reward.custom_reward_function.path=null",)),
        (
            (f"{KWARGS}.thinking=model", "reward.custom_reward_function.path=own.py"),
            (),
        ),  # a function of the user's, with a key of it
    ],
)
def test_nothing_is_changed_or_said_where_it_is_the_same_or_another_reward(trained, compose_evaluation, run, asked):
    config = compose_evaluation(*asked)
    before = OmegaConf.to_container(config)
    assert take_from_run(config, str(trained(*run))) == []
    assert OmegaConf.to_container(config) == before


def test_a_model_of_no_run_and_a_run_from_before(trained, model, compose_evaluation):
    config = compose_evaluation()
    assert take_from_run(config, str(model)) == []
    actor = trained(f"{KWARGS}.thinking=model")
    _, file = answers_of(actor)
    content = json.loads(file.read_text())
    del content["answers"]
    file.write_text(json.dumps(content))
    assert take_from_run(config, str(actor)) == []
    file.write_text("{")
    with pytest.raises(ValueError, match=f"{FILE}, what the checkpoints were trained with, cannot be read"):
        take_from_run(config, str(actor))


def test_the_verifier_of_the_evaluation_says_so(trained, model, evaluation, capsys):
    actor = trained(f"{KWARGS}.thinking=model")
    folder = actor / "huggingface"
    model.rename(folder)
    plan = prepare(evaluation(f"model={folder}", OURS))
    assert "thinking=model, as in training" in capsys.readouterr().err
    assert ", thinking=model" in plan.settings["verifier"]
    assert kwargs_of(plan.config)["thinking"] == "model"
