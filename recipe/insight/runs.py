"""Runs to report, read from their folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from recipe.files.bounded import read_bounded
from recipe.files.warned import Warned, read_warnings
from recipe.insight.config import Config, read_config
from recipe.insight.dumps import TOKENS, Dumps, read_dumps
from recipe.insight.metrics import Metrics, read_metrics
from recipe.insight.verdicts import Verdicts, read_verdicts
from recipe.text.visible import visible
from recipe.token_level.display import FILE, Display


@dataclass(frozen=True)
class Run:
    """A run; `config`, `display`, `dumps`, `verdicts` and `warnings` are None where the folder has none."""

    name: str
    metrics: Metrics
    config: Config | None
    display: Display | None
    dumps: Dumps | None
    verdicts: Verdicts | None
    warnings: list[Warned] | None

    @property
    def method(self) -> str:
        """The method, as people write it; empty for a run that does not say."""
        return visible(self.display.title if self.display else self.dumps.method if self.dumps else "")

    @property
    def has_groups(self) -> bool:
        """Whether metrics of the method's groups were logged."""
        groups = self.display.groups if self.display else ()
        return any(f"{self.display.method}/{group.name}/token_share" in self.metrics.names for group in groups)

    @property
    def lacks(self) -> list[str]:
        """What the folder lacks, a sentence each."""
        found = []
        if self.config is None:
            found.append("No configuration: there is no hydra/.hydra/config.yaml (hydra.run.dir=RUN/hydra writes it).")
        if self.dumps is None:
            found.append("No token view: there is no tokens/step_*.parquet (training wrote no token dumps).")
        if self.display is None:
            found.append(f"Nothing of a method's own: there is no {FILE}, in which training writes what its method shows.")
        elif self.display.groups and not self.has_groups:
            found.append(f"No token groups: no metric of the groups of {self.method} was logged.")
        return found


def load_runs(folders: Sequence[Path], names: Sequence[str] | None = None, tokens: int = TOKENS) -> list[Run]:
    """Read runs; `names` are by default the folders'. `tokens`: of each run in the token view, at most.

    Raises:
        ValueError: one sentence, for a folder that is no run's, a file that cannot be read, or two runs of one name.
    """
    if tokens < 0:
        raise ValueError(f"--tokens {tokens}: give a number of tokens, 0 for none")
    shown = named(folders, names)
    return [_load(folder, name, tokens) for folder, name in zip(folders, shown, strict=True)]


def named(folders: Sequence[Path], names: Sequence[str] | None) -> list[str]:
    """The runs' names, one line each; by default their folders'. ValueError as `load_runs` for what is no folder or name."""
    names = list(names or (folder.resolve().name for folder in folders))
    if len(names) != len(folders):
        raise ValueError(f"--name has {len(names)} names for {len(folders)} runs; give one for each")
    shown = [" ".join(visible(name).split()) or "(no name)" for name in names]
    if len(set(shown)) < len(shown):
        raise ValueError(f"two runs have the same name ({', '.join(shown)}); tell them apart with --name")
    for folder in folders:
        if not folder.is_dir():
            raise ValueError(f"there is no folder {folder}; name the folder of a run")
    return shown


def _load(folder: Path, name: str, tokens: int) -> Run:
    display = read_display(folder)
    own = (f"{display.method}/", *(curve.metric for curve in display.curves)) if display else ()
    metrics = read_metrics(folder, own)
    last_step = int(metrics.steps[-1])
    dumps = read_dumps(folder, display, tokens, last_step)
    return Run(name, metrics, read_config(folder), display, dumps, read_verdicts(folder, last_step), read_warnings(folder))


def read_display(folder: Path) -> Display | None:
    """What the run wrote down of its method; None if it did not. ValueError for a file that is something else."""
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        return Display.from_json(read_bounded(path).decode())
    except (ValueError, RecursionError) as error:
        reason = " ".join(visible(str(error)).split())
        raise ValueError(f"{path} does not say what a method shows: {reason}; restore it, or remove it") from None
