"""The history of this user's runs on this machine: an entry for each run, all its sessions together, in an SQLite file.

It tells of paths, models' names, numbers and times, and holds no key, no prompt and no model's text. A run goes on
where it can't be written.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from deepfabric_core.amounts import Spending
from deepfabric_core.errors import ConfigError
from deepfabric_core.store.append_log import count_lines
from deepfabric_core.store.checkpoint_files import CheckpointFiles, Metadata, read_metadata, same_file
from deepfabric_core.store.files import is_alive
from deepfabric_core.store.rejected_log import count_reviewed
from deepfabric_core.store.sqlite_file import opened
from deepfabric_core.store.tail import is_being_written
from deepfabric_core.store.usage_totals import with_unsaved
from deepfabric_core.store.user_folder import user_folder

_log = logging.getLogger(__name__)

_MOST_RUNS = 5000
_INTERVAL = 3.0  # seconds between two writes while a run goes on
_LONGEST_WAIT = 1.0  # seconds, for another process that writes
_TABLE = "CREATE TABLE IF NOT EXISTS runs (run_id TEXT PRIMARY KEY, began REAL, updated REAL, entry TEXT)"
# Two threads of a process may write out of order.
_PUT = (
    "INSERT INTO runs VALUES (?, ?, ?, ?) ON CONFLICT (run_id) DO UPDATE SET began = excluded.began, "
    "updated = excluded.updated, entry = excluded.entry WHERE excluded.updated >= updated"
)
_FORGET = "DELETE FROM runs WHERE run_id IN (SELECT run_id FROM runs ORDER BY began DESC LIMIT -1 OFFSET ?)"


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run as it was last saved. `ending` is empty while it goes on, and for ever if it was killed.

    Times are in seconds since the epoch; `seconds` is the time worked. `calls` counts failed ones as well.
    """

    run_id: str
    began_at: float
    updated_at: float
    config_file: str | None = None
    dataset: str = ""
    models: tuple[str, ...] = ()
    samples: int = 0
    samples_wanted: int = 0
    calls: int = 0
    spending: Spending = field(default_factory=dict)
    seconds: float = 0.0
    ending: str = ""
    process: int = 0
    checkpoint: CheckpointFiles | None = None

    @property
    def status(self) -> str:
        """How it ended: as it said itself, or "running", or "unfinished"."""
        if self.ending:
            return self.ending
        return "running" if is_alive(self.process) and is_being_written(Path(self.dataset)) else "unfinished"


def past_run(known: Metadata, models: tuple[str, ...], files: CheckpointFiles, ending: str = "") -> PastRun:
    """Return the entry of a run with these metadata, kept in the files of its checkpoint."""
    return PastRun(
        known.run_id,
        known.created_at,
        known.updated_at,
        known.config_file,
        known.dataset,
        models,
        known.samples_done,
        known.samples_wanted,
        known.calls,
        known.spending,
        round(known.seconds, 3),
        ending,
        known.process,
        files,
    )


def history_file() -> Path:
    """Return the path of the history, which may not exist yet."""
    return user_folder() / "history.sqlite"


def remember(run: PastRun, *, most: int = _MOST_RUNS) -> None:
    """Write the entry of a run in place of its older one, and forget the oldest beyond `most` runs.

    Nothing is raised where that fails. It may take a second.
    """
    import sqlite3

    text = json.dumps(asdict(run), default=str)
    try:
        with closing(opened(history_file(), _TABLE, patience=_LONGEST_WAIT)) as history, history:
            history.execute("BEGIN IMMEDIATE")
            history.execute(_PUT, (run.run_id, run.began_at, run.updated_at, text))
            history.execute(_FORGET, (most,))
    except (OSError, sqlite3.Error):
        _log.debug("the run isn't in the history", exc_info=True)


def past_runs(*, since: float = 0.0, config_file: Path | None = None, most: int | None = None) -> list[PastRun]:
    """Return the runs, the newest first.

    Args:
        since: when they began at the earliest, in seconds since the epoch.
        config_file: the only config whose runs are wanted.
        most: how many of them at most.

    Raises:
        ConfigError: the history can't be read.
    """
    found = [
        run
        for run in _all_runs(since)
        if config_file is None or (run.config_file is not None and same_file(run.config_file, config_file))
    ]
    return list(map(_brought_up_to_date, found[:most]))


def _brought_up_to_date(run: PastRun) -> PastRun:
    """Return a killed run with what its checkpoint holds beyond the last save."""
    if run.status != "unfinished" or run.checkpoint is None:
        return run
    try:
        known = with_unsaved(read_metadata(run.checkpoint), run.checkpoint)
    except ConfigError:
        return run
    if known.run_id != run.run_id:
        return run
    made = count_lines(run.checkpoint.samples) - count_reviewed(run.checkpoint.rejected)
    return replace(past_run(known, run.models, run.checkpoint), samples=made)


def _all_runs(since: float) -> Iterator[PastRun]:
    import sqlite3

    if not history_file().exists():
        return
    try:
        with closing(opened(history_file(), _TABLE, patience=_LONGEST_WAIT)) as history:
            rows = history.execute("SELECT entry FROM runs WHERE began >= ? ORDER BY began DESC", (since,)).fetchall()
    except (OSError, sqlite3.Error) as problem:
        raise ConfigError(
            f"{history_file()}: the history of runs can't be read: {problem}; delete it to begin a new one."
        ) from problem
    entry = TypeAdapter(PastRun)
    for (text,) in rows:
        try:
            yield entry.validate_json(text)
        except ValidationError:  # a later version wrote it
            _log.debug("an entry of the history can't be read", exc_info=True)


class HistoryWriter:
    """Keeps the entry of a run up to date: at once where it begins and ends, and meanwhile every few seconds."""

    def __init__(
        self, models: tuple[str, ...], files: CheckpointFiles, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._models = models
        self._files = replace(files, folder=files.folder.absolute())
        self._clock = clock
        self._written_at = 0.0

    def write(self, known: Metadata, ending: str = "") -> None:
        """Write what is known now."""
        self._written_at = self._clock()
        remember(past_run(known, self._models, self._files, ending))

    def write_now_and_then(self, known: Metadata) -> None:
        """Write what is known now, unless that was done a moment ago."""
        if self._clock() - self._written_at >= _INTERVAL:
            self.write(known)
