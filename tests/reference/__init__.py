"""The pages that are made from the code: REFERENCE.md, and the table of flags in README.md.

`python -m tests.reference` writes them anew.
"""

from __future__ import annotations

import re
from pathlib import Path

import deepfabric_core
import deepfabric_nb
from tests.reference.commands import command_line, flags, notebook
from tests.reference.config import config
from tests.reference.python import package

ROOT = Path(__file__).parents[2]
FLAGS = re.compile(r"(?<=<!-- flags -->\n).*?(?=<!-- /flags -->)", re.DOTALL)

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
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return {
        ROOT / "REFERENCE.md": reference(),
        ROOT / "README.md": FLAGS.sub(lambda _: f"{flags()}\n", readme),
    }


def reference() -> str:
    """REFERENCE.md."""
    sections = (package(deepfabric_core), package(deepfabric_nb), config(), command_line(), notebook())
    return "\n".join((_HEAD, *(block for section in sections for block in section)))
