"""What the demo shows while it trains, and its closing table."""

import io
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from launch.demo import progress, run, training
from launch.demo.progress import ACCURACY, REWARD, SECONDS, STARTING, Bar, Lines
from recipe.hapo.method import HAPO
from recipe.token_level.display import Display, Group

FIRST = {0: {ACCURACY: 0.19}, 1: {REWARD: 0.46, SECONDS: 6.0}}
SECOND = FIRST | {2: {REWARD: 0.64, SECONDS: 6.0, ACCURACY: 0.66}}


@pytest.fixture
def started():
    """A bar that has waited 45 s for the stack; `later` lets time pass."""

    def bar(total, before):
        found = Bar(total, before, file=io.StringIO())
        found.bar.start_t -= 45
        return found

    def later(bar, seconds):
        bar.bar.start_t -= seconds

    return SimpleNamespace(bar=bar, later=later)


def speed(bar):
    """Steps done, seconds per step and seconds left, as the bar shows them."""
    facts = bar.bar.format_dict
    rate = (facts["n"] - facts["initial"]) / facts["elapsed"]
    return facts["n"], pytest.approx(1 / rate, abs=0.2), pytest.approx((facts["total"] - facts["n"]) / rate, abs=2)


def test_the_start_up_counts_in_no_speed(started):
    bar = started.bar(10, {})
    bar.show({})
    assert STARTING in str(bar.bar)
    bar.show({0: FIRST[0]})
    assert STARTING in str(bar.bar)
    bar.show(FIRST)
    assert speed(bar) == (1, 6.0, 54.0)
    started.later(bar, 8)
    bar.show(SECOND)
    assert speed(bar) == (2, 7.0, 56.0)
    shown = str(bar.bar)
    assert shown.startswith("training:  20%")
    assert "7.0" in shown.partition("s/step")[0][-5:]
    assert "reward=0.64" in shown
    assert "accuracy@2=0.66" in shown
    bar.close()


def test_a_resumed_run_counts_its_own_steps(started):
    bar = started.bar(10, SECOND)
    bar.show(SECOND)
    assert bar.bar.n == 2
    assert STARTING in str(bar.bar)
    bar.show(SECOND | {1: FIRST[1] | {ACCURACY: 0.3}})  # it validated the checkpoint of step 1
    assert STARTING in str(bar.bar)
    again = SECOND | {2: {REWARD: 0.6, SECONDS: 4.0}}
    bar.show(again)
    assert speed(bar) == (2, 4.0, 32.0)
    bar.close()


def test_without_a_terminal_there_is_a_line_a_step():
    out = io.StringIO()
    lines = Lines(3, {}, file=out)
    for steps in ({}, {}, {0: FIRST[0]}, FIRST, FIRST, FIRST, SECOND):
        lines.show(steps)
    lines.close()
    assert out.getvalue().splitlines() == [
        STARTING,
        "step 0/3  accuracy 0.19",
        "step 1/3  reward 0.46  6.0 s",
        "step 2/3  reward 0.64  accuracy 0.66  6.0 s",
        "ended at step 2/3",
    ]


def test_a_resumed_runs_lines_are_what_is_new():
    out = io.StringIO()
    lines = Lines(3, FIRST, file=out)
    lines.show(SECOND)
    assert out.getvalue().splitlines() == [STARTING, "step 2/3  reward 0.64  accuracy 0.66  6.0 s"]


def test_it_suits_what_stderr_is(monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    assert isinstance(progress.progress(3, {}), Lines)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    bar = progress.progress(3, {})
    assert isinstance(bar, Bar)
    bar.close()


def test_a_command_is_followed_line_by_line(tmp_path, capfd):
    lines = "".join(json.dumps({"step": step, "data": data}) + "\n" for step, data in SECOND.items())
    (tmp_path / "given").write_text(lines)
    code = f"import shutil, time; time.sleep(2.5); shutil.copy('{tmp_path}/given', '{tmp_path}/metrics-000.jsonl')"
    assert training.train([sys.executable, "-c", code], tmp_path, 2) == 0
    shown = capfd.readouterr().err.splitlines()
    assert shown[0] == STARTING
    assert [line.split("  ")[0] for line in shown[1:]] == ["step 0/2", "step 1/2", "step 2/2", "ended at step 2/2"]


def test_the_closing_table_has_the_methods_rows(tmp_path, capsys):
    display = Display("third", groups=(Group("rare"), Group("usual")))
    steps = {
        step: {**data, SECONDS: 6.0, "third/rare/token_share": 0.1 * step, "hapo/high_entropy/redistributed_share": 0.5}
        for step, data in ((1, {REWARD: 0.4, ACCURACY: 0.2}), (2, {REWARD: 0.6, ACCURACY: 0.5}))
    }
    assert run.report(SimpleNamespace(display=display), tmp_path, steps, None)
    table = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["third/rare/token_share", "10.0%", "20.0%"] in table
    assert ["third/usual/token_share", "nan%", "nan%"] in table
    assert run.report(HAPO, tmp_path, steps, None)
    table = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["hapo/high_entropy/redistributed_share", "50.0%", "50.0%"] in table


@pytest.mark.parametrize(
    ("accuracies", "doubled", "shown"),
    [
        ((0.19, 0.67, 0.30), True, "0.19 0.30 best 0.67"),  # as it was seen
        ((0.19, 0.3, 0.38), True, "0.19 0.38"),
        ((0.19, 0.37, 0.3), False, "0.19 0.30 best 0.37"),
        ((0.0, 0.0, 0.0), False, "0.00 0.00"),
        ((0.19,), False, "0.19 0.19"),
    ],
)
def test_the_accuracy_has_doubled_if_it_did_at_any_step(tmp_path, capsys, accuracies, doubled, shown):
    steps = {step: {ACCURACY: accuracy, REWARD: 0.5, SECONDS: 6.0} for step, accuracy in enumerate(accuracies)}
    assert run.report(HAPO, tmp_path, steps, None) is doubled
    assert f"validation accuracy {shown}" in [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_a_method_is_found_by_its_package():
    assert run.method_of("hapo") is run.method_of("recipe.hapo") is HAPO
    assert "tests.mine.main" in run.training_command("tests.mine", run.ROOT, [])
    wrong = subprocess.run(
        [sys.executable, run.HERE / "run.py", "--recipe", "nothing"], capture_output=True, text=True, cwd=run.ROOT
    )
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("error: --recipe nothing: ")
    assert "No module named" in wrong.stderr
    assert len(wrong.stderr.splitlines()) == 1
