"""The cells: which fault, in which phase, and how the run has to end."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from recipe.runs.stopping import ONE_REQUEST_S, RUN_AGAIN, TRY_AGAIN

RESUMES = r"the same command resumes from .*/global_step_\d+"
SAVED = r"stopped as asked{}, with a checkpoint of step \d+ in .*; the same command resumes from it"
HUNG = rf"error: no progress for \d+ s in step \d+: .*{{}}.*\(if it is only slow, raise trainer.hang_timeout_s\); {RESUMES}"
RANK, SERVER, ENGINE = "ray::WorkerDict", "ray::vLLMHttpServer", "VLLM::EngineCore"
AGENT, REWARD, RUNNER = "ray::SeedingWorker", "ray::RewardLoopWorker", "ray::TokenLevelTaskRunner"


@dataclass(frozen=True)
class Cell:
    """row, column: of the matrix. act: does the harm, while the run is held. status, last: how it has to end.

    phase: where the trainer is held; None: not at all. reward: what the reward function does instead. loses: finished steps
    that may be lost, as the last checkpoint is older. overrides: of this attempt. seen: what its log has to say as well. after:
    mends what the harm was done to. mounted: run and checkpoints have to be on file systems of their own. before: done before
    the start, may add to the command and to the environment.
    """

    row: str
    column: str
    act: Callable = lambda run: None
    status: tuple[int, ...] = (1,)
    last: str = ""
    phase: str | None = None
    reward: dict | None = None
    loses: int = 1
    overrides: tuple[str, ...] = ()
    more: dict = field(default_factory=dict)
    seen: str = ""
    before: Callable = lambda run: None
    after: Callable = lambda run: None
    mounted: bool = False

    @property
    def name(self) -> str:
        return f"{self.row} / {self.column}"


def asks(number):
    return lambda run: run.send(number)


def kills(title, number=signal.SIGKILL):
    return lambda run: run.signal(title, number)


def kills_gcs(run):
    """Ray's driver notices after a minute, in which the trainer would end this short run: it stays held until then."""
    run.signal("gcs_server", signal.SIGKILL)
    run.process.wait(timeout=200)


def kills_driver(run):
    run.process.send_signal(signal.SIGKILL)


def asks_twice(run):
    run.send(signal.SIGTERM)
    time.sleep(ONE_REQUEST_S + 1)
    run.process.send_signal(signal.SIGTERM)


def asks_with_both(run):
    run.send(signal.SIGTERM)
    run.process.send_signal(signal.SIGUSR1)


def is_slow(run):
    """For longer than the watchdog waits; then the run is asked to end."""
    time.sleep(100)
    run.send(signal.SIGTERM)


def stands_still(run):
    """Until the watchdog has ended the run."""
    run.process.wait(timeout=200)


def flips_a_byte(run):
    """In a shard of the newest checkpoint, when its digests are there; then the driver is killed."""
    folder = run.checkpoints / f"global_step_{run.saved()}"
    run.wait((folder / "digests.json").exists, 60)
    shard = next((folder / "actor").glob("model_*"))
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    kills_driver(run)


def cuts_a_shard(run):
    folder = run.checkpoints / f"global_step_{run.saved()}"
    shard = next((folder / "actor").glob("model_*"))
    shard.write_bytes(shard.read_bytes()[:-1])
    kills_driver(run)


def fills(run):
    run.fill(run.checkpoints)


def fills_the_runs(run):
    run.fill(run.disk)


def frees(run):
    for folder in (run.checkpoints, run.disk):
        (folder / "filler").unlink(missing_ok=True)


def goes_on(run):
    """As if nothing were; two steps later it is asked to end."""
    last = max(run.steps())
    run.go()
    run.wait(lambda: max(run.steps()) >= last + 2)
    run.send(signal.SIGTERM)


def read_only(run):
    run.remount("ro")


def writable(run):
    run.remount("rw")


def cuts(name):
    """The first half of one of the run's data files in its place."""

    def cut(run):
        given = next(word for word in run.command if word.startswith(f"data.{name}="))
        content = Path(given.partition("=")[2]).read_bytes()
        path = run.folder / "cut.parquet"
        path.write_bytes(content[: len(content) // 2])
        run.command[run.command.index(given)] = f"data.{name}={path}"

    return cut


def stop(row, column, act, where="", **more):
    return Cell(row, column, act, (RUN_AGAIN,), SAVED.format(where), phase=column, loses=0, **more)


def hang(row, column, act, whom, **more):
    return Cell(row, column, act, (TRY_AGAIN,), HUNG.format(whom), phase=column, **more)


def gone(row, column, act, last, status=(1, TRY_AGAIN), at=None, **more):
    """at: where the trainer is held, if not in the phase of the column; empty: not at all."""
    return Cell(row, column, act, status, last, phase=column if at is None else at, **more)


VALIDATES = ("trainer.test_freq=1",)
DUMPS_THERE = ("trainer.token_dump.folder=${trainer.default_local_dir}/tokens",)
DIED = rf"error: (ActorDiedError|ActorUnavailableError|RayActorError|OwnerDiedError): .*; {RESUMES}"
# What verl makes of an engine that is gone depends on what it does with it at that moment.
ENGINE_GONE = (
    rf"error: (EngineDeadError: .+|in .*step \d+ not one response came: .*|ActorDiedError: .+); {RESUMES}|" + HUNG.format("")
)
ANY = r"(?s).*"
READ_ONLY = rf"error: a disk can only be read \(.*Read-only file system.*; {RESUMES}"
DISK_FULL = rf"error: a disk is full \(.*\); free space or lower trainer.max_actor_ckpt_to_keep; {RESUMES}"
