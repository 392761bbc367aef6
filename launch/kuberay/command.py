"""What is sent to Kubernetes, checked as launch/submit.py checks everything; printed, or applied with kubectl."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from argparse import Namespace
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from launch.kuberay.manifest import rayjob
from launch.kuberay.settings import EXAMPLE, MARGIN_S, Settings, read_settings
from launch.kuberay.sizes import given, groups
from launch.recipes import EVALUATE, folder_key
from launch.submission import say
from launch.submission.plan import make_plan
from recipe.runs.run_folder import folder_of
from recipe.text.visible import one_line

LONGEST_NAME = 47  # the operator's limit
LOG = "driver.log"
_NOT_KUBERAY = ("address", "follow", "retries", "no_wait")
_HYDRA = "hydra.run.dir"


def run(options: Namespace) -> int:
    """Print the RayJob or apply it; returns the exit status. ValueError, one sentence, if something is wrong here."""
    for option in _NOT_KUBERAY:
        if getattr(options, option):
            name = "--" + option.replace("_", "-")
            raise ValueError(f"{name} is for --backend ray; with kuberay the operator starts, retries and keeps the run")
    if options.kuberay is None:
        raise ValueError(f"--backend kuberay needs --kuberay FILE, the cluster's settings; begin with a copy of {EXAMPLE}")
    settings = read_settings(options.kuberay)
    manifest = build(options, settings)
    text = yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=120)
    if options.dry_run:
        print(text, end="")
        say("dry run: nothing was applied")
        return 0
    if shutil.which("kubectl") is None:
        raise ValueError("kubectl is not installed here; --dry-run prints the RayJob, to be applied elsewhere")
    done = subprocess.run([*kubectl(settings), "apply", "-f", "-"], input=text, text=True)
    if done.returncode:
        say("error: kubectl has refused the RayJob, see above; nothing was started")
        return 1
    say(*follow(manifest["metadata"]["name"], settings))
    return 0


def build(options: Namespace, settings: Settings) -> dict[str, Any]:
    """The RayJob that the options and settings ask for."""
    name = job_name(options.submission_id)
    folder = on_the_claim(folder_key(options.recipe), options.overrides, settings)
    run_folder = str(folder_of(Path(folder)))
    overrides = list(options.overrides)
    if options.recipe != EVALUATE and _HYDRA not in given(overrides):  # the pod's own disk goes with it
        overrides.append(f"{_HYDRA}={run_folder}/hydra")
    grace = f"+preflight.grace_s={settings.grace_s - MARGIN_S}"
    plan = make_plan(
        options.recipe,
        overrides,
        not options.no_preflight,
        options.runtime_env,
        options.working_dir,
        options.max_mib,
        preflight_overrides=(grace,),
    )
    workers = groups(options.recipe, overrides, plan.package.root)
    command = with_log(plan.entrypoint, run_folder)
    return rayjob(name, command, runtime_environment(plan.runtime_env), folder, settings, workers)


def job_name(given_id: str) -> str:
    """The RayJob's name: the submission's id, with what Kubernetes takes in names."""
    name = re.sub(r"[._]", "-", given_id.lower())
    if not re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", name) or len(name) > LONGEST_NAME:
        raise ValueError(
            f"--submission-id {given_id} is no name for a RayJob: small letters, digits and -, at most {LONGEST_NAME} of them, "
            "a letter first and no - last"
        )
    return name


def on_the_claim(key: str, overrides: list[str], settings: Settings) -> str:
    """The folder for checkpoints or results, which every pod sees and which outlives them."""
    folder, mount = given(overrides).get(key), settings.mount
    if folder is None:
        raise ValueError(f"the pods' own disks go with them: add {key}={mount}/NAME, which lies on the claim")
    path = PurePosixPath(folder)
    if ".." in path.parts or "$" in folder or not path.is_relative_to(mount) or path == PurePosixPath(mount):
        raise ValueError(
            f"{key}={one_line(folder)} does not lie on the claim {settings.claim}, which the pods have at {mount}: "
            f"take {mount}/NAME, written out"
        )
    return str(path)


def with_log(entrypoint: str, run_folder: str) -> str:
    """The command, a line of bash, with its output in the run's folder, too: the operator's own copy goes when it tries again.

    A signal to the whole group leaves tee to the end, or the run would have nobody to write to.
    """
    log = shlex.quote(f"{run_folder}/{LOG}")
    return f"mkdir -p {shlex.quote(run_folder)} && exec > >(trap '' INT TERM; exec tee -a {log}) 2>&1 && {{ {entrypoint}; }}"


def runtime_environment(runtime_env: dict) -> dict:
    """What of the runtime environment goes along: nothing is uploaded, since the image has the code."""
    sent = {key: value for key, value in runtime_env.items() if key != "excludes"}
    for key in ("working_dir", "py_modules"):
        if key in sent:
            raise ValueError(f"{key} of the runtime environment would be uploaded; a RayJob has the image's code, leave it out")
    if re.search(r"[$`]", str(sent)):
        raise ValueError("the runtime environment has a $ or a `, which the operator's shell would replace; write it out")
    return sent


def kubectl(settings: Settings) -> list[str]:
    """kubectl, in the settings' namespace."""
    return ["kubectl", *(["--namespace", settings.namespace] if settings.namespace else [])]


def follow(name: str, settings: Settings) -> list[str]:
    """What can be done with the run, to copy and paste."""
    command = shlex.join(kubectl(settings))
    return [
        f"  follow  {command} logs --follow job/{name}",
        f"  state   {command} get rayjob {name}",
        f"  stop    {command} delete rayjob {name}   # saves first; the same command goes on",
    ]
