"""Send a training run or an evaluation to a running Ray cluster as a job, follow it, and end with its exit status.

The repository travels as the job's working directory, with the environment of launch/runtime_env.yaml. The job's log goes to
stdout, everything else to stderr. If the cluster wants a token, it is taken from RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH or
~/.ray/auth_token.

--backend kuberay: to Kubernetes instead, as a RayJob with a cluster of its own; see docs/kubernetes.md.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import secrets
import signal
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from launch.kuberay import command as kuberay  # noqa: E402
from launch.submission import ClusterError, say  # noqa: E402
from launch.submission.plan import make_plan  # noqa: E402
from launch.submission.reaching import describe_way, find_address, use_token  # noqa: E402
from launch.submission.watch import CTRL_C, FAILED, SECOND_CTRL_C_S, TERMINATED, commands, ray_job, watch  # noqa: E402
from recipe.runs.stopping import TRY_AGAIN  # noqa: E402
from recipe.text.secret import masked  # noqa: E402
from recipe.text.visible import visible  # noqa: E402

REFUSED = 2
EPILOG = f"""\
Ctrl-C: on a terminal it asks, that is, a second one within {SECOND_CTRL_C_S} s stops the job, otherwise only the following
ends; elsewhere the job goes on. --on-interrupt chooses. SIGTERM always leaves the job running.

Exit status: that of the job's driver (128 + n if signal n ended it); 1 if the job was stopped or never started, or the
cluster cannot be reached; 2 if nothing was sent because something is wrong here; 69 if the contact was lost for long while
the job ran; 130 after Ctrl-C, 143 after SIGTERM. With --retries, a run that hung, or was asked to end before it had saved
anything (75), is submitted again. One that saved and ended because it was asked to (85) is not.

No secret goes into an override or the runtime environment: see docs/security.md.
"""


def main(arguments: list[str]) -> int:
    """Run the command line; returns the exit status."""
    options = parse(arguments)
    # Ray's own reports about packaging and uploading repeat what is said here.
    logging.disable(logging.WARNING)
    sys.stdout.reconfigure(errors="replace")  # a log may have characters that this terminal lacks
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        return (kuberay.run if options.backend == "kuberay" else run)(options)
    except (ValueError, ClusterError) as error:
        say(f"error: {visible(masked(str(error), os.environ))}")
        return REFUSED if isinstance(error, ValueError) else FAILED
    except KeyboardInterrupt:
        say("\ninterrupted")
        return CTRL_C


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options before `--` and the overrides after it."""
    split = arguments.index("--") if "--" in arguments else len(arguments)
    parser = argparse.ArgumentParser(
        prog="launch/submit.sh",
        usage="%(prog)s [options] -- key=value ...\n       %(prog)s [--address URL] --follow ID",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--backend", choices=("ray", "kuberay"), default="ray", help="ray (default): a Ray cluster that is there"
    )
    parser.add_argument("--kuberay", metavar="FILE", type=Path, help="for --backend kuberay: the Kubernetes cluster's settings")
    parser.add_argument("--address", metavar="URL", help="job server; default: RAY_API_SERVER_ADDRESS, then RAY_ADDRESS")
    parser.add_argument(
        "--recipe", default="htpo", help="htpo (default), hapo, evaluate, or a package such as examples.entropy_shaping"
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would be sent, and contact nothing")
    parser.add_argument("--no-wait", action="store_true", help="print the job's id on stdout and return at once")
    parser.add_argument("--follow", metavar="ID", help="submit nothing, follow this job")
    parser.add_argument("--retries", metavar="N", type=int, default=0, help="submit a run that hung (status 75) again, N times")
    parser.add_argument("--on-interrupt", choices=("ask", "stop", "leave"), help="what Ctrl-C does to the job")
    parser.add_argument("--submission-id", metavar="ID", help="default: the recipe, the time and a random part")
    parser.add_argument("--no-preflight", action="store_true", help="train without the recipe's preflight checks before it")
    parser.add_argument("--runtime-env", metavar="FILE", type=Path, default=ROOT / "launch/runtime_env.yaml")
    parser.add_argument("--working-dir", metavar="DIR", type=Path, default=ROOT, help="default: this checkout")
    parser.add_argument("--max-mib", metavar="N", type=float, default=100, help="refuse a larger working directory (100)")
    options = parser.parse_args(arguments[:split])
    options.overrides = arguments[split + 1 :]
    if options.on_interrupt is None:
        options.on_interrupt = "ask" if sys.stdin.isatty() and sys.stderr.isatty() else "leave"
    if options.submission_id is None:
        options.submission_id = f"{options.recipe}-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    for given in (options.submission_id, options.follow or ""):
        if not re.fullmatch(r"[\w.-]*", given, re.ASCII):  # it becomes part of a URL and of a file's name
            parser.error(f"{given!r} is not a job's id: it has letters, digits, - _ and . only")
    if options.kuberay and options.backend == "ray":
        parser.error("--kuberay FILE is for --backend kuberay; add that, or leave the file out")
    if options.retries < 0:
        parser.error(f"--retries is {options.retries}; give 0 or more")
    if options.retries and (options.no_wait or options.follow):
        parser.error("--retries needs someone who waits for the end; leave --no-wait and --follow out")
    return options


def run(options: argparse.Namespace) -> int:
    """Submit or follow, as the options say."""
    address, token_source = find_address(options.address), use_token()
    token = f"the token from {token_source}" if token_source else "no token"
    if options.follow:
        if way := describe_way(address):
            say(f"cluster      {address}{way}")
        return watch(connect(address, token_source), options.follow, options.on_interrupt)
    plan = make_plan(
        options.recipe,
        options.overrides,
        not options.no_preflight,
        options.runtime_env,
        options.working_dir,
        options.max_mib,
    )
    lines = [
        f"cluster      {address}, with {token}{describe_way(address)}",
        f"job          {options.submission_id}",
        *plan.lines(),
    ]
    if options.dry_run:
        print(*lines, "dry run: nothing was sent", sep="\n")
        return 0
    say(*lines)
    client = connect(address, token_source)
    effect = {"ask": "asks what to do", "stop": "stops it", "leave": "leaves it running"}[options.on_interrupt]
    for attempt in range(options.retries + 1):
        job_id = f"{options.submission_id}-retry{attempt}" if attempt else options.submission_id
        submit(client, plan, job_id)
        if options.no_wait:
            say(*commands(client, job_id))
            print(job_id)
            return 0
        say(f"{job_id} is submitted; its log follows, Ctrl-C {effect}")
        status = watch(client, job_id, options.on_interrupt)
        if status != TRY_AGAIN:
            break
    return status


def connect(address: str, token_source: str | None):
    """A job client; Ray is imported here, after the token is chosen."""
    from launch.submission.client import Client

    return Client(address, token_source)


def submit(client, plan, job_id: str) -> None:
    """Upload the working directory, unless the cluster has it, and start the job."""
    runtime_env = plan.runtime_env | {"working_dir": str(plan.package.root)}
    try:
        client.submit_job(entrypoint=plan.entrypoint, runtime_env=runtime_env, submission_id=job_id)
    except TypeError as error:
        raise ValueError(f"Ray refuses the runtime environment: {error}") from None
    except (KeyboardInterrupt, SystemExit, ClusterError) as end:
        if not isinstance(end, ClusterError) or end.status is None:
            say(f"\nwhether {job_id} was accepted is told by: {ray_job('status', client, job_id)}")
        raise


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
