"""Load a command's config: from its file, with flags taking precedence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepfabric_core.cli.command_secrets import learn_secrets
from deepfabric_core.flags.options import overrides, spelled

if TYPE_CHECKING:
    from deepfabric_core.config.load import Loaded


def load_config(config_file: Path | None, values: Mapping[str, Any]) -> Loaded:
    """Return the config from a file, or from flags alone; flags take precedence over the file."""
    from deepfabric_core.config.load import NO_FILE, load
    from deepfabric_core.store.files import read_text

    text, source = "", NO_FILE
    if config_file is not None:
        text, source = read_text(config_file, what="config"), str(config_file)
    loaded = load(text, source=source, overrides=overrides(values), spelled=spelled(values))
    learn_secrets(loaded.config)
    return loaded
