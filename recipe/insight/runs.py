"""Runs to report, read from their folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from recipe.insight.config import Config, read_config
from recipe.insight.dumps import TOKENS, Dumps, read_dumps
from recipe.insight.metrics import Metrics, read_metrics
from recipe.insight.text import visible

METHODS = ("htpo", "hapo")


@dataclass(frozen=True)
class Run:
    """A run; `config` and `dumps` are None where the folder has none."""

    name: str
    metrics: Metrics
    config: Config | None
    dumps: Dumps | None

    @property
    def method(self) -> str:
        """The method whose metrics were logged; empty for a run of another kind."""
        return next((method for method in METHODS if any(name.startswith(f"{method}/") for name in self.metrics.names)), "")

    @property
    def lacks(self) -> list[str]:
        """What the folder lacks, a sentence each."""
        found = []
        if self.config is None:
            found.append("No configuration: there is no hydra/.hydra/config.yaml (hydra.run.dir=RUN/hydra writes it).")
        if self.dumps is None:
            found.append("No token view: there is no tokens/step_*.parquet (training wrote no token dumps).")
        if not self.method:
            found.append("No token groups: no metric of HTPO or HAPO was logged.")
        return found


def load_runs(folders: Sequence[Path], names: Sequence[str] | None = None, tokens: int = TOKENS) -> list[Run]:
    """Read runs; `names` are by default the folders'. `tokens`: of each run in the token view, at most.

    Raises:
        ValueError: one sentence, for a folder that is no run's, a file that cannot be read, or two runs of one name.
    """
    names = list(names or (folder.resolve().name for folder in folders))
    if len(names) != len(folders):
        raise ValueError(f"--name has {len(names)} names for {len(folders)} runs; give one for each")
    shown = [" ".join(visible(name).split()) or "(no name)" for name in names]
    if len(set(shown)) < len(shown):
        raise ValueError(f"two runs have the same name ({', '.join(shown)}); tell them apart with --name")
    for folder in folders:
        if not folder.is_dir():
            raise ValueError(f"there is no folder {folder}; name the folder of a run")
    return [
        Run(name, read_metrics(folder), read_config(folder), read_dumps(folder, tokens))
        for folder, name in zip(folders, shown, strict=True)
    ]
