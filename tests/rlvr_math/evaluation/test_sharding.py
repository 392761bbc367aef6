"""An evaluation in parts: each answers its own problems, the last one puts all together."""

import json

import pytest

from recipe.rlvr_math.evaluation import evaluate as entry
from recipe.rlvr_math.evaluation.samples import read_samples
from recipe.rlvr_math.evaluation.sharding import read_shard
from recipe.rlvr_math.report.evaluations import load_run
from recipe.runs import ask_to_end
from recipe.runs.alone import NAME
from recipe.runs.stopping import REQUEST, RUN_AGAIN, TRY_AGAIN


def samples(folder):
    return {(s.problem, s.sample): s.output for s in read_samples(folder / "sums.jsonl")}


def test_the_parts_make_the_whole_whichever_ends_last(evaluation, stack, tmp_path, capsys):
    entry.evaluate(evaluation(f"out={tmp_path}/at-once"))
    whole = samples(tmp_path / "at-once")
    entry.evaluate(evaluation("shard=2/2"))
    assert "part 2/2 is complete; still to come: 1/2" in capsys.readouterr().out
    assert not (tmp_path / "out/settings.json").exists()
    assert {problem for problem, _ in samples(tmp_path / "out/shard-2-of-2")} == {"1"}
    entry.evaluate(evaluation("shard=1/2"))
    assert "all 2 parts are complete" in capsys.readouterr().out
    assert samples(tmp_path / "out") == whole
    described = json.loads((tmp_path / "out/settings.json").read_text())
    assert "shard" not in described
    assert load_run(tmp_path / "out", "whole").benchmarks["sums"].problems == ("0", "1", "2")

    stack.made = []
    entry.evaluate(evaluation("shard=1/2"))
    entry.evaluate(evaluation())  # the whole one takes what the parts have made for its own
    assert stack.made == []


def test_a_part_alone_is_an_unfinished_evaluation(evaluation, stack, tmp_path):
    entry.evaluate(evaluation("shard=1/2"))
    with pytest.raises(ValueError, match=r"samples of 2 problems, but settings\.json says 3"):
        load_run(tmp_path / "out/shard-1-of-2", "part")


def test_more_parts_than_problems(evaluation, stack, tmp_path):
    for number in range(1, 6):
        entry.evaluate(evaluation(f"shard={number}/5"))
    assert len(samples(tmp_path / "out")) == 12


def test_parts_with_other_settings_are_not_put_together(evaluation, stack, tmp_path, capsys):
    entry.evaluate(evaluation("shard=1/2"))
    with pytest.raises(SystemExit) as error:
        entry.evaluate(evaluation("shard=2/2", "temperature=0.5"))
    assert error.value.code == 2
    assert "made with other settings than part 1 (sampling.temperature is 1.0 there and 0.5 now)" in capsys.readouterr().err
    assert not (tmp_path / "out/settings.json").exists()


@pytest.mark.parametrize("given", ["0/2", "3/2", "1", "1/0", "a/b", "1/99999", "-1/2"])
def test_what_is_no_part(given):
    with pytest.raises(ValueError, match=f"shard is {given}; it must be K/N"):
        read_shard(given)


def test_what_a_pod_does_before_it_goes_stops_an_evaluation_that_goes_on_later(evaluation, stack, tmp_path):
    out, stack.pause_s = tmp_path / "out", 0.3
    stack.at = lambda number: (out / REQUEST).touch() if number == 5 else None
    assert ask_to_end.NAME == NAME
    with pytest.raises(SystemExit) as error:
        entry.evaluate(evaluation("actor_rollout_ref.rollout.max_num_seqs=1"))
    assert error.value.code == RUN_AGAIN
    assert not ask_to_end.alive(out)
    assert 0 < len(samples(out)) < 12
    stack.at = lambda number: None
    entry.evaluate(evaluation())  # the request is not its own
    assert len(samples(out)) == 12


def test_while_it_runs_it_counts_as_alive(evaluation, stack, tmp_path):
    seen = []
    stack.at = lambda number: seen.append(ask_to_end.alive(tmp_path / "out"))
    entry.evaluate(evaluation())
    assert all(seen)
    assert len(seen) == 12


def test_a_lost_node_is_worth_another_try(evaluation, stack, monkeypatch, capsys):
    import ray

    def fail(number):
        raise ray.exceptions.RayActorError

    stack.at = fail
    monkeypatch.setattr(entry.nodes, "lost", lambda before: ["192.0.2.7"])
    with pytest.raises(SystemExit) as error:
        entry.evaluate(evaluation())
    assert error.value.code == TRY_AGAIN
    assert "lost of the Ray cluster: 192.0.2.7; 0 of 12 samples" in capsys.readouterr().err
