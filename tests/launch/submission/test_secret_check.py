"""Secrets in the runtime environment are refused, and not repeated."""

import pytest

from launch.submission.secret_check import check_runtime_env


@pytest.mark.parametrize(
    "runtime_env",
    [
        {"env_vars": {"WANDB_API_KEY": "0123"}},
        {"env_vars": {"RAY_AUTH_TOKEN": "0123"}},
        {"env_vars": {"OPENAI_KEY": "0123"}},
        {"env_vars": {"A": "b", "MY_PASSPHRASE": "0123"}},
        {"pip": ["--extra-index-url https://me:0123" + "@index/simple"]},
        {"container": {"run_options": ["-e", "HF_TOKEN=0123"]}},
        {"config": {"headers": {"Authorization": "0123"}}},
    ],
)
def test_a_runtime_environment_with_a_secret_is_refused_and_not_repeated(runtime_env):
    with pytest.raises(ValueError, match=r"in env\.yaml carries a secret") as refusal:
        check_runtime_env(runtime_env, "env.yaml")
    assert "0123" not in str(refusal.value)


@pytest.mark.parametrize("key", ["pip", "uv"])
def test_a_list_of_packages_in_a_file_of_its_own_is_read_too(tmp_path, key):
    file = tmp_path / "requirements.txt"
    file.write_text("--extra-index-url https://me:0123" + "@index/simple\nnumpy\n")
    for entry in (str(file), {"packages": str(file)}):
        with pytest.raises(ValueError, match="carries a secret") as refusal:
            check_runtime_env({key: entry}, "env.yaml")
        assert "0123" not in str(refusal.value)


def test_a_variable_of_this_machine_that_is_copied_is_found_by_its_value(environment):
    environment["MY_API_KEY"] = "not-to-be-seen"
    with pytest.raises(ValueError, match=r"the value of MY_API_KEY"):
        check_runtime_env({"env_vars": {"HARMLESS": "not-to-be-seen"}}, "env.yaml")
    check_runtime_env({"env_vars": {"HARMLESS": "other"}}, "env.yaml")
