"""Wrong command lines: what does not even compose to a config ends in one sentence, too, with the status of a user's error."""

import re
import sys

import pytest

from recipe.htpo.method import HTPO
from recipe.runs.commands import training_command

COMMAND_LINES = {
    "htpo.dificulty_threshold=0.5": r"the config has no htpo.dificulty_threshold; did you mean htpo.difficulty_threshold\?",
    "data.train_file=x": r"the config has no data.train_file; did you mean data.train_files\?",
    "quite.another=1": r"the config has no quite.another; a new key is added with \+ before it",
    "+trainer.nnodes=2": r"trainer.nnodes is in the config already; leave out the \+",
    "+experiment=qwen9": r"there is no experiment=qwen9; experiment is one of .*qwen3_8b_base",
    "+platform=tpu": r"there is no platform=tpu; platform is one of cpu",
    "objectives=grpo": r"there is no .*objectives.*grpo; .*cispo",
    "model_engine=deepspeed": r"there is no .*model_engine.*deepspeed; .*megatron",
    "trainer.nnodes": r"the command line cannot be understood: .*trainer.nnodes",
    "data.train_files=[a,b": r"the command line cannot be understood",
    "=3": r"the command line cannot be understood",
    "trainer.experiment_name=a b=c": r"the command line cannot be understood",
    "~trainer.no_such_key": r"the command line cannot be understood: .*no_such_key",
    "trainer.nnodes.x=3": r"the config has no trainer.nnodes.x; did you mean trainer.nnodes",
}


@pytest.mark.parametrize("override", COMMAND_LINES)
def test_a_wrong_command_line_is_one_sentence(monkeypatch, capsys, tmp_path, override):
    monkeypatch.setattr(sys, "argv", ["main", f"hydra.run.dir={tmp_path}", override])
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    with pytest.raises(SystemExit) as end:
        training_command(HTPO)()
    lines = capsys.readouterr().err.strip().splitlines()
    assert end.value.code == 2
    assert len(lines) == 1
    assert re.search(f"^error: {COMMAND_LINES[override]}", lines[0]), lines[0]
