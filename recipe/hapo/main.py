"""Train with HAPO: `python -m recipe.hapo.main key=value ...`, any key of verl's ppo_trainer config or of `hapo`."""

import hydra

from recipe.hapo.method import HAPO
from recipe.runs import search_path
from recipe.runs.launch import launch

search_path.register()


@hydra.main(config_path="config", config_name="hapo_trainer", version_base=None)
def main(config):
    """Compose the config, then hand over to the shared launcher."""
    launch(config, HAPO)


if __name__ == "__main__":
    main()
