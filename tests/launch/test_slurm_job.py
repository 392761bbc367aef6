"""The functions of launch/slurm/job.sh with stand-ins for Slurm's commands; tests/launch/cluster has the real ones."""

import os
import stat
import subprocess
import time

import pytest

from tests import ROOT

SLURM = ROOT / "launch/slurm"
FAILS = "echo slurm_load_jobs error: Unable to contact slurm controller >&2; exit 1"


@pytest.fixture
def bash(tmp_path):
    """Run a piece of bash among job.sh's functions; keywords are Slurm's commands. Returns (status, stdout, stderr)."""

    def run(script: str, environment: dict | None = None, **commands: str):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        for name, text in commands.items():
            (folder / name).write_text(f'#!/bin/bash\necho "{name} $*" >>{tmp_path}/calls\n{text}\n')
            (folder / name).chmod(0o755)
        variables = {"PATH": f"{folder}:{os.environ['PATH']}", "SLURM_JOB_ID": "7", **(environment or {})}
        whole = f"set -uo pipefail; tools={SLURM}; notice=''; . {SLURM}/job.sh; trap - EXIT; pause() {{ :; }}; {script}"
        done = subprocess.run(["bash", "-c", whole], env=variables, capture_output=True, text=True, cwd=tmp_path, timeout=60)
        return done.returncode, done.stdout.strip(), done.stderr.strip()

    run.calls = lambda: (tmp_path / "calls").read_text().splitlines()
    return run


ARRAY = {"SLURM_JOB_ID": "40", "SLURM_ARRAY_JOB_ID": "40", "SLURM_ARRAY_TASK_ID": "1"}


def test_a_task_of_an_array_asks_and_requeues_for_itself_alone(bash):
    script = "MAX_REQUEUES=3 job_dir=. ; job_end; requeue 'the limit is near'"
    status, output, words = bash(script, ARRAY, squeue="echo 1790000000", scontrol="")
    assert output == "1790000000"
    assert bash.calls() == ["squeue --noheader --jobs=40_1 --format=%e", "scontrol requeue 40_1"]
    assert "job 40_1, start 1] requeued: the limit is near" in words
    assert status == 1  # Slurm ends a job that it has requeued


@pytest.mark.parametrize(
    ("answer", "end"),
    [
        ("echo 1790000000", "1790000000"),
        ("echo '  1790000000  '", "1790000000"),
        ("echo N/A", "99999999999"),
        ("echo", None),
        (FAILS, None),
        ("echo 2026-09-21T13:33:20", None),
        ("echo Tomorrow 13:33", None),
        ("echo 13:33", None),
        ("echo 1790000000; echo 1790000001", None),  # of a whole array
        ('[ "$SLURM_TIME_FORMAT" = %s ] && echo 1790000000 || echo 13:33', "1790000000"),
    ],
)
def test_the_end_of_the_job_is_a_number_of_seconds_or_unknown(bash, answer, end):
    status, output, _ = bash("job_end", {"SLURM_TIME_FORMAT": "relative"}, squeue=answer)
    assert (status == 0, output) == ((True, end) if end else (False, ""))


def test_one_failure_of_squeue_is_asked_again(bash, tmp_path):
    once = f"[ -e {tmp_path}/asked ] && echo 1790000000 && exit; touch {tmp_path}/asked; exit 1"
    assert bash("job_end", squeue=once)[:2] == (0, "1790000000")


NOTICE = "STOP_MARGIN=60 GRACE_S=600 ends='' margin=''; ask_for_end;"


def test_a_squeue_that_fails_leaves_the_driver_the_notice_that_was_asked_for(bash):
    status, output, words = bash(f"{NOTICE} too_late && echo late; echo $((ends - $(date +%s)))", squeue=FAILS)
    assert status == 0
    assert 590 <= int(output) <= 600  # and not late
    assert "squeue does not say when this job ends; taken for 600 s from now (GRACE_S)" in words


def test_a_limit_that_was_extended_counts_and_a_squeue_that_fails_later_changes_nothing(bash, tmp_path):
    now = int(time.time())
    (tmp_path / "end").write_text(str(now + 2))
    script = f"""{NOTICE} sleep 2.2; too_late && echo late; echo {now + 3600} >end; ask_for_end; too_late && echo late
        echo > end; ask_for_end; echo $((ends - {now}))"""
    assert bash(script, squeue="cat end")[1].split() == ["late", "3600"]


@pytest.mark.parametrize(("left", "margin"), [(3600, 60), (120, 60), (60, 30), (2, 1), (0, 0)])
def test_a_short_notice_is_not_all_margin(bash, left, margin):
    output = bash(f"{NOTICE} echo $margin", squeue=f"echo {int(time.time()) + left}")[1]
    assert margin - 1 <= int(output) <= margin


def test_scripts_that_read_unset_variables_can_be_in_the_sites_settings(bash, tmp_path):
    (tmp_path / "conda.sh").write_text('[ -z "$CONDA_SHLVL" ]\nexport FROM_CONDA=1\n')
    (tmp_path / "site.env").write_text(f". {tmp_path}/conda.sh\n")
    status, output, words = bash('read_site; echo "$FROM_CONDA"; echo "$UNSET"', {"SITE_ENV": f"{tmp_path}/site.env"})
    assert output == "1"
    assert status != 0  # the job script itself has no such variables
    assert "UNSET: unbound variable" in words


def test_what_is_wrong_with_the_sites_settings_is_said(bash, tmp_path):
    assert "error: SITE_ENV=/none does not exist" in bash("read_site", {"SITE_ENV": "/none"})[2]
    (tmp_path / "site.env").write_text("module load nonesuch\n")
    status, _, words = bash("read_site", {"SITE_ENV": f"{tmp_path}/site.env"}, module="exit 1")
    assert status == 1
    assert f"error: the last command in the site's settings, {tmp_path}/site.env, has failed" in words


def test_the_jobs_folder_is_the_users_alone(bash, tmp_path):
    def attempt(name):
        return bash(f"private_folder {tmp_path}/{name}")[0] == 0

    assert attempt("logs/7")
    assert attempt("logs/7")  # after a requeue
    (tmp_path / "open").mkdir(mode=0o755)
    assert attempt("open")
    for name in ("logs/7", "open"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o700
    (tmp_path / "link").symlink_to(tmp_path / "open")
    assert not attempt("link")
    if os.geteuid() == 0:
        (tmp_path / "others").mkdir()
        os.chown(tmp_path / "others", 65534, 65534)
        assert not attempt("others")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("JobId=7 JobName=x OverSubscribe=NO Contiguous=0", None),
        ("JobId=7 JobName=x OverSubscribe=USER Contiguous=0", None),
        ("JobId=7 JobName=x OverSubscribe=OK Contiguous=0", "(OverSubscribe=OK)"),
        ("JobId=7 JobName=x OverSubscribe=YES Contiguous=0", "(OverSubscribe=YES)"),
        ("", "(OverSubscribe=unknown)"),
    ],
)
def test_nodes_that_others_may_use_are_said(bash, line, said):
    words = bash("warn_of_others", scontrol=f"echo '{line}'")[2]
    assert words == "" if said is None else said in words and "--exclusive" in words


def test_a_requeue_outlasts_a_controller_that_does_not_answer(bash, tmp_path):
    third = f"echo >>{tmp_path}/tries; [ $(wc -l <{tmp_path}/tries) = 3 ]"
    quick = "sleep() { :; }; MAX_REQUEUES=3 job_dir=. ; requeue 'lost'"
    bash(quick, scontrol=third, squeue=FAILS)
    assert bash.calls().count("scontrol requeue 7") == 3


def test_a_job_that_slurm_does_not_requeue_says_so(bash):
    quick = "sleep() { :; }; MAX_REQUEUES=3 job_dir=. ; requeue 'lost'"
    assert "error: Slurm does not requeue this job" in bash(quick, scontrol="exit 1", squeue="echo RUNNING")[2]
    assert bash.calls().count("scontrol requeue 7") == 10
