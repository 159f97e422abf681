"""From a config file and flags to a checked config."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepfabric_core.cli.options import overrides, spelled

if TYPE_CHECKING:
    from deepfabric_core.config.load import Loaded


def load_config(config_file: Path | None, values: Mapping[str, Any]) -> Loaded:
    """The config of a file, or of flags alone, with the flags on top."""
    from deepfabric_core.config.load import load
    from deepfabric_core.store.files import read_text

    if config_file is None:
        return load("", source="without a config file", overrides=overrides(values), spelled=spelled(values))
    text = read_text(config_file, what="config")
    return load(text, source=str(config_file), overrides=overrides(values), spelled=spelled(values))
