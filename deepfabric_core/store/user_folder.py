"""The folder for this user's data: checkpoints, runs of notebooks, and the key for hashes."""

from __future__ import annotations

from pathlib import Path


def user_folder() -> Path:
    """Return the folder; it may not exist yet."""
    import platformdirs

    return Path(platformdirs.user_data_dir("deepfabric", appauthor=False))
