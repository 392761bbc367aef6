"""Wrong environments, each refused by one sentence."""

import re
import socket

import pytest

VARIABLES = {
    "RAY_ADDRESS=head": r"RAY_ADDRESS is 'head'; it must be HOST:PORT of a Ray head, auto or local",
    "RAY_ADDRESS=head:port": r"RAY_ADDRESS is 'head:port'",
    "RAY_ADDRESS=10.0.0.1:99999": r"RAY_ADDRESS is '10.0.0.1:99999'",
    "RAY_ADDRESS=10.0.0.1:": r"RAY_ADDRESS is '10.0.0.1:'",
    "RAY_ADDRESS=no-such-host.invalid:6379": r"no-such-host.invalid:6379, where nothing answers",
    "WANDB_MODE=sometimes": r"WANDB_MODE is 'sometimes'; it must be one of online, offline",
    "VERL_FILE_LOGGER_PATH=/nowhere/at/all.jsonl": r"VERL_FILE_LOGGER_PATH is .*, whose folder does not exist",
    "VERL_USE_EXTERNAL_MODULES=no_such_plugin": r"VERL_USE_EXTERNAL_MODULES names no_such_plugin, which Python does not find",
    "VERL_USE_EXTERNAL_MODULES=recipe.no.such.plugin": r"VERL_USE_EXTERNAL_MODULES names recipe.no.such.plugin",
    "VERL_USE_EXTERNAL_MODULES=a b": r"VERL_USE_EXTERNAL_MODULES names a b",
}


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_wrong_variable_is_refused(refusal, variable):
    name, _, value = variable.partition("=")
    sentence = refusal("trainer.logger=[console,file,wandb]", **{name: value})
    assert re.search(VARIABLES[variable], sentence), sentence


def test_a_port_on_which_nothing_listens_is_refused(refusal):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    assert f"127.0.0.1:{port}, where nothing answers (Connection refused); start Ray" in refusal(
        RAY_ADDRESS=f"127.0.0.1:{port}"
    )


def test_an_address_in_the_config_is_looked_at_alike(refusal):
    sentence = refusal("ray_kwargs.ray_init.address=head", "ray_kwargs.ray_init.num_gpus=null", RAY_ADDRESS="")
    assert sentence.startswith("ray_kwargs.ray_init.address is 'head'")


def test_more_gpus_than_the_machine_has_are_refused(refusal):
    sentence = refusal("trainer.n_gpus_per_node=2", "ray_kwargs.ray_init.num_gpus=1")
    assert "this machine has 1 of the 2 GPUs that are asked for" in sentence


def folder_is_a_file(folder):
    folder.write_text("")
    return r"is .*/run, but .*/run is a file; choose another folder"


def no_checkpoint_is_complete(folder):
    (folder / "global_step_3").mkdir(parents=True)
    (folder / "global_step_3/complete.json").write_text("null")
    (folder / "latest_checkpointed_iteration.txt").write_text("3")
    return r"no checkpoint in .* is complete \(.*global_step_3 was not finished\)"


def it_is_over(folder):
    (folder / "global_step_12").mkdir(parents=True)
    (folder / "latest_checkpointed_iteration.txt").write_text("12")
    return r"nothing to train: .* at step 12 and training ends at step 12"


def the_tracker_is_ahead(folder):
    folder.mkdir()
    (folder / "latest_checkpointed_iteration.txt").write_text("7")
    return r"no checkpoint in .* is complete \(global_step_7 is gone\)"


@pytest.mark.parametrize("make", [folder_is_a_file, no_checkpoint_is_complete, it_is_over, the_tracker_is_ahead])
def test_a_wrong_checkpoint_folder_is_refused(refusal, tmp_path, make):
    pattern = make(tmp_path / "run")
    sentence = refusal()
    assert re.search(pattern, sentence), sentence


@pytest.mark.parametrize(
    ("name", "pattern"),
    [("nowhere", "is not a folder"), ("step_3", "must be global_step_<n>"), ("global_step_x", "must be global_step_<n>")],
)
def test_a_wrong_folder_to_resume_from_is_refused(refusal, tmp_path, name, pattern):
    if name != "nowhere":
        (tmp_path / name).mkdir()
    assert pattern in refusal("trainer.resume_mode=resume_path", f"trainer.resume_from_path={tmp_path}/{name}")
