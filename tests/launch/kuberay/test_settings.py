"""The file of settings: its example, and what is refused."""

import re
from dataclasses import fields

import pytest
import yaml

from launch.kuberay.settings import Settings, read_settings


def test_the_example_has_every_setting_with_its_default(example):
    settings = read_settings(example)
    assert set(yaml.safe_load(example.read_text())) == {each.name for each in fields(Settings)}
    assert settings == Settings(settings.image, settings.claim, settings.worker_cpu, settings.worker_memory)


def test_the_examples_own_example_can_be_merged(example, made):
    lines = re.findall(r"^#   (.*)$", example.read_text(), re.MULTILINE)
    merge = yaml.safe_load("\n".join(lines))["merge"]
    (trainer,) = made(merge=merge)["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    assert trainer["template"]["spec"]["nodeSelector"] == {"cloud.example.org/accelerator": "h100"}
    assert trainer["template"]["spec"]["containers"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"image": None}, "lacks image; "),
        ({"worker_memory": None, "claim": ""}, "lacks claim, worker_memory; "),
        ({"imagee": "x"}, "imagee of .* is no setting; they are image, claim, "),
        ({"image": "two words"}, "image of .* must be a text without spaces"),
        ({"claim": "Runs_1"}, "claim of .* small letters"),
        ({"mount": "shared"}, "mount of .* must be an absolute path"),
        ({"mount": "/a/../b"}, "mount of "),
        ({"worker_memory": "512GB"}, "worker_memory of .* a quantity of Kubernetes"),
        ({"grace_s": 30}, "grace_s of .* at least 60"),
        ({"grace_s": True}, "grace_s of "),
        ({"backoff_limit": -1}, "backoff_limit of .* at least 0"),
        ({"user": 0}, "user of .* at least 1"),
        ({"env_from": "trackers"}, "env_from of .* a list of names of Secrets"),
        ({"merge": ["x"]}, "merge of .* must be a mapping"),
    ],
)
def test_a_wrong_setting_is_one_sentence(settings_file, given, says):
    with pytest.raises(ValueError, match=says) as refusal:
        read_settings(settings_file(**given))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("text", ["- a list", "a: [", "a: &x 1\nb: *x", None])
def test_a_file_that_is_none_is_one_sentence(tmp_path, text):
    if text is not None:
        (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"--kuberay .*bad\.yaml") as refusal:
        read_settings(tmp_path / "bad.yaml")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("value", ["0123456789abcdef0123456789abcdef01234567", "hunter2"])
def test_a_secret_in_it_is_refused_and_not_repeated(settings_file, value):
    entry = {"name": "WANDB_API_KEY", "value": value}
    pod = {"spec": {"containers": [{"name": "ray-head", "env": [entry]}]}}
    merge = {"spec": {"rayClusterSpec": {"headGroupSpec": {"template": pod}}}}
    with pytest.raises(ValueError, match="carries a secret") as refusal:
        read_settings(settings_file(merge=merge))
    assert value not in str(refusal.value)


def test_a_secret_may_be_named(settings_file):
    entry = {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token"}}}
    pod = {
        "imagePullSecrets": [{"name": "registry"}],
        "volumes": [{"name": "netrc", "secret": {"secretName": "netrc"}}],
        "containers": [{"name": "ray-head", "env": [entry]}],
    }
    merge = {"spec": {"rayClusterSpec": {"headGroupSpec": {"template": {"spec": pod}}}}}
    assert read_settings(settings_file(merge=merge)).merge == merge
