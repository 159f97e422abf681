"""The tests of this project, by package and folder."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[1]

# Servers of tests often get a port that another one had: what is learned of one must not be believed of the next.
os.environ["DEEPFABRIC_LEARNED_LIMITS"] = "off"
