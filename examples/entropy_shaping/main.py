"""Train with entropy-shaped advantages: `python -m examples.entropy_shaping.main key=value ...`."""

from examples.entropy_shaping.method import ENTROPY_SHAPING
from recipe.runs.commands import training_command

main = training_command(ENTROPY_SHAPING)

if __name__ == "__main__":
    main()
