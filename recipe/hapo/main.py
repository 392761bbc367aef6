"""Train with HAPO: `python -m recipe.hapo.main key=value ...`, any key of verl's ppo_trainer config or of `hapo`."""

from recipe.hapo.method import HAPO
from recipe.runs.commands import training_command

main = training_command(HAPO)

if __name__ == "__main__":
    main()
