"""Open an SQLite file of this user's, which several processes read and write at once, and which survives a kill."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from deepfabric_core.store.files import PRIVATE, make_folder

if TYPE_CHECKING:
    import sqlite3


def opened(path: Path, tables: str, *, patience: float) -> sqlite3.Connection:
    """Open a file, and make it with its tables if there is none; only this user may read it.

    Each statement is a transaction of its own, unless one is begun. The connection may be used in any thread.

    Args:
        path: the file, whose folder is made if need be.
        tables: the statements that make the tables where they are missing.
        patience: how long to wait while another process writes, in seconds.

    Raises:
        OSError: the folder or the file can't be written.
        sqlite3.Error: the file is damaged, or another process writes for too long.
    """
    import sqlite3

    make_folder(path.parent)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE))
    database = sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.executescript(tables)
    except BaseException:
        database.close()
        raise
    return database
