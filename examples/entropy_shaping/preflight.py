"""Look at such a run before it starts: `python -m examples.entropy_shaping.preflight key=value ...`."""

from examples.entropy_shaping.method import ENTROPY_SHAPING
from recipe.runs.commands import preflight_command

main = preflight_command(ENTROPY_SHAPING)

if __name__ == "__main__":
    main()
