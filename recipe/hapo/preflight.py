"""Look at a HAPO run before it starts: `python -m recipe.hapo.preflight key=value ...`, with the run's own arguments.

Exits with status 0 if nothing stands in its way, 2 if something does, 1 if Hydra cannot compose the config.
"""

import hydra

from recipe.hapo.method import HAPO
from recipe.runs import search_path
from recipe.runs.preflight.run import preflight

search_path.register()


@hydra.main(config_path="config", config_name="hapo_trainer", version_base=None)
def main(config):
    """Compose the config, then hand over to the checks."""
    preflight(config, HAPO)


if __name__ == "__main__":
    main()
