"""Train with HTPO: `python -m recipe.htpo.main key=value ...`, any key of verl's ppo_trainer config or of `htpo`."""

import hydra

from recipe.htpo.method import HTPO
from recipe.runs import search_path
from recipe.runs.launch import launch

search_path.register()


@hydra.main(config_path="config", config_name="htpo_trainer", version_base=None)
def main(config):
    """Compose the config, then hand over to the shared launcher."""
    launch(config, HTPO)


if __name__ == "__main__":
    main()
