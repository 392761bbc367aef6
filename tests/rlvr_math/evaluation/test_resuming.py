"""An evaluation that was stopped, killed or failed continues where it was: everything is real but Ray, servers and scorers."""

import json
import os
import signal
from collections import Counter

import pytest

from recipe.rlvr_math.evaluation import evaluate as entry
from recipe.rlvr_math.evaluation.samples import read_samples
from recipe.runs.stopping import RUN_AGAIN

ALL = {(str(problem), sample) for problem in range(3) for sample in range(4)}


def kept(folder):
    return [(s.problem, s.sample) for s in read_samples(folder / "out/sums.jsonl")]


def test_an_evaluation_makes_every_sample_and_writes_the_contract(evaluation, stack, tmp_path, capsys):
    entry.evaluate(evaluation())
    lines = [json.loads(line) for line in (tmp_path / "out/sums.jsonl").read_text().splitlines()]
    assert Counter((line["problem"], line["sample"]) for line in lines) == Counter(ALL)
    keys = ["problem", "sample", "score", "acc", "pred", "ground_truth", "output", "tokens", "cut_off"]
    assert all(list(line) == keys for line in lines)
    assert [line["acc"] for line in lines] == [1 - line["sample"] % 2 for line in lines]
    assert [line["sample"] for line in lines] == sorted(line["sample"] for line in lines)  # all problems once, then twice

    settings = json.loads((tmp_path / "out/settings.json").read_text())
    assert settings["format"] == 1
    assert settings["n"] == 4
    assert settings["model"] == str(tmp_path / "model")
    assert settings["benchmarks"]["sums"]["problems"] == 3
    expected = {"temperature": 1.0, "top_p": 0.7, "top_k": -1, "max_prompt_tokens": 48, "max_response_tokens": 8, "seed": 1}
    assert settings["sampling"] == expected
    assert settings["template"] == "unknown"
    assert settings["verifier"].startswith("reward.py:compute_score sha256 ")
    assert settings["versions"]["verl"] == "0.9.1"
    assert settings["hardware"] == "a fake"
    assert settings["request_seeds"] is False  # vLLM on CPU takes none
    shown = capsys.readouterr().out
    assert "mean@4" in shown
    assert "0.500     25.0%" in shown


def test_what_is_there_is_not_made_again_and_a_cut_line_is_made_anew(evaluation, stack, tmp_path):
    def fail(number):
        if number == 7:
            raise RuntimeError("the server died")

    stack.at = fail
    config = evaluation("actor_rollout_ref.rollout.max_num_seqs=2")
    with pytest.raises(SystemExit) as error:
        entry.evaluate(config)
    assert error.value.code == 1
    file = tmp_path / "out/sums.jsonl"
    before = kept(tmp_path)
    assert 4 <= len(before) <= 7
    file.write_bytes(file.read_bytes()[:-9])  # as a kill in the middle of a line leaves it

    stack.at, stack.made = lambda number: None, []
    entry.evaluate(config)
    assert Counter(stack.made) == Counter(ALL - set(before[:-1]))
    assert Counter(kept(tmp_path)) == Counter(ALL)
    assert stack.engine_seeds[0] != stack.engine_seeds[1]

    stack.made = []
    entry.evaluate(config)
    assert stack.made == []
    assert len(stack.engine_seeds) == 2  # no server was started


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_leaves_a_folder_that_can_be_continued_and_says_so(evaluation, stack, tmp_path, capsys, number):
    handlers = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)}
    stack.at = lambda request: os.kill(os.getpid(), number) if request == 7 else None
    config = evaluation("actor_rollout_ref.rollout.max_num_seqs=2")
    with pytest.raises(SystemExit) as error:
        entry.evaluate(config)
    assert error.value.code == RUN_AGAIN
    assert {one: signal.getsignal(one) for one in handlers} == handlers
    done = len(kept(tmp_path))
    assert 0 < done < 12
    assert f"stopped: {done} of 12 samples are in {tmp_path}/out; the same command continues" in capsys.readouterr().err
    stack.at = lambda request: None
    entry.evaluate(config)
    assert Counter(kept(tmp_path)) == Counter(ALL)


def test_a_failure_says_how_much_is_there(evaluation, stack, tmp_path, capsys):
    def fail(number):
        raise RuntimeError("The server died.\nlong story")

    stack.at = fail
    with pytest.raises(SystemExit) as error:
        entry.evaluate(evaluation())
    assert error.value.code == 1
    end = capsys.readouterr().err.strip().splitlines()[-1]
    assert end == f"error: The server died; 0 of 12 samples are in {tmp_path}/out; the same command continues"


def test_a_request_has_the_same_seed_in_every_attempt_and_no_other_request_has_it(evaluation, stack, monkeypatch, tmp_path):
    monkeypatch.setattr(entry, "takes_request_seeds", lambda: True)
    entry.evaluate(evaluation())
    first = dict(zip(stack.made, stack.request_seeds, strict=True))
    assert len(set(first.values())) == 12
    stack.made, stack.request_seeds = [], []
    entry.evaluate(evaluation(f"out={tmp_path}/again"))
    assert dict(zip(stack.made, stack.request_seeds, strict=True)) == first
    stack.made, stack.request_seeds = [], []
    entry.evaluate(evaluation(f"out={tmp_path}/other", "seed=2"))
    assert set(stack.request_seeds).isdisjoint(first.values())


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("temperature=0.5", "sampling.temperature is 1.0 there and 0.5 now"),
        ("n=8", "n is 4 there and 8 now"),
        ("seed=2", "sampling.seed is 1 there and 2 now"),
        ("+reward.custom_reward_function.reward_kwargs.strict=1", "verifier is"),
        ("+data.apply_chat_template_kwargs.enable_thinking=False", "chat_template.arguments.enable_thinking is not set there"),
    ],
)
def test_a_folder_with_other_settings_is_refused_and_they_are_named(evaluation, stack, capsys, override, named):
    entry.evaluate(evaluation())
    with pytest.raises(SystemExit) as error:
        entry.evaluate(evaluation(override))
    assert error.value.code == 2
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert "holds another evaluation (" in message
    assert named in message
    assert message.count(" now") == 1  # nothing else is named


def test_other_weights_in_the_same_folder_are_another_model(evaluation, stack, model, capsys):
    import torch
    from safetensors.torch import save_file

    entry.evaluate(evaluation())
    save_file({"weight": torch.zeros(2)}, model / "model.safetensors")
    with pytest.raises(SystemExit):
        entry.evaluate(evaluation())
    assert "model_files is" in capsys.readouterr().err


def test_two_evaluations_do_not_write_to_one_folder(evaluation, stack, capsys):
    config = evaluation()

    def second(number):
        if number == 5:
            with pytest.raises(SystemExit):
                entry.evaluate(config)

    stack.at = second
    entry.evaluate(config)
    assert "another evaluation is writing to" in capsys.readouterr().err


def test_what_was_killed_before_the_first_sample_starts_anew(evaluation, stack, monkeypatch, tmp_path):
    def killed(config):
        raise SystemExit(137)

    with monkeypatch.context() as patched:
        patched.setattr(entry, "start_ray", killed)
        with pytest.raises(SystemExit):
            entry.evaluate(evaluation())
    assert not (tmp_path / "out/settings.json").exists()
    entry.evaluate(evaluation())
    assert Counter(kept(tmp_path)) == Counter(ALL)


def test_samples_of_nobody_knows_what_are_not_continued(evaluation, stack, tmp_path, capsys):
    entry.evaluate(evaluation())
    (tmp_path / "out/settings.json").unlink()
    with pytest.raises(SystemExit):
        entry.evaluate(evaluation())
    assert "holds samples, but no settings.json" in capsys.readouterr().err
