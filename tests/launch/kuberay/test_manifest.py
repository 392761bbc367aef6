"""The RayJob is one that the operator and Kubernetes take, and starts the command that was given."""

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from recipe.runs import stopping
from tests import ROOT
from tests.launch.kuberay.conftest import kubernetes_expands, words_of_bash

SCHEMA = Path(os.environ.get("RAYJOB_SCHEMA", ROOT.parent / "shared/cases/ray.io_rayjobs.yaml"))
NASTY = ["a=$HOME `id` $(id) $(HOME) $$ $", "b='single' \"double\" \\", "c=[1,{d: 'x y'}]", "e=*;&&|>é", "f=two\nlines", "~h"]
SEPARATE = "qwen3_8b_base_separate_async"


def pods(job):
    """Name and pod template of each."""
    cluster = job["spec"]["rayClusterSpec"]
    yield "head", cluster["headGroupSpec"]["template"]
    yield from ((group["groupName"], group["template"]) for group in cluster["workerGroupSpecs"])
    yield "submitter", job["spec"]["submitterPodTemplate"]


def ray_pods(job):
    return [(name, pod["spec"]) for name, pod in pods(job) if name != "submitter"]


def strict(schema):
    """The same, in which a field that it does not name is an error; Kubernetes drops such a field without a word."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: strict(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and not schema.get("x-kubernetes-preserve-unknown-fields"):
        schema.setdefault("additionalProperties", False)
    return schema


def started(job, tmp_path, program):
    """The command as the operator and Ray start it, with a program in the place of Python."""
    line = kubernetes_expands(job["spec"]["entrypoint"], {"HOME": "/root"})
    (tmp_path / "python").write_text(f"#!{sys.executable}\nimport json, sys\n{program}\n")
    (tmp_path / "python").chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    entrypoint = shlex.join(words_of_bash(line))
    return subprocess.Popen(entrypoint, shell=True, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)


def played_back(job, tmp_path, status, module="recipe.htpo.main"):
    """The same to its end, with a program that writes down what it is called with; the module ends with that status."""
    program = f"print(json.dumps(sys.argv[1:]), flush=True)\nsys.exit({status} if sys.argv[2] == {module!r} else 0)"
    with started(job, tmp_path, program) as process:
        stdout, _ = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout)


@pytest.fixture(scope="module")
def published():
    if not SCHEMA.exists():
        pytest.skip(f"needs KubeRay's definition of a RayJob, {SCHEMA} (RAYJOB_SCHEMA)")
    (version,) = (each for each in yaml.safe_load(SCHEMA.read_text())["spec"]["versions"] if each["name"] == "v1")
    schema = version["schema"]["openAPIV3Schema"]
    schema["properties"]["metadata"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return jsonschema.Draft202012Validator(strict(schema))


@pytest.mark.parametrize("preset", ["qwen3_8b_base", SEPARATE])
def test_it_fits_the_definition_that_the_operator_publishes(made, published, preset):
    job = made(preset=preset, namespace="research", env_from=["trackers"])
    assert [error.message for error in published.iter_errors(job)] == []


def test_the_definition_refuses_a_field_that_it_lacks(made, published):
    job = made(merge={"spec": {"rayClusterSpec": {"headGroupSpec": {"template": {"spec": {"nodeSelektor": {}}}}}}})
    (error,) = published.iter_errors(job)
    assert "nodeSelektor" in error.message


def test_its_pods_are_such_that_kubernetes_takes_them(made):
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    for name, template in pods(made(preset=SEPARATE, env_from=["trackers"])):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": template["spec"]}
        kubernetes_validate.validate(pod, kubernetes_validate.latest_version(), strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(pod | {"spec": {"containers": [{}]}}, kubernetes_validate.latest_version(), strict=True)


def test_the_command_arrives_through_kubernetes_bash_and_ray_as_it_was_given(made, tmp_path):
    """As the operator passes it on: in the line of bash of a container, from there to Ray, which quotes it for a shell."""
    run = tmp_path / "claim/runs/1"
    sizes = ["trainer.nnodes=1", "trainer.n_gpus_per_node=8", f"trainer.default_local_dir={run}/checkpoints"]
    job = made(*NASTY, *sizes, preset=None, mount=str(tmp_path / "claim"))
    for status in (0, 85):
        done = played_back(job, tmp_path, status)
        assert done.returncode == status
        preflight, main = map(json.loads, done.stdout.splitlines())
        given = [*NASTY, *sizes, f"hydra.run.dir={run}/hydra"]
        assert main == ["-m", "recipe.htpo.main", *given]
        assert preflight == ["-m", "recipe.htpo.preflight", *given, "+preflight.grace_s=570"]
    assert (run / "driver.log").read_text() == 2 * done.stdout  # of both starts


def test_without_its_preflight_a_run_does_not_begin(made, tmp_path):
    folder = f"trainer.default_local_dir={tmp_path}/claim/1"
    job = made(folder, mount=str(tmp_path / "claim"))
    done = played_back(job, tmp_path, 2, module="recipe.htpo.preflight")
    assert done.returncode == 2
    assert len((tmp_path / "claim/1/driver.log").read_text().splitlines()) == 1


def test_the_log_has_what_a_run_says_after_the_signal_to_end(made, tmp_path):
    """To the whole group, as Ray stops a job."""
    job = made(f"trainer.default_local_dir={tmp_path}/claim/1", mount=str(tmp_path / "claim"), options=["--no-preflight"])
    says = "import signal, time\nsignal.signal(15, lambda *_: (print('saved', flush=True), sys.exit(85)))\n"
    with started(job, tmp_path, f"{says}print('begun', flush=True)\ntime.sleep(60)") as process:
        assert process.stdout.readline() == "begun\n"
        os.killpg(process.pid, signal.SIGTERM)
        assert process.stdout.read() == "saved\n"  # until tee has ended, too
    assert (tmp_path / "claim/1/driver.log").read_text() == "begun\nsaved\n"


def test_head_and_workers_have_the_gpus_that_are_asked_for(made):
    cluster = made("trainer.nnodes=3", preset=SEPARATE)["spec"]["rayClusterSpec"]
    assert cluster["headGroupSpec"]["rayStartParams"]["num-gpus"] == "0"
    assert "nvidia.com/gpu" not in str(cluster["headGroupSpec"])
    found = [(group["groupName"], group["replicas"], group["minReplicas"]) for group in cluster["workerGroupSpecs"]]
    assert found == [("trainer", 3, 3), ("rollouts", 2, 2)]
    for group in cluster["workerGroupSpecs"]:
        (container,) = group["template"]["spec"]["containers"]
        amounts = {"cpu": "64", "memory": "512Gi", "nvidia.com/gpu": "8"}
        assert container["resources"] == {"requests": amounts, "limits": amounts}


def test_every_pod_has_the_token_from_the_secret_and_none_is_root(made):
    job = made(token_from="own-token", user=2000, group=3000)
    assert job["spec"]["rayClusterSpec"]["authOptions"] == {"mode": "token", "secretName": "own-token"}
    for name, template in pods(job):
        spec, (container,) = template["spec"], template["spec"]["containers"]
        variables = {entry["name"]: entry for entry in container["env"]}
        assert variables["RAY_AUTH_MODE"]["value"] == "token", name
        reference = {"secretKeyRef": {"name": "own-token", "key": "auth_token"}}
        assert variables["RAY_AUTH_TOKEN"] == {"name": "RAY_AUTH_TOKEN", "valueFrom": reference}, name
        assert spec["securityContext"].items() >= {"runAsNonRoot": True, "runAsUser": 2000, "runAsGroup": 3000}.items()
        assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        assert spec["automountServiceAccountToken"] is False


def test_the_trackers_keys_go_where_the_run_is(made):
    job = made(env_from=["trackers", "hub"])
    for _, spec in ray_pods(job):
        assert [entry["secretRef"]["name"] for entry in spec["containers"][0]["envFrom"]] == ["trackers", "hub"]
    assert "envFrom" not in job["spec"]["submitterPodTemplate"]["spec"]["containers"][0]


def test_a_pod_that_is_taken_away_asks_the_run_to_end_and_has_the_time(made):
    for _, spec in ray_pods(made(grace_s=1800)):
        assert spec["terminationGracePeriodSeconds"] == 1800
        command = spec["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
        assert command == ["python", "-m", "recipe.runs.ask_to_end", "/shared/runs/1", "--within", "1770"]


def test_memory_is_shared_and_the_claim_is_where_the_checkpoints_lie(made):
    for _, spec in ray_pods(made("trainer.default_local_dir='/data/x/checkpoints'", mount="/data", claim="big")):
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        places = {mount["mountPath"]: volumes[mount["name"]] for mount in spec["containers"][0]["volumeMounts"]}
        assert places["/dev/shm"]["emptyDir"] == {"medium": "Memory"}
        assert places["/data"]["persistentVolumeClaim"] == {"claimName": "big"}


def test_a_run_that_has_failed_is_started_again_and_the_cluster_goes_with_it(made):
    spec = made(backoff_limit=7)["spec"]
    assert spec["backoffLimit"] == 7
    assert (spec["shutdownAfterJobFinishes"], spec["ttlSecondsAfterFinished"]) == (True, 0)


def test_the_runtime_environment_goes_along_without_what_would_be_uploaded(made):
    assert yaml.safe_load(made()["spec"]["runtimeEnvYAML"]) == {
        "env_vars": {"VERL_USE_EXTERNAL_MODULES": "recipe.htpo.plugin,recipe.hapo.plugin"}
    }


def test_the_whole_checkout_is_a_working_directory(made):
    assert "recipe.htpo.main" in made(options=[f"--working-dir={ROOT}"])["spec"]["entrypoint"]


def test_the_version_is_the_one_that_the_image_has(made):
    assert f"ray=={made()['spec']['rayClusterSpec']['rayVersion']}" in (ROOT / "requirements.txt").read_text().splitlines()


def test_the_request_is_the_one_that_a_run_looks_for():
    from omegaconf import OmegaConf

    config = OmegaConf.create({"trainer": {"default_local_dir": "/x"}})
    assert stopping.request_file(config) == Path("/x") / stopping.REQUEST == Path("/x/stop_requested")
