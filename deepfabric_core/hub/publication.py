"""What is to be published, and what comes of it: the files, with their rows and bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deepfabric_core.config.schema import Config
from deepfabric_core.export.columns import Columns
from deepfabric_core.export.splits import SplitRules

# What the samples as they are in the dataset are called.
DEFAULT = "default"
CARD, PICTURE = "README.md", "topics.svg"


def folder_of(config: str) -> str:
    """Return the folder of a configuration's files."""
    return "data" if config == DEFAULT else config


@dataclass(frozen=True, slots=True)
class Publication:
    """What to publish: a dataset under a name, which formats beside its own, how it is divided, and what its card says.

    `run` is the config that made the dataset, where it is known.
    """

    dataset: Path
    name: str
    formats: tuple[str, ...] = ()
    split: SplitRules | None = None
    tags: tuple[str, ...] = ()
    license: str | None = None
    description: str = ""
    run: Config | None = None


@dataclass(frozen=True, slots=True)
class SplitFiles:
    """A side of a split: its files below the folder, its rows, and its bytes, stored and unpacked."""

    name: str
    files: tuple[str, ...]
    rows: int
    stored: int
    unpacked: int


@dataclass(frozen=True, slots=True)
class DataConfig:
    """A configuration of the dataset, as `datasets.load_dataset` names it: a format with its sides and columns."""

    name: str
    what: str
    columns: Columns
    splits: tuple[SplitFiles, ...]
    lost: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """The folder of its files."""
        return folder_of(self.name)

    @property
    def rows(self) -> int:
        """The rows of all sides."""
        return sum(split.rows for split in self.splits)
