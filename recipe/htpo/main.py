"""Train with HTPO: `python -m recipe.htpo.main key=value ...`, any key of verl's ppo_trainer config or of `htpo`."""

from recipe.htpo.method import HTPO
from recipe.runs.commands import training_command

main = training_command(HTPO)

if __name__ == "__main__":
    main()
