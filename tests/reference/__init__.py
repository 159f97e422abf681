"""The page that is made from the code, REFERENCE.md; `python -m tests.reference` writes it anew."""

from __future__ import annotations

from pathlib import Path

import deepfabric_core
import deepfabric_nb
from tests import ROOT
from tests.reference.commands import command_line, notebook
from tests.reference.config import config
from tests.reference.python import package

_HEAD = """\
# Reference

Made from the code by `python -m tests.reference`; what is changed here by hand is lost.

- [Python: deepfabric_core](#python-deepfabric_core)
- [Python: deepfabric_nb](#python-deepfabric_nb)
- [Config](#config)
- [Command line](#command-line)
- [Notebook](#notebook)
"""


def pages() -> dict[Path, str]:
    """Each page as it should be."""
    return {ROOT / "REFERENCE.md": reference()}


def reference() -> str:
    """REFERENCE.md."""
    sections = (package(deepfabric_core), package(deepfabric_nb), config(), command_line(), notebook())
    return "\n".join((_HEAD, *(block for section in sections for block in section)))
