"""A checkpoint as a folder for the hub: what the card says, what it keeps to itself, and what is refused."""

import hashlib
import json
import shutil

import pytest
import yaml

from recipe.rlvr_math.evaluation.model_folder import fingerprint
from recipe.rlvr_math.export.__main__ import main
from tests.rlvr_math.evaluation.conftest import model
from tests.rlvr_math.folders import write_run

__all__ = ["model"]

SETTINGS = {
    "method": "htpo",
    "htpo.difficulty_threshold": 0.6,
    "htpo.objectives.hard_correct_high.loss": "encourage",
    "actor_rollout_ref.model.path": "Qwen/Qwen3-8B-Base",
    "answers": {"reward": "pkg://recipe.rlvr_math.reward.score", "reward_kwargs": {}, "apply_chat_template_kwargs": {"a": 1}},
    "code": {"version": "0.1.0", "commit": "c0ffee-dirty", "packages": {"verl": "0.9.1"}},
}
AIME = {"aime-2024": {"0": ["42", "7"], "1": ["42", "42"]}}


@pytest.fixture
def run(tmp_path, model):
    """What a training leaves, with the merged model in its checkpoint of step 7."""
    folder, data = tmp_path / "runs/1", tmp_path / "private/data/dapo.parquet"
    actor = folder / "checkpoints/global_step_7/actor"
    shutil.copytree(model, actor / "huggingface")
    (actor / "fsdp_config.json").write_text('{"FSDP_version": 2, "world_size": 1}')
    (actor / "model_world_size_1_rank_0.pt").write_bytes(b"weights")
    (folder / "checkpoints/latest_checkpointed_iteration.txt").write_text("7")
    (folder / "trained_with.json").write_text(json.dumps(SETTINGS))
    data.parent.mkdir(parents=True)
    data.write_bytes(b"rows")
    manifest = {"source": "open/dapo", "revision": "abc", "rows_after": 17, "template": "boxed"}
    manifest["sha256"] = hashlib.sha256(b"rows").hexdigest()
    data.with_suffix(".manifest.json").write_text(json.dumps(manifest))
    config = {
        "data": {"train_files": [str(data), "/elsewhere/own.parquet"], "train_batch_size": 512, "seed": None},
        "trainer": {"nnodes": 4, "n_gpus_per_node": "${oc.env:GPUS}"},
        "actor_rollout_ref": {"actor": {"optim": {"lr": 1e-6}}},
    }
    (folder / "hydra/.hydra").mkdir(parents=True)
    (folder / "hydra/.hydra/config.yaml").write_text(yaml.safe_dump(config))
    lines = [{"step": i, "data": {"timing_s/step": 1.0, "val-core/aime/acc/mean@4": i / 10}} for i in (6, 7, 8)]
    (folder / "metrics-000.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


@pytest.fixture
def evaluation(run, tmp_path):
    """Of that checkpoint."""
    files = fingerprint(str(run / "checkpoints/global_step_7/actor/huggingface"))
    return write_run(tmp_path / "private/eval", AIME, n=2, model=str(run), model_files=files)


@pytest.fixture
def export(run, tmp_path, capsys):
    """Run the command; the status, the card's metadata and text, and what was said on stderr."""

    def export(*arguments, checkpoint="checkpoints", out="exported"):
        status = main([str(run / checkpoint), "--out", str(tmp_path / out), *map(str, arguments)])
        said = capsys.readouterr().err
        if status:
            return status, None, None, said
        _, metadata, text = (tmp_path / out / "README.md").read_text().split("---\n", 2)
        return status, yaml.safe_load(metadata), text, said

    return export


def row(text, label):
    """The cells of a table's row."""
    return next([cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if f"| {label} |" in line)


def test_the_folder_is_the_model_with_a_card(export, run, tmp_path):
    export()
    served = run / "checkpoints/global_step_7/actor/huggingface"
    names = {path.name for path in served.iterdir()}
    assert {path.name for path in (tmp_path / "exported").iterdir()} == names | {"README.md"}
    assert all((tmp_path / "exported" / name).read_bytes() == (served / name).read_bytes() for name in names)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("tmp")]


def test_the_card_says_how_the_model_came_about(export):
    _, metadata, text, _ = export()
    assert metadata["base_model"] == "Qwen/Qwen3-8B-Base"
    assert metadata["datasets"] == ["open/dapo"]
    assert (metadata["library_name"], metadata["pipeline_tag"]) == ("transformers", "text-generation")
    assert {"htpo", "rlvr"} <= set(metadata["tags"])
    assert not {"license", "model-index"} & set(metadata)
    assert "Qwen/Qwen3-8B-Base, trained for 7 steps with HTPO ([paper](https://arxiv.org/abs/2605.08283))" in text
    assert row(text, "steps") == ["steps", "7"]
    assert row(text, "learning rate")[1] == "1e-06"
    assert row(text, "prompts a step")[1] == "512"
    assert row(text, "reward")[1] == "recipe.rlvr\\_math.reward.score"
    assert row(text, "arguments of the chat template")[1] == '{"a": 1}'
    assert "GPUs of a node" not in text  # a reference, whose value is not kept
    assert "data seed" not in text
    assert '"htpo.objectives.hard_correct_high.loss": "encourage"' in text
    assert "verl-htpo 0.1.0, commit c0ffee-dirty, verl 0.9.1." in text


def test_the_card_names_the_data(export):
    _, _, text, _ = export()
    assert row(text, "dapo.parquet")[:5] == ["dapo.parquet", "open/dapo", "abc", "17", "boxed"]
    assert row(text, "own.parquet")[1:] == [""] * 5
    assert "no manifest" in text


def test_data_that_changed_since_are_not_described(export, tmp_path):
    (tmp_path / "private/data/dapo.parquet").write_bytes(b"other rows")
    _, metadata, text, _ = export()
    assert row(text, "dapo.parquet")[1:] == [""] * 5
    assert "datasets" not in metadata


def test_the_card_has_the_validation_of_its_step(export):
    _, _, text, _ = export()
    assert row(text, "val-core/aime/acc/mean@4")[1] == "0.7000"
    assert "No evaluation was given" in text


def test_the_card_has_the_evaluation_and_the_baseline(export, evaluation, tmp_path):
    base = write_run(tmp_path / "base", {"aime-2024": {"0": ["7", "7"], "1": ["42", "7"]}}, n=2)
    _, metadata, text, _ = export("--evaluation", evaluation, "--baseline", base, "--license", "apache-2.0", "--name", "mine")
    (result,) = metadata["model-index"][0]["results"]
    assert result["metrics"][0]["value"] == 0.75
    assert (result["dataset"]["name"], result["metrics"][0]["name"]) == ("aime-2024", "mean@2")
    assert metadata["license"] == "apache-2.0"
    assert "| aime-2024 | mine | 2 | 4 | 75.0 [50.0, 100.0] |" in text
    assert "| aime-2024 | base | 2 | 4 | 25.0 [0.0, 50.0] |" in text
    assert "temperature 1.0" in text
    assert "†: all problems have the same value" in text  # pass@2 of the first


def test_local_folders_and_secrets_stay_here(export, evaluation, run, tmp_path):
    kept = SETTINGS | {
        "actor_rollout_ref.model.path": str(tmp_path / "model"),
        "algorithm.api_key": "0123456789" + "abcdef0123",
    }
    (run / "trained_with.json").write_text(json.dumps(kept))
    _, metadata, text, _ = export("--evaluation", evaluation)
    card = (tmp_path / "exported/README.md").read_text()
    assert str(tmp_path) not in card
    assert "private" not in card
    assert "0123456789abcdef0123" not in card
    assert "base_model" not in metadata
    assert "\nmodel, trained for 7 steps" in text


def test_a_start_model_in_the_runs_folder_is_no_id_of_the_hub(export, run):
    (run / "start/model").mkdir(parents=True)
    (run / "trained_with.json").write_text(json.dumps(SETTINGS | {"actor_rollout_ref.model.path": "start/model"}))
    assert "base_model" not in export()[1]
    assert export("--base-model", "Qwen/Qwen3-0.6B", out="again")[1]["base_model"] == "Qwen/Qwen3-0.6B"


def test_text_of_a_run_cannot_become_markup(export, run):
    hostile = "```\n</details><script>alert(1)</script>"
    (run / "trained_with.json").write_text(json.dumps(SETTINGS | {"method": hostile, "code": {"commit": hostile}}))
    card = export()[2]
    assert "<script>" not in card
    assert card.count("```") == 4  # the two blocks of the card


def test_what_nothing_says_is_said_to_be_unknown(export, run):
    for name in ("trained_with.json", "metrics-000.jsonl"):
        (run / name).unlink()
    shutil.rmtree(run / "hydra")
    _, metadata, text, _ = export()
    assert "an unknown model, trained for 7 steps with a method that its run does not name" in text
    assert "its data are not known" in text
    assert "commit not recorded" in text
    assert not {"base\\_model", "datasets"} & set(metadata)


def test_the_wrong_evaluation_is_refused(export, tmp_path):
    other = write_run(tmp_path / "other", AIME, n=2, model_files="0123456789ab")
    status, _, _, said = export("--evaluation", other)
    assert status == 2
    assert said.startswith(f"error: {other} is an evaluation of org/model, not of ")
    assert said.count("\n") == 1
    assert not (tmp_path / "exported").exists()


@pytest.mark.parametrize(
    ("arguments", "checkpoint", "sentence"),
    [
        (("--baseline", "x"), "checkpoints", "give both"),
        ((), "checkpoints/global_step_7/actor/huggingface", "Hugging Face folder already"),
        ((), "nowhere", "is no folder"),
        (("--evaluation", "/nowhere"), "checkpoints", "there is no folder /nowhere"),
    ],
)
def test_wrong_input_is_one_sentence(export, arguments, checkpoint, sentence):
    status, _, _, said = export(*arguments, checkpoint=checkpoint)
    assert status == 2
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert sentence in said


def test_what_is_there_is_left_alone(export, tmp_path):
    (tmp_path / "exported").mkdir()
    (tmp_path / "exported/mine").touch()
    status, _, _, said = export()
    assert (status, [path.name for path in (tmp_path / "exported").iterdir()]) == (2, ["mine"])
    assert "is there already" in said
