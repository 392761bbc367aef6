"""A user's own parts over the manifest."""

import pytest

from launch.kuberay.merging import merged


@pytest.mark.parametrize(
    ("below", "above", "expected"),
    [
        ({"a": 1, "b": {"c": 2}}, {"b": {"d": 3}}, {"a": 1, "b": {"c": 2, "d": 3}}),
        ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
        ({"a": 1}, {"b": {"c": None, "d": 1}}, {"a": 1, "b": {"d": 1}}),
        ({"a": ["x"]}, {"a": ["y"]}, {"a": ["y"]}),
        ({}, {"a": [{"name": "x"}]}, {"a": [{"name": "x"}]}),
        (
            {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
            {"env": [{"name": "B", "value": "3"}, {"name": "C", "value": "4"}]},
            {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "3"}, {"name": "C", "value": "4"}]},
        ),
        # One volume at two places.
        (
            {"volumeMounts": [{"name": "runs", "mountPath": "/shared"}]},
            {"volumeMounts": [{"name": "runs", "mountPath": "/data"}]},
            {"volumeMounts": [{"name": "runs", "mountPath": "/shared"}, {"name": "runs", "mountPath": "/data"}]},
        ),
        # Tolerations have no name: the whole list is the user's.
        ({"tolerations": [{"key": "a"}]}, {"tolerations": [{"key": "b"}]}, {"tolerations": [{"key": "b"}]}),
    ],
)
def test_mappings_by_key_named_things_by_name(below, above, expected):
    assert merged(below, above) == expected


def test_a_users_part_reaches_one_worker_group_and_leaves_the_rest(made):
    plain = made(preset="qwen3_8b_base_separate_async")
    pod = {"spec": {"nodeSelector": {"gpu": "h100"}, "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}]}}
    job = made(
        preset="qwen3_8b_base_separate_async",
        merge={
            "metadata": {"labels": {"kueue.x-k8s.io/queue-name": "research"}},
            "spec": {"rayClusterSpec": {"workerGroupSpecs": [{"groupName": "trainer", "template": pod}]}},
        },
    )
    assert job["metadata"] == {"name": "a-run", "labels": {"kueue.x-k8s.io/queue-name": "research"}}
    trainer, rollouts = job["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    for key, value in pod["spec"].items():
        assert trainer["template"]["spec"].pop(key) == value
    assert [trainer, rollouts] == plain["spec"]["rayClusterSpec"]["workerGroupSpecs"]
