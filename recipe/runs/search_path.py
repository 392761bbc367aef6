"""Let Hydra find verl's own configs and the shared ones of this package, wherever both are installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin


class VerlSearchPath(SearchPathPlugin):
    """Appends the folders, by their place on disk: naming the package would import verl before its platform is chosen."""

    verl_folder = "trainer/config"

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        verl = find_spec("verl")
        if verl is None or not verl.submodule_search_locations:
            raise ModuleNotFoundError(
                "verl is not installed; install verl-htpo[train], or the packages of requirements.txt or requirements-cpu.txt"
            )
        search_path.append("runs", f"file://{Path(__file__).parent / 'config'}")
        search_path.append("verl", f"file://{Path(verl.submodule_search_locations[0]) / self.verl_folder}")


def register(verl_folder: str = "trainer/config") -> None:
    """Call before `@hydra.main` runs or a config is composed; more than once does no harm, the last call counts.

    verl_folder: what verl's config groups are looked up in. From `trainer` they are `config/model` and so on, which leaves
    the names of the groups to keys of one's own.
    """
    VerlSearchPath.verl_folder = verl_folder
    Plugins.instance().register(VerlSearchPath)
