import json
import os
import resource
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recipe.rlvr_math.reward import verifier_pool
from recipe.rlvr_math.reward.nodes import Words
from recipe.rlvr_math.reward.reading import read
from recipe.rlvr_math.reward.score import compute_score
from recipe.rlvr_math.reward.verifier_pool import VerifierPool, VerifierTimeout
from recipe.rlvr_math.reward.verifier_process import MEMORY_LIMIT
from tests import ROOT

pytestmark = pytest.mark.slow  # starts and ends many processes
TYPES = {"score": float, "acc": float, "pred": str, "answered": float, "timeout": float}
TOWER = r"\boxed{9^{9^{9^{9}}}}"


def score(response, truth="34", **keywords):
    result = compute_score("math", response, truth, {"index": 1}, **keywords)
    assert {key: type(value) for key, value in result.items()} == TYPES
    json.dumps(result).encode()
    return result


@pytest.mark.parametrize(
    ("response", "truth"),
    [
        ("Answer: 34", "34"),
        (r"\boxed{1/2}", "0.5"),
        (r"Answer: $\sqrt 2$", r"\sqrt{2}"),
        (r"\boxed{2, 1}", "1, 2"),
        (r"\boxed{(4,5,7), (1,8,19)}", "$(1,8,19), (4,5,7)$"),
        (r"\boxed{[0, 1)}", r"[0,1)"),
        (r"\boxed{3\text{ cm}}", "3"),
        (r"\boxed{90^\circ}", "90"),
        (r"\boxed{x=5}", "5"),
        (r"\boxed{4.5 \times 10^{33}}", "4.5e33"),
        (r"\boxed{\text{Evelyn}}", r"\text{Evelyn}"),
        ("Answer: The value is $34$", "34"),
        (r"\boxed{34}", 34),
        ("\\boxed{\N{FULLWIDTH DIGIT FOUR}\N{FULLWIDTH DIGIT TWO}}", "42"),
    ],
)
def test_right_answers(response, truth):
    assert score(response, truth)["acc"] == 1.0


@pytest.mark.parametrize(
    ("response", "truth"),
    [
        ("34", "34"),
        ("Answer: 35", "34"),
        (r"\boxed{(2,1)}", "(1,2)"),
        (r"\boxed{1}", "1, 2"),
        (r"\boxed{1, 2, 3}", "1, 2"),
        (r"\boxed{[0, 1]}", "[0,1)"),
        (r"\boxed{x=6}", "5"),
        (r"\boxed{1 2}", "12"),
        (r"\boxed{٤٢}", "42"),
        ("Answer: \x00\x01\x02", "42"),
        (r"\boxed{\frac{1}{0}}", r"\frac{2}{0}"),
        (r"\boxed{}", "0"),
        ("", ""),
    ],
)
def test_wrong_answers(response, truth):
    assert score(response, truth)["acc"] == 0.0


def test_scores_and_keywords():
    assert score("Answer: 1", wrong_score=-1)["score"] == -1.0
    assert score("Answer: 34", wrong_score=-1)["score"] == 1.0
    assert score("no")["answered"] == 0.0
    assert score("Answer: 34", reward_router_address="host:1", reward_model_tokenizer=None)["score"] == 1.0
    with pytest.raises(TypeError, match=r"no keyword wrong_scores; it has wrong_score, timeout, thinking and thinking_tags"):
        score("Answer: 1", wrong_scores=-1)


BOMBS = {
    "tower": TOWER,
    "factorial": r"\boxed{100000000!}",
    "sum": r"\boxed{\sum_{n=1}^{10^{9}} \frac{1}{n}}",
    "binomial": r"\boxed{\binom{10^9}{5\cdot 10^8}}",
    "scientific": r"\boxed{1e999999999}",
    "stars": r"\boxed{9**9**9**9}",
    "roots": r"\boxed{" + r"\sqrt{" * 120 + "2" + "}" * 121,
    "braces": r"\boxed{" + "{" * 400 + "}" * 401,
    "parentheses": r"\boxed{" + "(" * 400 + ")" * 400 + "}",
    "fractions": r"\boxed{" + r"\frac{1}{1+" * 60 + "1" + "}" * 60 + "}",
    "integral": r"\boxed{\int_0^1 \sin(\tan(x^{x^{x}})) \exp(\cos(x^{50})) dx}",
    "polynomial": r"\boxed{(x+y+z+w+1)^{300}-(x+y+z+w+1)^{299}}",
    "chain": r"\boxed{x=" + "=".join(rf"\sqrt{{{i}}}" for i in range(60)) + "}",
    "list": r"\boxed{" + ",".join(rf"\sqrt{{{i}}}" for i in range(60)) + "}",
}


def test_more_brackets_in_each_other_than_python_can_follow_are_words():
    assert isinstance(read("(" * 3000 + "1" + ")" * 3000), Words)
    assert not isinstance(read("(" * 20 + "1" + ")" * 20), Words)


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_bomb_costs_its_time_limit_and_no_more(bomb):
    start = time.monotonic()
    assert score(bomb, timeout=0.3)["acc"] == 0.0
    assert time.monotonic() - start < 4 * 0.3 + verifier_pool.GRACE_SECONDS + 10  # a new process may have to start


@pytest.mark.parametrize(
    "response",
    [
        "9" * 10**6,
        "Answer: " + "9" * 10**6,
        r"\boxed{" + "9" * 10**6 + "}",
        r"\boxed{" * 150_000,
        "{" * 10**6,
        "answer" + " " * 10**6 + ":",
        "answer :" * 125_000,
        "Answer: " + r"\boxed{" * 150_000 + "34" + "}" * 150_000,
        r"\\" * 500_000,
        "$" * 10**6,
        r"\boxed{5}" * 110_000,
        r"\boxed{}" * 125_000,
        r"\boxed 5 " * 110_000,
        "Answer:\n" * 125_000,
        "Answer: 5\n" * 100_000,
        r"\boxed{" + "{" * 500_000 + "}" * 500_000 + "}",
        r"\boxed{" + "9^{" * 300 + "9" + "}" * 300 + "}",
    ],
    ids=lambda response: response[:12],
)
def test_a_megabyte_is_read_in_a_moment(response):
    start = time.monotonic()
    score(response)
    assert time.monotonic() - start < 2


def test_a_timeout_is_told_and_the_next_answer_is_checked():
    assert score(TOWER, timeout=0.2) == {"score": 0.0, "acc": 0.0, "pred": "9^{9^{9^{9}}}", "answered": 1.0, "timeout": 1.0}
    assert score(r"\boxed{0.5}", r"\frac{1}{2}")["acc"] == 1.0


def test_32_threads_some_of_them_with_bombs():
    answers = [(TOWER, 0.0) if i % 8 == 0 else (rf"\boxed{{\frac{{{i}}}{{7}}}}", float(i == 5)) for i in range(32)]
    ready = threading.Barrier(32)

    def run(pair):
        ready.wait()
        return score(pair[0], "5/7", timeout=0.5)

    with ThreadPoolExecutor(32) as threads:
        results = list(threads.map(run, answers))
    assert [result["acc"] for result in results] == [acc for _, acc in answers]
    assert [result["timeout"] for result in results] == [float(i % 8 == 0) for i in range(32)]


@given(st.text(), st.text(max_size=20))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_text_is_scored(response, truth):
    score(response, truth)


@given(st.text(alphabet=r"\{}()[]$^_!%=,.0123456789xy fracsqrtboxed", max_size=60))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_anything_in_a_box_is_scored(content):
    score(r"\boxed{" + content + "}", r"\frac{1}{2}", timeout=1)


@pytest.fixture
def pool():
    return VerifierPool(1)


def process_of(pool):
    assert pool.equal("1/2", "0.5", 20)
    return pool._idle[0].process


def test_a_verifier_process_is_small(pool):
    pid = process_of(pool).pid
    mapped = Path(f"/proc/{pid}/maps").read_text()
    assert not [name for name in ("torch", "ray/", "numpy", "pyarrow") if name in mapped]
    assert resource.prlimit(pid, resource.RLIMIT_AS)[0] == MEMORY_LIMIT


def test_a_process_is_kept_though_its_parent_is_large(pool):
    """The kernel lets a child's ru_maxrss begin with that of its parent; a reward worker of verl has gigabytes."""
    ballast = bytearray(os.urandom(1024)) * (300 * 1024)
    first = process_of(pool)
    assert process_of(pool) is first
    assert len(ballast) == 300 * 2**20


def test_a_process_that_was_killed_between_two_questions_is_replaced(pool):
    process = process_of(pool)
    process.kill()
    process.wait()
    assert process_of(pool).pid != process.pid


def test_a_process_that_is_stopped_is_given_up(pool):
    import signal

    process = process_of(pool)
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(VerifierTimeout):
        pool.equal("1/2", "0.5", 0.1)
    assert process.returncode == -signal.SIGKILL


def test_what_needs_much_memory_ends_its_process_and_leaves_no_trace(pool):
    first = process_of(pool)
    hungry = r"\prod_{n=1}^{200000}(x+n)"
    try:
        assert not pool.equal("34", hungry, 1)
    except VerifierTimeout:
        assert first.returncode is not None
    assert pool.equal("1/2", "0.5", 20)


def test_a_verifier_that_cannot_start_says_why(monkeypatch):
    monkeypatch.setattr(verifier_pool.sys, "executable", "/bin/false")
    with pytest.raises(RuntimeError, match=r"cannot be started \(exit status 1\).*pip install math-verify==0.9.0"):
        VerifierPool(1).equal("1/2", "0.5", 1)


PARENT = """
import sys, threading
from recipe.rlvr_math.reward.verifier_pool import pool
pool().equal("1/2", "0.5", 20)
print(pool()._idle[0].process.pid, flush=True)
if sys.argv[1] == "busy":
    threading.Thread(target=pool().equal, args=("34", "9^{9^{9^{9}}}", 2)).start()
sys.stdin.read()
"""


@pytest.mark.parametrize("state", ["idle", "busy"])
def test_a_verifier_dies_with_its_parent(state):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, state], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    pid = int(parent.stdout.readline())
    time.sleep(0.3)
    parent.kill()
    parent.wait()
    end = time.monotonic() + 30
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert not alive(pid)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_forked_process_has_its_own_verifiers():
    assert score(r"\boxed{0.5}", r"\frac{1}{2}")["acc"] == 1.0
    child = os.fork()
    if child == 0:
        os._exit(0 if len(verifier_pool.pool()) == 0 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(verifier_pool.pool()) > 0
