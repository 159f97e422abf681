"""The dataset that a command uploads, and the config that made it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from deepfabric_core.errors import ConfigError

if TYPE_CHECKING:
    from deepfabric_core.config.schema import Config

_CONFIGS = (".yaml", ".yml")


def dataset_and_config(path: Path) -> tuple[Path, Config | None]:
    """Return the dataset that is named, by itself or by the config that made it, and the config if that is named."""
    from deepfabric_core.cli.load_config import load_config

    if path.is_dir():
        raise click.UsageError(f"{path} is a folder; name a dataset in it.")
    if path.suffix.lower() not in _CONFIGS:
        return path, None
    config = load_config(path, {}).config
    return Path(config.output.save_as), config


def needed(value: str | None, what: str) -> str:
    """Return the name of the place to upload to.

    Raises:
        ConfigError: neither a flag nor the config has one.
    """
    if not value:
        raise ConfigError(f"Say where to upload to: {what}.")
    return value
