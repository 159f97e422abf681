"""The tests of this project, by package and folder."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
