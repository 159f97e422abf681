"""The tests of this project, by package and room."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
