"""The report end to end, from folders to numbers in Markdown, CSV and images; every error is one sentence and status 2."""

import csv
import json
import re
import warnings
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from recipe.rlvr_math.report.__main__ import main, report
from recipe.rlvr_math.report.evaluations import load_run
from recipe.rlvr_math.report.summary import compare, powers_of_two
from tests.rlvr_math.folders import SAMPLING, line, write_lines, write_run

R, W = "42", "7"
AIME = {"0": [R, W, W, W, "8"], "1": [R, R, R, W, None], "2": [W, W, "8", "9", None]}
AMC = {"a": [R, R, R, R, R], "b": [R, R, R, R, R]}


@pytest.fixture
def base(tmp_path):
    return write_run(tmp_path / "base", {"aime": AIME, "amc": AMC}, n=5)


@pytest.fixture
def better(tmp_path):
    return write_run(tmp_path / "better", {"aime": AIME | {"2": [R, R, W, W, "8"]}, "amc": AMC}, n=5)


def read_csv(out):
    with open(out / "report.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["run", "benchmark", "metric", "k", "value", "low", "high", "problems", "samples"]
    return {(row["run"], row["benchmark"], row["metric"], int(row["k"])): row for row in rows}


def fails(capsys, *arguments):
    """The one sentence on stderr."""
    assert main([*map(str, arguments)]) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error.removeprefix("error: ").strip()


def test_the_numbers_of_one_run(base, tmp_path, capsys):
    assert main([str(base), "--out", str(tmp_path / "out" / "deep")]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert [line.rsplit("/", 1)[1] for line in printed.out.split()] == [
        "report.md",
        "report.csv",
        "pass_at_k.png",
        "pass_at_k.svg",
    ]

    rows = read_csv(tmp_path / "out" / "deep")
    value = {key[1:]: float(row["value"]) for key, row in rows.items()}
    expected = {
        ("aime", "mean@k", 5): (1 / 5 + 3 / 5 + 0) / 3,
        ("aime", "pass@k", 1): (1 / 5 + 3 / 5) / 3,
        ("aime", "pass@k", 2): (4 / 10 + 9 / 10) / 3,  # of 10 pairs 6 and 1 have none right
        ("aime", "pass@k", 4): (4 / 5 + 1) / 3,
        ("aime", "pass@k", 5): 2 / 3,
        ("aime", "maj@k", 1): (1 / 5 + 3 / 5) / 3,
        ("aime", "maj@k", 5): (0 + 1 + 0) / 3,
        ("aime", "maj@k", 2): (4 * 0.5 / 10 + (3 + 3 * 0.5 + 3) / 10) / 3,
        ("aime", "tokens", 5): 120.0,
        ("aime", "cut_off", 5): 0.2,
        ("amc", "maj@k", 4): 1.0,
        ("average", "mean@k", 5): (4 / 15 + 1) / 2,
        ("average", "pass@k", 2): (13 / 30 + 1) / 2,
    }
    for key, number in expected.items():
        assert value[key] == pytest.approx(number, abs=1e-9), key
    assert {key[3] for key in rows if key[2] == "pass@k"} == {1, 2, 4, 5}
    for row in rows.values():
        assert float(row["low"]) <= float(row["value"]) <= float(row["high"])
        assert (row["problems"], row["samples"]) == {"aime": ("3", "15"), "amc": ("2", "10"), "average": ("5", "25")}[
            row["benchmark"]
        ]

    text = (tmp_path / "out" / "deep" / "report.md").read_text()
    assert "| benchmark | run | problems | samples | mean@5 | pass@5 | maj@5 | tokens | cut off % |" in text
    assert "| aime | base | 3 | 15 | 26.7 [0.0, 60.0] | 66.7 [0.0, 100.0] | 33.3 [0.0, 100.0] | 120 | 20.0 |" in text
    assert "| amc | base | 2 | 10 | 100.0 [100.0, 100.0]† | 100.0 [100.0, 100.0]† |" in text
    assert "†: all problems have the same value, so the bootstrap interval has width zero." in text
    assert "computed exactly." in text
    assert "percentile bootstrap over problems, 10000 resamples, seed 0" in text
    assert "Compared with" not in text
    assert "not comparable" not in text


def test_two_runs_are_compared_pair_by_pair(base, better, tmp_path, capsys):
    assert main([str(base), str(better), "--out", str(tmp_path), "--name", "base", "new|run"]) == 0
    assert capsys.readouterr().err == ""
    text = (tmp_path / "report.md").read_text()
    # one of three problems differs: the interval is that of 0, 1/3, 2/3 and 1 times its difference, p of one sign is 1
    assert "| aime | new\\|run | mean@5 | 3 | +13.3 [+0.0, +40.0] | 1.000 | 1.000 |" in text
    assert "| aime | new\\|run | pass@5 | 3 | +33.3 [+0.0, +100.0] | 1.000 | 1.000 |" in text
    assert "| amc | new\\|run | mean@5 | 2 | +0.0 [+0.0, +0.0]† | 1.000 | 1.000 |" in text
    assert "| average | new\\|run | mean@5 | 5 | +6.7 " in text
    assert "corrected for all 6 comparisons" in text


def test_comparisons_use_shared_problems_and_the_largest_common_k(tmp_path):
    many = {str(i): [R] * 2 + [W] * 6 for i in range(12)}
    few = {str(i): [R] * 3 + [W] * 3 for i in range(2, 14)}
    first = load_run(write_run(tmp_path / "first", {"aime": many}, n=8), "first")
    second = load_run(write_run(tmp_path / "second", {"aime": few, "other": few}, n=6), "second")
    mean, passed = compare([first, second])
    assert (mean.metric, passed.metric) == ("mean@6 - mean@8", "pass@6")
    assert mean.problems == passed.problems == 10
    assert mean.difference == pytest.approx(3 / 6 - 2 / 8)
    assert passed.difference == pytest.approx(1 - (1 - 1 / 28))
    assert mean.p == 2 / 2**10
    assert mean.p_holm == 4 / 2**10
    assert mean.equal
    assert compare([first, second], [1, 4])[1].metric == "pass@4"
    apart = load_run(write_run(tmp_path / "apart", {"aime": {"x": [R] * 4}}, n=4), "apart")
    assert compare([first, apart]) == []
    assert powers_of_two(6) == [1, 2, 4, 6]
    assert powers_of_two(1) == [1]


def test_images_hold_every_series_and_files_are_the_same_each_time(base, better, tmp_path):
    for out in ("one", "two"):
        report([base, better], tmp_path / out, names=["base", "with $x_1$"])
    for name in ("report.md", "report.csv", "pass_at_k.png", "pass_at_k.svg"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    with Image.open(tmp_path / "one" / "pass_at_k.png") as image:
        image.load()
        assert image.format == "PNG"
        assert min(image.size) > 400
        colours = {tuple(pixel) for pixel in np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)}
    assert {(0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)} <= colours
    groups = {node.get("id"): node for node in ElementTree.parse(tmp_path / "one" / "pass_at_k.svg").iter()}
    # panels aime, amc and their average; two runs; k = 1, 2, 4, 5
    assert {key for key in groups if key and key.startswith("pass_at_k-")} == {
        f"pass_at_k-{i}-{j}" for i in range(3) for j in range(2)
    }
    for i, j in np.ndindex(3, 2):
        path = groups[f"pass_at_k-{i}-{j}"].find("{*}path").get("d")
        points = np.array(re.findall(r"[ML] (\S+) (\S+)", path), dtype=float)
        assert len(points) == 4
        steps = np.diff(points[:, 0])
        assert steps[1] == pytest.approx(steps[0], rel=1e-4)  # 1, 2, 4 on a log axis
        assert steps[2] == pytest.approx(np.log2(5 / 4) * steps[0], rel=1e-3)
        assert f"band-{i}-{j}" in groups
    heights = [
        np.array(re.findall(r"[ML] \S+ (\S+)", groups[f"pass_at_k-0-{j}"].find("{*}path").get("d")), float) for j in (0, 1)
    ]
    assert np.all(heights[1] < heights[0])  # y points down: the better run lies above


def test_what_cannot_be_compared_is_said_first(base, tmp_path, capsys):
    hashes = {name: {"file": "x", "sha256": "other", "problems": len(p)} for name, p in (("aime", AIME), ("amc", AMC))}
    hashes["amc"]["sha256"] = "amc-hash"
    other = write_run(
        tmp_path / "other",
        {"aime": AIME, "amc": AMC},
        n=5,
        benchmarks=hashes,
        sampling=SAMPLING | {"top_p": 0.95, "min_p": 0.1, "seed": 7},
        template="unknown",
        verifier="math_dapo",
    )
    assert main([str(base), str(other), "--out", str(tmp_path)]) == 0
    error = capsys.readouterr().err
    assert error.startswith("warning: the numbers of these runs are not comparable; they differ in ")
    top = (tmp_path / "report.md").read_text().split("\n\n")[1]
    assert top.startswith("> **The numbers of these runs are not comparable.**")
    for difference in (
        "sampling.top_p: 0.7 in base, 0.95 in other",
        "sampling.min_p: null in base, 0.1 in other",
        'template: "dapo" in base, "unknown" in other',
        'verifier: "math_verify 0.9.0" in base, "math_dapo" in other',
        'sha256 of aime\'s data: "aime-hash" in base, "other" in other',
    ):
        assert difference in error
        assert difference in top.replace("\\", "")
    assert "temperature" not in top
    assert "seed" not in top
    assert "amc" not in top
    assert "template of other is not recorded" in (tmp_path / "report.md").read_text()


def test_an_unfinished_evaluation_is_refused_or_restricted(tmp_path, capsys):
    short = AIME | {"1": [R, R, W]}
    run = write_run(tmp_path / "run", {"aime": short, "amc": AMC}, n=5)
    message = "1 of 3 problems with fewer than n = 5 samples (the smallest count is 3)"
    assert f"{message}: the evaluation is unfinished; finish it, or give --partial" in fails(
        capsys, run, "--out", tmp_path / "a"
    )
    assert not (tmp_path / "a").exists()

    (run / "amc.jsonl").write_text((run / "amc.jsonl").read_text()[:-20])
    assert main([str(run), "--out", str(tmp_path / "b"), "--partial"]) == 0
    error = capsys.readouterr().err
    assert "warning: unfinished" in error
    assert "the last line (line 10) is cut and was passed over" in error
    rows = read_csv(tmp_path / "b")
    assert {key[3] for key in rows if key[1:3] == ("aime", "pass@k")} == {1, 2, 3}
    assert {key[3] for key in rows if key[1:3] == ("amc", "pass@k")} == {1, 2, 4}
    assert float(rows["run", "aime", "mean@k", 3]["value"]) == pytest.approx((1 / 5 + 2 / 3 + 0) / 3)
    assert float(rows["run", "average", "mean@k", 3]["value"]) == pytest.approx(((1 / 5 + 2 / 3) / 3 + 1) / 2)
    top = (tmp_path / "b" / "report.md").read_text().split("\n\n")[1]
    assert top.startswith("> **Unfinished evaluation.**")
    assert message in top.replace("\\", "")

    (run / "amc.jsonl").unlink()
    write_lines(run / "aime.jsonl", [line(p, i, 0.0) for p in AIME for i in range(5)])
    assert "amc.jsonl has no samples: the evaluation is unfinished" in fails(capsys, run, "--out", tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert set(load_run(run, "run", partial=True).benchmarks) == {"aime"}


def test_wrong_folders_are_one_sentence(base, tmp_path, capsys):
    out = ("--out", tmp_path / "out")
    assert fails(capsys, tmp_path / "nowhere", *out) == f"there is no folder {tmp_path / 'nowhere'}"
    (tmp_path / "empty").mkdir()
    assert "empty has no settings.json" in fails(capsys, tmp_path / "empty", *out)
    settings = json.loads((base / "settings.json").read_text())
    for change, message in (
        ({"n": ...}, "settings.json: the key 'n' is missing"),
        ({"n": "5"}, "settings.json: 'n' is \"5\"; it must be an integer"),
        ({"n": 0}, "'n' is 0; it must be at least 1"),
        ({"format": 2}, "has format 2; this version reads format 1"),
        ({"sampling": {"temperature": 1.0}}, "the key 'sampling.top_p' is missing"),
        ({"sampling": []}, "'sampling' is []; it must be an object"),
        ({"benchmarks": {}}, "'benchmarks' is empty"),
        ({"benchmarks": {"aime": 3}}, "benchmarks.aime is not an object"),
        ({"benchmarks": {"aime": {"file": "x", "sha256": "y"}}}, "the key 'benchmarks.aime.problems' is missing"),
        (
            {"benchmarks": {"aime": {"file": "x", "sha256": "y", "problems": 2}}},
            "samples of 3 problems, but settings.json says 2",
        ),
        (
            {"benchmarks": {"aime": {"file": "x", "sha256": "y", "problems": 4}}},
            "samples of 3 problems, but settings.json says 4",
        ),
        ({"n": 4}, "has a sample 4, but settings.json has n = 4"),
    ):
        changed = {key: value for key, value in (settings | change).items() if value is not ...}
        (base / "settings.json").write_text(json.dumps(changed))
        assert message in fails(capsys, base, *out)
    for text in ("{", "[]", "", "[" * 20_000):
        (base / "settings.json").write_text(text)
        assert "settings.json" in fails(capsys, base, *out)


def test_wrong_lines_and_arguments_are_one_sentence(base, better, tmp_path, capsys):
    out = ("--out", tmp_path / "out")
    assert "--k 8 is more than the 5 samples that base has of a problem of aime" in fails(capsys, base, *out, "--k", 1, 8)
    assert fails(capsys, base, *out, "--k", 0) == "--k 0: k must be at least 1"
    assert "--name has 1 names for 2 runs" in fails(capsys, base, better, *out, "--name", "a")
    assert "two runs have the same name (base, base); tell them apart with --name" in fails(capsys, base, base, *out)
    assert "settings.json is a file; name a folder" in fails(capsys, base, "--out", base / "settings.json")
    path = base / "aime.jsonl"
    records = [json.loads(text) for text in path.read_text().splitlines()]
    for record, message in (
        (line("0", 0, 0.0), "line 3: problem '0', sample 0 was there before with other content"),
        (line("0", 2, tokens=...), "line 3: the key 'tokens' is missing"),
        (line("0", 2, acc="yes"), "line 3: 'acc' is \"yes\"; it must be a number"),
    ):
        write_lines(path, [*records[:2], record, *records[3:]])
        assert message in fails(capsys, base, *out)
    assert not (tmp_path / "out").exists()


def test_chosen_k_only(base, tmp_path):
    assert main([str(base), "--out", str(tmp_path), "--k", "3", "1", "3"]) == 0
    assert sorted({key[3] for key in read_csv(tmp_path) if key[2] == "pass@k"}) == [1, 3]
    assert "| pass@3 | maj@3 |" in (tmp_path / "report.md").read_text()


def test_text_of_others_is_no_markup_link_picture_or_command(tmp_path):
    text = "<img src=x>|\n# a [b](javascript:c) ![d](http://e/f.png) \x1b]0;g\x07\u202e"
    given = {"model": text, "hardware": text, "verifier": text, "versions": {text: text}}
    run = write_run(tmp_path / "run", {"x": {"0": ["42", "1"]}}, 2, **given)
    markdown = report([run], tmp_path / "out", names=[text])[0].read_text(encoding="utf-8")
    assert not re.findall(r"(?<!\\)<|(?<!\\)\]\((?!pass_at_k)", markdown)
    assert "\n# a" not in markdown
    assert not set("\x1b\x07\u202e") & set(markdown)


def test_a_benchmark_is_a_file_in_the_folder(tmp_path):
    described = {"../../x": {"file": "x", "sha256": "x", "problems": 1}}
    run = write_run(tmp_path / "run", {"x": {"0": ["42"]}}, 1, benchmarks=described)
    with pytest.raises(ValueError, match=r"'benchmarks\.\.\./\.\./x' is no name of a file beside it"):
        load_run(run, "run")
