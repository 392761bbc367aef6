"""The tests; a folder for each room of the project, and what several of them use."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
