"""The cells: which fault, in which phase, and how the run has to end."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

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
    mends what the harm was done to. mounted: the checkpoints have to be on a file system of their own.
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
    run.fill()


def frees(run):
    (run.checkpoints / "filler").unlink()


def stop(row, column, act, where="", **more):
    return Cell(row, column, act, (RUN_AGAIN,), SAVED.format(where), phase=column, loses=0, **more)


def hang(row, column, act, whom, **more):
    return Cell(row, column, act, (TRY_AGAIN,), HUNG.format(whom), phase=column, **more)


def gone(row, column, act, last, status=(1, TRY_AGAIN), at=None, **more):
    return Cell(row, column, act, status, last, phase=at or column, **more)


VALIDATES = ("trainer.test_freq=1",)
DIED = rf"error: (ActorDiedError|ActorUnavailableError|RayActorError|OwnerDiedError): .*; {RESUMES}"
# What verl makes of an engine that is gone depends on what it does with it at that moment.
ENGINE_GONE = (
    rf"error: (EngineDeadError: .+|in .*step \d+ not one response came: .*|ActorDiedError: .+); {RESUMES}|" + HUNG.format("")
)
ANY = r"(?s).*"
DISK_FULL = rf"error: a disk is full \(.*\); free space or lower trainer.max_actor_ckpt_to_keep; {RESUMES}"

CELLS = (
    # Signals, in every phase.
    stop("SIGTERM", "generation", asks(signal.SIGTERM), r" while the rollouts of step \d+ were generated"),
    stop("SIGTERM", "weight sync", asks(signal.SIGTERM)),
    stop("SIGUSR1", "save", asks(signal.SIGUSR1)),
    stop("SIGTERM", "validation", asks(signal.SIGTERM), overrides=VALIDATES),
    gone("SIGKILL actor rank", "update", kills(RANK), DIED),
    gone("SIGKILL driver", "save", kills_driver, ANY, status=(-9,)),
    gone("flipped byte in a checkpoint", "weight sync", flips_a_byte, ANY, status=(-9,), loses=3),
    Cell(
        "reward returns NaN",
        "reward",
        last=r"error: in step \d+ the reward of \d+ of \d+ responses is not finite, the first is nan \(data_source .*",
        reward={"kind": "nan", "of": 7},
    ),
    hang("SIGKILL agent-loop worker", "generation", kills(AGENT), r"agent-loop worker 0 .* is gone"),
    gone("SIGKILL vLLM server", "generation", kills(SERVER), ENGINE_GONE),
    hang("SIGSTOP actor rank", "update", kills(RANK, signal.SIGSTOP), r"rank 0 .* is stopped"),
    stop("SIGTERM", "update", asks(signal.SIGTERM)),
    gone(
        "SIGTERM twice",
        "update",
        asks_twice,
        rf"asked to end again before the run had saved; {RESUMES}",
        status=(TRY_AGAIN,),
    ),
    stop("SIGTERM and SIGUSR1", "generation", asks_with_both, r" while the rollouts of step \d+ were generated"),
    Cell("reward hangs", "reward", status=(TRY_AGAIN,), last=HUNG.format(r"reward worker 0"), reward={"kind": "hang", "of": 7}),
    # Held when a step has its responses, so that all of the next one fail: else a step trains on those that had been scored.
    Cell(
        "reward raises",
        "reward",
        last=rf"error: in step \d+ not one response came: .*; {RESUMES}",
        phase="update",
        reward={"kind": "raise"},
    ),
    Cell(
        "reward has a wrong type",
        "reward",
        last=rf"error: in step \d+ not one response came: .*; {RESUMES}",
        phase="update",
        reward={"kind": "type"},
    ),
    gone("SIGKILL vLLM engine", "weight sync", kills(ENGINE), ENGINE_GONE),
    gone("SIGKILL actor rank", "save", kills(RANK), ANY),
    gone("SIGKILL driver", "generation", kills_driver, ANY, status=(-9,)),
    hang("SIGSTOP vLLM server", "weight sync", kills(SERVER, signal.SIGSTOP), r"vLLM server 0 .* is stopped"),
    gone("truncated checkpoint", "weight sync", cuts_a_shard, ANY, status=(-9,), loses=3),
    gone("SIGKILL trainer", "save", kills(RUNNER), DIED),
    gone("SIGKILL raylet", "generation", kills("raylet"), ANY, status=(1, TRY_AGAIN, -6, 134)),
    gone("SIGKILL head's GCS", "update", kills_gcs, ANY, status=(1, TRY_AGAIN, -6, 134)),
    Cell(
        "slow disk",
        "save",
        is_slow,
        (RUN_AGAIN,),
        SAVED.format(""),
        phase="save",
        loses=0,
        more={"grows": "run/checkpoints/global_step_{step}/slow"},
    ),
    gone("full disk", "save", fills, DISK_FULL, status=(1,), after=frees, mounted=True, loses=3),
    gone(
        "full disk",
        "token dump",
        fills,
        DISK_FULL,
        status=(1,),
        after=frees,
        mounted=True,
        loses=3,
        at="update",
        overrides=("trainer.token_dump.folder=${trainer.default_local_dir}/tokens",),
        seen="warning: the token dump failed",
    ),
    gone(
        "read-only disk",
        "save",
        lambda run: run.remount("ro"),
        rf"error: a disk can only be read \(.*Read-only file system.*; {RESUMES}",
        status=(1,),
        after=lambda run: run.remount("rw"),
        mounted=True,
        loses=3,
    ),
    gone("SIGKILL driver", "weight sync", kills_driver, ANY, status=(-9,)),
    gone("SIGKILL actor rank", "validation", kills(RANK), ANY, overrides=VALIDATES),
    gone("SIGKILL reward worker", "generation", kills(REWARD), rf"error: .*; {RESUMES}"),
    hang("SIGSTOP vLLM server", "generation", kills(SERVER, signal.SIGSTOP), r"vLLM server 0 .* is stopped"),
    hang("SIGSTOP actor rank", "weight sync", kills(RANK, signal.SIGSTOP), r"rank 0 .* is stopped"),
    gone("SIGKILL driver", "update", kills_driver, ANY, status=(-9,)),
    gone("SIGKILL driver", "validation", kills_driver, ANY, status=(-9,), overrides=VALIDATES),
    gone("SIGKILL agent-loop worker", "update", kills(AGENT), ANY),
    gone("SIGKILL raylet", "update", kills("raylet"), ANY, status=(1, TRY_AGAIN, -6, 134)),
    gone("SIGKILL head's GCS", "save", kills_gcs, ANY, status=(1, TRY_AGAIN, -6, 134)),
    stop("SIGUSR1", "generation", asks(signal.SIGUSR1), r" while the rollouts of step \d+ were generated"),
    gone("SIGKILL vLLM server", "validation", kills(SERVER), ENGINE_GONE, overrides=VALIDATES),
    gone("SIGKILL trainer", "weight sync", kills(RUNNER), DIED),
)
