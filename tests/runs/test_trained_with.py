"""A checkpoint is not resumed with another objective than it was trained with."""

import json

import pytest
from omegaconf import OmegaConf

from recipe.hapo.method import HAPO
from recipe.htpo.method import HTPO
from recipe.runs.start_checks import checks_before_start
from recipe.runs.trained_with import FILE, check_settings, keep_settings, kept_of, objective_settings

METHODS = {"htpo": HTPO, "hapo": HAPO}
ACTOR, ROLLOUT = "actor_rollout_ref.actor", "actor_rollout_ref.rollout"


@pytest.fixture
def run(compose, tmp_path):
    """A run in one folder, with the model beside the checkpoints, as in the demo."""

    def run(*overrides, recipe="htpo", folder=tmp_path / "run"):
        given = [f"actor_rollout_ref.model.path={folder}/model", f"trainer.default_local_dir={folder}/checkpoints"]
        return compose(*given, *overrides, recipe=recipe)

    return run


@pytest.fixture
def trained(run, tmp_path):
    """A checkpoint of step 6 that a run with these settings has saved; returns the file that says so."""

    def trained(*overrides, recipe="htpo"):
        checkpoint(tmp_path / "run/checkpoints")
        keep_settings(run(*overrides, recipe=recipe), METHODS[recipe])
        return tmp_path / "run" / FILE

    return trained


def checkpoint(folder, step=6):
    (folder / f"global_step_{step}").mkdir(parents=True)
    (folder / "latest_checkpointed_iteration.txt").write_text(str(step))


CHANGES = {  # what is named, and nothing else
    "htpo.difficulty_threshold=0.5": ["htpo.difficulty_threshold 0.6 -> 0.5"],
    "htpo.objectives.hard_wrong_high.loss=ppo_clip": ["htpo.objectives.hard_wrong_high.loss penalize -> ppo_clip"],
    "adaptive_temperature.enabled=True adaptive_temperature.tau=0.1": [
        "adaptive_temperature.enabled False -> True",
        "adaptive_temperature.tau null -> 0.1",
        "adaptive_temperature.entropy_pivot null -> 0.8",
        "adaptive_temperature.variant null -> paper",
    ],
    "algorithm.norm_adv_by_std_in_grpo=False": ["algorithm.norm_adv_by_std_in_grpo True -> False"],
    "algorithm.filter_groups.enable=False": [
        "algorithm.filter_groups.enable True -> False",
        "algorithm.filter_groups.metric acc -> null",
    ],
    "algorithm.rollout_correction.rollout_is=token": ["algorithm.rollout_correction.rollout_is null -> token"],
    f"{ACTOR}.clip_ratio_high=0.2": [f"{ACTOR}.clip_ratio_high 0.28 -> 0.2"],
    f"{ACTOR}.clip_ratio_c=3": [f"{ACTOR}.clip_ratio_c 10.0 -> 3"],
    f"{ACTOR}.policy_loss.loss_mode=vanilla": [f"{ACTOR}.policy_loss.loss_mode htpo -> vanilla"],
    f"{ACTOR}.loss_agg_mode=seq-mean-token-mean": [f"{ACTOR}.loss_agg_mode token-mean -> seq-mean-token-mean"],
    f"{ACTOR}.entropy_coeff=0.01": [f"{ACTOR}.entropy_coeff 0 -> 0.01"],
    f"{ACTOR}.use_kl_loss=True": [
        f"{ACTOR}.use_kl_loss False -> True",
        f"{ACTOR}.kl_loss_coef null -> 0.001",
        f"{ACTOR}.kl_loss_type null -> low_var_kl",
    ],
    f"{ROLLOUT}.n=8": [f"{ROLLOUT}.n 16 -> 8"],
    f"{ROLLOUT}.temperature=0.9": [f"{ROLLOUT}.temperature 1.0 -> 0.9"],
    f"{ROLLOUT}.top_p=0.9": [f"{ROLLOUT}.top_p 1 -> 0.9"],
    f"{ROLLOUT}.top_k=20": [f"{ROLLOUT}.top_k -1 -> 20"],
    "actor_rollout_ref.model.path=org/other": ["actor_rollout_ref.model.path model -> org/other"],
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_objective_is_refused_with_what_has_changed_and_the_ways_out(run, trained, change, tmp_path):
    file = trained()
    with pytest.raises(ValueError, match="were trained with other settings") as refusal:
        check_settings(run(*change.split()), HTPO)
    sentence = str(refusal.value)
    assert sentence == (
        f"the checkpoints in {tmp_path}/run/checkpoints were trained with other settings ({file}): "
        f"{', '.join(CHANGES[change])}; start anew with another trainer.default_local_dir, or remove that file to go on from "
        "them with the new ones"
    )
    file.unlink()  # as it says
    assert check_settings(run(*change.split()), HTPO) is None


def test_a_preset_of_objectives_and_a_switch_of_hapo_are_refused(run, trained):
    trained()
    with pytest.raises(ValueError, match=r"htpo\.objectives\.hard_correct_high\.loss encourage -> ppo_clip, "):
        check_settings(run("objectives=dapo"), HTPO)
    trained_with_another_method = r"\): method htpo -> hapo; start anew"
    with pytest.raises(ValueError, match=trained_with_another_method):
        check_settings(run(recipe="hapo"), HAPO)


def test_what_a_reference_leads_to_counts(run, trained):
    trained(recipe="hapo")
    with pytest.raises(
        ValueError, match=r"hapo\.entropy_pivot 0\.8 -> 0\.9, adaptive_temperature\.entropy_pivot 0\.8 -> 0\.9; "
    ):
        check_settings(run("hapo.entropy_pivot=0.9", recipe="hapo"), HAPO)
    check_settings(run("adaptive_temperature.entropy_pivot=0.80", recipe="hapo"), HAPO)  # the same value, written out


LEGITIMATE = [
    "trainer.total_training_steps=99",
    "trainer.total_epochs=7",
    "trainer.save_freq=3",
    "trainer.test_freq=3",
    "trainer.logger=[console]",
    f"{ACTOR}.optim.lr=3e-6",
    "trainer.nnodes=2",
    "trainer.n_gpus_per_node=4",
    "data.train_batch_size=64",
    f"{ACTOR}.ppo_mini_batch_size=16",
    f"{ACTOR}.ppo_max_token_len_per_gpu=99999",
    f"{ACTOR}.fsdp_config.param_offload=True",
    f"{ROLLOUT}.gpu_memory_utilization=0.4",
    f"{ROLLOUT}.val_kwargs.n=8",
    "trainer.rollout_data_dir=/elsewhere",
    "trainer.experiment_name=other",
    "trainer.hang_timeout_s=60",
    "algorithm.filter_groups.max_num_gen_batches=90",
    "algorithm.filter_groups.max_inflight_gen_batches=2",
    "trainer.v1.trainer_mode=colocate_async",
    # without a meaning while they are off
    "adaptive_temperature.tau=0.2",
    f"{ACTOR}.kl_loss_coef=0.0",
    "algorithm.kl_ctrl.kl_coef=0.0",
    # the same numbers
    f"{ACTOR}.clip_ratio_high=2.8e-1",
    f"{ACTOR}.clip_ratio_c=10",
    f"{ROLLOUT}.temperature=1",
]


@pytest.mark.parametrize("change", LEGITIMATE)
def test_what_people_change_on_the_way_is_not_compared(run, trained, change):
    file = trained()
    assert check_settings(run(change), HTPO) == file


def test_a_yaml_of_ones_own_in_another_order_is_the_same(run, trained):
    trained()
    config = run()
    tree = OmegaConf.to_container(config)
    tree["htpo"] = dict(reversed(tree["htpo"].items()))
    tree["algorithm"] = dict(reversed(tree["algorithm"].items()))
    assert check_settings(OmegaConf.create(tree), HTPO)


def test_only_a_run_that_resumes_here_is_compared(run, trained, tmp_path):
    trained()
    other = "htpo.difficulty_threshold=0.5"
    here, elsewhere = tmp_path / "run/checkpoints/global_step_6", tmp_path / "branch/checkpoints"
    by_path = ["trainer.resume_mode=resume_path", f"trainer.resume_from_path={here}"]
    with pytest.raises(ValueError, match="other settings"):
        check_settings(run(other, *by_path), HTPO)
    assert check_settings(run(other, *by_path, f"trainer.default_local_dir={elsewhere}"), HTPO) is None
    assert check_settings(run(other, "trainer.resume_mode=disable"), HTPO) is None
    assert check_settings(run(other, "trainer.val_only=True"), HTPO) is None
    (here.parent / "latest_checkpointed_iteration.txt").unlink()
    here.rmdir()
    assert check_settings(run(other), HTPO) is None


def test_a_folder_from_before_there_was_such_a_file_resumes(run, tmp_path):
    checkpoint(tmp_path / "run/checkpoints")
    assert check_settings(run(), HTPO) is None


def test_a_folder_that_was_moved_with_its_model_resumes(run, trained, tmp_path):
    trained()
    (tmp_path / "run").rename(tmp_path / "moved")
    assert check_settings(run(folder=tmp_path / "moved"), HTPO) == tmp_path / "moved" / FILE


@pytest.mark.parametrize("text", ["", "{", "3", '"text"'])
def test_a_file_that_says_nothing_is_one_sentence(run, trained, text):
    trained().write_text(text)
    with pytest.raises(ValueError, match=rf"{FILE}, what the checkpoints were trained with, cannot be read .*; remove it$"):
        check_settings(run(), HTPO)


def test_it_is_looked_at_before_a_finished_run_is_told_to_train_for_longer(run, trained):
    trained()
    checks = checks_before_start(run("trainer.total_training_steps=6", "htpo.difficulty_threshold=0.5"), HTPO)
    names = list(checks)
    assert names.index("objective") < names.index("resume")
    with pytest.raises(ValueError, match="other settings"):
        checks["objective"]()


def test_the_file_is_written_with_a_checkpoint_and_only_then(monkeypatch, run, tmp_path):
    """A run that starts anew over the checkpoints of another, and dies before its first one, leaves them as they are."""
    from recipe.adaptive_temperature.trainer import AdaptiveTemperatureTrainer
    from recipe.runs.trainer import RunTrainer

    monkeypatch.setattr(AdaptiveTemperatureTrainer, "save", lambda self: setattr(self, "saved_step", self.global_steps))
    trainer = object.__new__(type("Trainer", (RunTrainer,), {"method": HTPO}))
    trainer.config, trainer.global_steps, trainer.left_out = run("htpo.difficulty_threshold=0.5"), 3, [2]
    (tmp_path / "run").mkdir()
    trainer.save()  # which leaves it out, after an update that was not finite
    assert not (tmp_path / "run" / FILE).exists()
    trainer.left_out = []
    trainer.save()
    kept = json.loads((tmp_path / "run" / FILE).read_text())
    assert kept.pop("answers") == {"reward": None, "reward_kwargs": {}, "apply_chat_template_kwargs": {}}
    assert set(kept.pop("code")) == {"version", "commit", "packages"}
    assert kept == objective_settings(trainer.config, HTPO)
    assert kept["htpo.difficulty_threshold"] == 0.5
    assert kept["method"] == "htpo"


def test_the_code_is_kept_and_not_compared(run, trained):
    file = trained()
    kept = json.loads(file.read_text())
    assert kept["code"]["packages"]["verl"] == "0.9.1"
    file.write_text(json.dumps(kept | {"code": {"version": "9"}}))
    assert check_settings(run(), HTPO) == file
    settings, answers, code = kept_of(file.parent)
    assert code == {"version": "9"}
    assert settings["method"] == "htpo"
    assert set(answers) == {"reward", "reward_kwargs", "apply_chat_template_kwargs"}
    assert not {"code", "answers"} & set(settings)
