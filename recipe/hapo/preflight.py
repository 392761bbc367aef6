"""Look at a HAPO run before it starts: `python -m recipe.hapo.preflight key=value ...`, with the run's own arguments.

Exits with status 0 if nothing stands in its way, 2 if something does, 1 if Hydra cannot compose the config.
"""

from recipe.hapo.method import HAPO
from recipe.runs.commands import preflight_command

main = preflight_command(HAPO)

if __name__ == "__main__":
    main()
