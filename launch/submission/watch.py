"""Watch a job to its end, or until the user has had enough: Ctrl-C, SIGTERM, and the exit status."""

from __future__ import annotations

import os
import sys
import time
from urllib.parse import urlsplit
from urllib.request import getproxies

from launch.submission import ClusterError, say
from recipe.text.visible import one_line

SECOND_CTRL_C_S = 10
# Of our own; all others are the driver's.
FAILED, LOST, CTRL_C, CLOSED_OUTPUT, TERMINATED = 1, 69, 130, 141, 143


def watch(client, job_id: str, on_interrupt: str) -> int:
    """Follow the job; returns the exit status."""
    # Ray must be imported after the token is chosen.
    from launch.submission.follow import Follower, OutputClosed

    follower = Follower(client, job_id)
    interrupted = stopping = False
    while True:
        try:
            if interrupted and not stopping:
                if not wants_stop(on_interrupt, job_id):
                    return leave(client, job_id, CTRL_C)
                say(f"stopping {job_id}")
                client.stop_job(job_id)
                stopping = True
            status = exit_status(follower.run(), job_id)
            return CTRL_C if stopping else status
        except KeyboardInterrupt:
            if stopping:
                say(f"{job_id} is being stopped")
                return CTRL_C
            if interrupted:
                return leave(client, job_id, CTRL_C)
            interrupted = True
        except SystemExit:
            return leave(client, job_id, TERMINATED)
        except OutputClosed:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it ends
            return leave(client, job_id, CLOSED_OUTPUT)
        except ClusterError as error:
            if not error.transient:
                raise
            say(f"error: {one_line(error)}")
            return leave(client, job_id, LOST)


def leave(client, job_id: str, status: int) -> int:
    """End without the job; returns the exit status."""
    say(f"{job_id} goes on", *commands(client, job_id))
    return status


def wants_stop(on_interrupt: str, job_id: str) -> bool:
    """Whether this Ctrl-C is meant for the job."""
    if on_interrupt != "ask":
        return on_interrupt == "stop"
    try:
        say(f"\nCtrl-C again within {SECOND_CTRL_C_S} s stops {job_id}; otherwise it goes on and only the following ends")
        time.sleep(SECOND_CTRL_C_S)
    except KeyboardInterrupt:
        return True
    return False


def exit_status(details, job_id: str) -> int:
    """The driver's exit status as a shell has it; says how the job ended."""
    code = details.driver_exit_code
    if code is None:
        why = "" if details.status == "STOPPED" else f": {one_line(details.message or 'no reason given')}"
        say(f"{job_id} {details.status}{why}")
        return FAILED
    say(f"{job_id} {details.status}, exit status {code}")
    return code if code >= 0 else 128 - code


def commands(client, job_id: str) -> list[str]:
    """What can be done with a job, to copy and paste."""
    return [
        f"  follow  launch/submit.sh --address {client.get_address()} --follow {job_id}",
        f"  stop    {ray_job('stop', client, job_id)}",
        f"  status  {ray_job('status', client, job_id)}",
    ]


def ray_job(action: str, client, job_id: str) -> str:
    """A command of Ray's, which sends the token only if it is told so."""
    address = client.get_address()
    # Without the last two Ray would send a password of ~/.netrc instead, and the token to a proxy.
    token = "RAY_AUTH_MODE=token NETRC=/dev/null " if os.environ.get("RAY_AUTH_MODE") == "token" else ""
    direct = f"NO_PROXY={urlsplit(address).hostname} " if client.proxy is None and getproxies() else ""
    return f"{token}{direct}ray job {action} --address {address} {job_id}"
