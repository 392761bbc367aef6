"""Wrong reward functions, each tried on one row of each data source of each file and refused by one sentence."""

import re
import time

import pytest

from recipe.runs import reward_checks
from tests.runs.bad_inputs.rows import row, write

# name: (body of the function, pattern of the sentence)
FUNCTIONS = {
    "None": (
        "return None",
        r"returns None for an empty answer to row 0 of .*train.parquet \(data.train_files, data_source 'sum'\)",
    ),
    "text": ("return '1'", r"returns '1' for row 0 of .*; it must be a finite number"),
    "NaN": ("return float('nan')", r"returns nan for row 0 of .*; it must be a finite number"),
    "infinite": ("return float('inf')", r"returns inf for row 0"),
    "a pair": ("return 1.0, 'right'", r"returns \(1.0, 'right'\) for row 0"),
    "no score": ("return {'acc': 1.0}", r"returns acc but no 'score' for row 0"),
    "no acc": (
        "return {'score': 1.0}",
        r"returns score but no 'acc' for row 0 of .*, the verifier's verdict, which htpo reads",
    ),
    "text for acc": ("return {'score': 1.0, 'acc': 'yes'}", r"returns 'yes' as 'acc' for row 0"),
    "None for acc": ("return {'score': 1.0, 'acc': None}", r"returns None as 'acc' for row 0"),
    "NaN for a score": ("return {'score': float('nan'), 'acc': 0}", r"returns nan as 'score' for row 0"),
    "a key that is not there": ("return extra_info['answer']", r"fails for an empty answer to row 0 .*: KeyError: 'answer'"),
    "an index": ("return solution_str[0]", r"fails for an empty answer to row 0 .*: IndexError: string index out of range"),
    "a type": ("return len(ground_truth + 1)", r"fails for an empty answer to row 0 .*: TypeError"),
    "an assertion": ("assert solution_str, 'no answer'", r"AssertionError: no answer"),
    "a division": ("return 1 / len(solution_str)", r"ZeroDivisionError: division by zero"),
    "a name": ("return undefined", r"NameError: name 'undefined' is not defined"),
    "a data source that it does not know": ("raise NotImplementedError(data_source)", r"verl has no reward function for row 0"),
}


@pytest.fixture
def function(tmp_path):
    """Write a reward function, and return the override that names it."""

    def function(body, parameters="data_source, solution_str, ground_truth, extra_info=None"):
        (tmp_path / "reward.py").write_text(f"def compute_score({parameters}):\n    {body}\n")
        return f"reward.custom_reward_function.path={tmp_path}/reward.py"

    return function


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_wrong_function_is_refused(refusal, function, name):
    body, pattern = FUNCTIONS[name]
    sentence = refusal(function(body))
    assert re.search(pattern, sentence), sentence


MODULES = {
    "no such function": ("def score(): pass", r"cannot be loaded: .*compute_score"),
    "a syntax error": ("def compute_score(:", r"cannot be loaded"),
    "an import that fails": ("import no_such_module", r"cannot be loaded"),
    "a module that raises": ("raise KeyError('x')", r"cannot be loaded"),
    "no function": ("compute_score = 3", r"compute_score|not callable|cannot be loaded|callable"),
}


@pytest.mark.parametrize("name", MODULES)
def test_a_wrong_module_is_refused(refusal, tmp_path, name):
    text, pattern = MODULES[name]
    (tmp_path / "reward.py").write_text(text)
    sentence = refusal(f"reward.custom_reward_function.path={tmp_path}/reward.py")
    assert re.search(pattern, sentence), sentence


def test_a_parameter_that_nobody_gives_is_named(refusal, prepare, function):
    override = function("return {'score': 0.0, 'acc': 0.0}", "data_source, solution_str, ground_truth, extra_info, scale")
    assert "takes 'scale', which verl does not give" in refusal(override)
    prepare(override, "reward.custom_reward_function.reward_kwargs.scale=2")
    sentence = refusal(function("return 0.0", "solution_str, ground_truth"))
    assert re.search(r"fails for an empty answer .* TypeError: .*data_source", sentence)


def test_each_data_source_of_each_file_is_tried(refusal, prepare, function, tmp_path):
    training = write(tmp_path / "t.parquet", [row(f"{i}+1=", data_source=("a", "b", "c")[i % 3]) for i in range(40)])
    validation = write(tmp_path / "v.parquet", [row(f"{i}-1=", data_source=("a", "aime")[i > 20]) for i in range(40)])
    files = (f"data.train_files={training}", f"data.val_files={validation}")
    body = "return {'score': 0.0, 'acc': 0.0, 'seen': open('%s', 'a').write(data_source + ' ')}" % (tmp_path / "seen")
    prepare(function(body), *files)
    assert (tmp_path / "seen").read_text().split() == ["a", "b", "c", "a", "aime"]
    sentence = refusal(function("return {'score': 0.0, 'acc': {'a': 0, 'b': 0, 'c': 0}[data_source]}"), *files)
    assert re.search(r"row 21 of .*v.parquet \(data.val_files, data_source 'aime'\): KeyError: 'aime'", sentence)


def test_verls_own_functions_know_their_data_sources_and_take_text(refusal, prepare, tmp_path):
    def files(training, validation):
        return (
            "reward.custom_reward_function.path=null",
            f"data.train_files={write(tmp_path / 't.parquet', [training] * 40)}",
            f"data.val_files={write(tmp_path / 'v.parquet', [validation] * 40)}",
        )

    known = row(data_source="math_dapo")
    prepare(*files(known, known))
    sentence = refusal(*files(known, row(data_source="my_source")))
    assert re.search(
        r"verl has no reward function for row 0 of .*v.parquet \(data.val_files, data_source 'my_source'\)", sentence
    )
    nested = row(data_source="math_dapo", reward_model={"ground_truth": {"answer": "2"}})
    assert re.search(r"the ground_truth of row 0 of .*t.parquet .* is a dict, where verl's", refusal(*files(nested, known)))


@pytest.mark.parametrize(
    "body", ["import time; time.sleep(60)", "while True: pass", "import re; re.match(r'(a+)+$', 'a' * 64 + 'b')"]
)
def test_a_function_that_hangs_is_refused_in_bounded_time(refusal, function, monkeypatch, body):
    monkeypatch.setattr(reward_checks, "CALL_S", 1.0)
    began = time.monotonic()
    assert "took longer than 1 s for an empty answer to row 0" in refusal(function(body))
    assert time.monotonic() - began < 50


def test_a_function_that_swallows_everything_is_refused_all_the_same(refusal, function, monkeypatch):
    monkeypatch.setattr(reward_checks, "CALL_S", 1.0)
    body = "import time\n    try:\n        time.sleep(60)\n    except Exception:\n        return 0.0"
    assert "took longer than 1 s" in refusal(function(body))


GROUPS = "algorithm.filter_groups.enable=true"


def test_what_the_filter_of_groups_reads_must_be_there(prepare, refusal, function):
    """HTPO always reads the verdict; the filter reads whatever it is told to."""
    both = function("return {'score': 0.0, 'acc': 0.0}")
    for metric in ("acc", "score", "reward"):  # the last is verl's own
        prepare(both, GROUPS, f"algorithm.filter_groups.metric={metric}")
    sentence = refusal(both, GROUPS, "algorithm.filter_groups.metric=format")
    assert re.search(
        r"returns acc, score but no 'format' for row 0 of .*, which algorithm.filter_groups reads: return", sentence
    )


def test_a_number_is_reward_and_verdict(prepare, refusal, function):
    prepare(function("return 0"))
    prepare(function("return True"), GROUPS, "algorithm.filter_groups.metric=acc")
    assert "no 'format'" in refusal(function("return 0"), GROUPS, "algorithm.filter_groups.metric=format")


def test_a_coroutine_is_run_and_what_only_a_worker_has_is_left_to_it(prepare, tmp_path):
    override = f"reward.custom_reward_function.path={tmp_path}/reward.py"
    (tmp_path / "reward.py").write_text("async def compute_score(**_):\n    return {'score': 0.0, 'acc': 0.0}\n")
    prepare(override)
    (tmp_path / "reward.py").write_text("def compute_score(*, reward_router_address, **_):\n    return None\n")
    prepare(override)
    (tmp_path / "reward.py").write_text("def compute_score(**_):\n    raise ConnectionError('no judge here')\n")
    prepare(override)
    prepare("reward.custom_reward_function.path=null", "reward.reward_manager.name=naive", "reward.reward_model.enable=true")
