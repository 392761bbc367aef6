"""Whether there is something left to train."""

from types import SimpleNamespace

import pytest

from recipe.runs.input_checks import check_progress, refuse_finished
from tests.runs.config.given import GIVEN


def test_a_finished_run_is_refused_before_the_start(compose, tmp_path):
    (tmp_path / "latest_checkpointed_iteration.txt").write_text("10")
    (tmp_path / "global_step_10").mkdir()

    def check(steps, *overrides):
        folder = f"trainer.default_local_dir={tmp_path}"
        check_progress(compose(*GIVEN, folder, f"trainer.total_training_steps={steps}", *overrides))

    check(11)
    check("null")
    check(10, "trainer.resume_mode=disable")
    check(10, "trainer.val_only=True")
    with pytest.raises(ValueError, match=r"nothing to train: .* is at step 10 and training ends at step 10; raise"):
        check(10)
    (tmp_path / "global_step_10").rmdir()
    with pytest.raises(ValueError, match=r"no checkpoint in .* is complete \(global_step_10 is gone\)"):
        check(11)


@pytest.mark.parametrize(
    ("step", "steps", "steps_per_epoch", "message"),
    [
        (7, 7, 100, r"at step 7 and training ends at step 7"),
        (200, 300, 100, r"at step 200 and training ends at step 200.*trainer.total_epochs"),
        (0, 0, 0, r"fewer prompts than one batch \(data.train_batch_size=128\)"),
    ],
)
def test_the_trainer_refuses_what_verl_would_end_without_a_step(compose, step, steps, steps_per_epoch, message):

    from recipe.runs.trainer import RunTrainer

    config = compose(*GIVEN, "trainer.total_epochs=2")
    trainer = SimpleNamespace(config=config, global_steps=step, total_training_steps=steps, steps_per_epoch=steps_per_epoch)
    with pytest.raises(ValueError, match=message):
        RunTrainer.fit(trainer, None)


def test_the_trainer_goes_on_with_what_is_left(compose):
    config = compose(*GIVEN, "trainer.total_epochs=2")
    refuse_finished(config, 199, 300, steps_per_epoch=100)
    refuse_finished(config, 6, 7, steps_per_epoch=100)
