"""The RayJob, as a Python dict: a head without GPU, a group of workers for each of verl's resource pools, and who submits."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from launch.kuberay.merging import merged
from launch.kuberay.settings import MARGIN_S, Settings
from launch.kuberay.sizes import Group

ROOT = Path(__file__).resolve().parents[2]
TOKEN_KEY = "auth_token"  # where the operator looks for it in the Secret


def rayjob(
    name: str, entrypoint: str, runtime_env: dict, folder: str, settings: Settings, groups: Sequence[Group]
) -> dict[str, Any]:
    """The manifest of a run.

    Args:
        entrypoint: a line of bash.
        folder: trainer.default_local_dir, where the run looks for a request to end.
    """
    cluster = {
        "rayVersion": _ray_version(),
        # With it the operator asks the cluster how the job is. The pods have the token by themselves, too: an operator that
        # does not know this field must not make a cluster that lets everybody in.
        "authOptions": {"mode": "token", "secretName": settings.token_from},
        "headGroupSpec": {
            "rayStartParams": {"dashboard-host": "0.0.0.0", "num-gpus": "0"},  # the operator asks from its own pod
            "template": _ray_pod("ray-head", settings, folder, {"cpu": settings.head_cpu, "memory": settings.head_memory}),
        },
        "workerGroupSpecs": [_workers(group, settings, folder) for group in groups],
    }
    spec = {
        "entrypoint": for_the_operator(entrypoint),
        **({"runtimeEnvYAML": yaml.safe_dump(runtime_env, sort_keys=False)} if runtime_env else {}),
        "submissionMode": "K8sJobMode",  # its pod has the driver's log also when the cluster is gone
        "backoffLimit": settings.backoff_limit,
        "shutdownAfterJobFinishes": True,
        "ttlSecondsAfterFinished": 0,
        "rayClusterSpec": cluster,
        "submitterPodTemplate": _submitter(settings),
    }
    metadata = {"name": name, **({"namespace": settings.namespace} if settings.namespace else {})}
    return merged({"apiVersion": "ray.io/v1", "kind": "RayJob", "metadata": metadata, "spec": spec}, settings.merge)


def for_the_operator(entrypoint: str) -> str:
    """The command, such that it arrives as it is.

    The operator pastes the text into a line of bash, which Kubernetes searches for its own `$(VARIABLE)` and `$$`; Ray then
    quotes the words that bash has made of it for another shell.
    """
    return f"bash -c {shlex.quote(entrypoint)}".replace("$", "$$")


def before_end(folder: str, settings: Settings) -> list[str]:
    """What a pod runs when it is to end: it asks the run to save, and waits until that is over."""
    return ["python", "-m", "recipe.runs.ask_to_end", folder, "--within", str(settings.grace_s - MARGIN_S)]


def _workers(group: Group, settings: Settings, folder: str) -> dict[str, Any]:
    amounts = {"cpu": settings.worker_cpu, "memory": settings.worker_memory, "nvidia.com/gpu": str(group.gpus)}
    return {
        "groupName": group.name,
        "replicas": group.nodes,
        "minReplicas": group.nodes,
        "maxReplicas": group.nodes,
        "rayStartParams": {"num-gpus": str(group.gpus)},
        "template": _ray_pod("ray-worker", settings, folder, amounts),
    }


def _ray_pod(name: str, settings: Settings, folder: str, amounts: dict[str, str]) -> dict[str, Any]:
    container = _container(name, settings, amounts) | {
        "envFrom": [{"secretRef": {"name": secret}} for secret in settings.env_from],
        "volumeMounts": [
            {"name": "shared-memory", "mountPath": "/dev/shm"},
            {"name": "runs", "mountPath": settings.mount},
        ],
        "lifecycle": {"preStop": {"exec": {"command": before_end(folder, settings)}}},
    }
    volumes = [
        # No limit of its own: it counts as the pod's memory, which has one.
        {"name": "shared-memory", "emptyDir": {"medium": "Memory"}},
        {"name": "runs", "persistentVolumeClaim": {"claimName": settings.claim}},
    ]
    return {"spec": _pod(container, settings) | {"terminationGracePeriodSeconds": settings.grace_s, "volumes": volumes}}


def _submitter(settings: Settings) -> dict[str, Any]:
    container = _container("ray-job-submitter", settings, {"cpu": "1", "memory": "1Gi"})
    return {"spec": _pod(container, settings) | {"restartPolicy": "Never"}}


def _container(name: str, settings: Settings, amounts: dict[str, str]) -> dict[str, Any]:
    reference = {"secretKeyRef": {"name": settings.token_from, "key": TOKEN_KEY}}
    return {
        "name": name,
        "image": settings.image,
        "env": [{"name": "RAY_AUTH_MODE", "value": "token"}, {"name": "RAY_AUTH_TOKEN", "valueFrom": reference}],
        "resources": {"requests": dict(amounts), "limits": dict(amounts)},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }


def _pod(container: dict[str, Any], settings: Settings) -> dict[str, Any]:
    return {
        "automountServiceAccountToken": False,  # nothing here speaks to Kubernetes
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": settings.user,
            "runAsGroup": settings.group,
            "fsGroup": settings.group,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
    }


def _ray_version() -> str:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return next(line.removeprefix("ray==") for line in lines if line.startswith("ray=="))
