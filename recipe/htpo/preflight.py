"""Look at a HTPO run before it starts: `python -m recipe.htpo.preflight key=value ...`, with the run's own arguments.

Exits with status 0 if nothing stands in its way, 2 if something does, 1 if Hydra cannot compose the config.
"""

from recipe.htpo.method import HTPO
from recipe.runs.commands import preflight_command

main = preflight_command(HTPO)

if __name__ == "__main__":
    main()
