"""Flush the files of an open checkpoint regularly against power cuts, and restore files that were deleted."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path

from deepfabric_core.errors import OutputError
from deepfabric_core.store.append_log import AppendLog
from deepfabric_core.store.checkpoint_files import CheckpointFiles, Metadata, write_metadata

# In seconds, whatever interval is configured.
_LONGEST_INTERVAL = 5.0


class Autosave:
    """Saves after every `interval` items, and after a few seconds in any case.

    `metadata` returns the current metadata of the files, and `saved` is called with what was saved of them. Saving runs
    in another thread.
    """

    def __init__(
        self,
        files: CheckpointFiles,
        interval: int,
        metadata: Callable[[], Metadata],
        saved: Callable[[Metadata], None],
    ) -> None:
        self._files = files
        self._interval = interval
        self._metadata = metadata
        self._saved = saved
        self._logs: list[AppendLog] = []
        self._unsaved = 0
        self._saved_at = time.monotonic()
        self._saving: asyncio.Task[None] | None = None
        self._one_writer = threading.Lock()
        self._written_at = 0.0

    def add(self, log: AppendLog) -> AppendLog:
        """Save this log too, and close it at the end."""
        self._logs.append(log)
        return log

    def drop(self, log: AppendLog) -> None:
        """Close a log, and stop saving it."""
        self._logs.remove(log)
        log.close()

    def size_of(self, path: Path, before: int) -> int:
        """Return the size of a file in bytes or, if it isn't open yet, its size `before`."""
        return next((log.size for log in self._logs if log.path == path), before)

    def item_settled(self) -> None:
        """Note that an item of a stage was made or failed, and save if it is time to.

        Raises:
            OutputError: an earlier save failed.
        """
        self._unsaved += 1
        due = self._unsaved >= self._interval or time.monotonic() - self._saved_at >= _LONGEST_INTERVAL
        if self._saving is not None and self._saving.done():
            saving, self._saving = self._saving, None
            saving.result()
        if due and self._saving is None:
            self._unsaved, self._saved_at = 0, time.monotonic()
            self._saving = asyncio.create_task(asyncio.to_thread(self._save, self._metadata()))

    async def save(self) -> None:
        """Save everything, and return when it is safe on disk.

        Raises:
            OutputError: the files can't be written.
        """
        if self._saving is not None:
            await self._saving
        await asyncio.to_thread(self._save, self._metadata())

    def write_metadata(self) -> None:
        """Write the metadata alone.

        Raises:
            OutputError: it can't be written.
        """
        self._write(self._metadata())

    def _save(self, metadata: Metadata) -> None:
        deleted = self._restore_deleted()
        for log in self._logs:
            log.sync()
        try:
            self._write(metadata)
        except OutputError:  # perhaps because the folder was deleted at this moment
            deleted = self._restore_deleted()
            if not deleted:
                raise
            self._write(metadata)
        if deleted:
            raise OutputError(
                f"{self._files.folder} was deleted while the run went on; all finished samples have been written there "
                "again."
            )
        self._saved(metadata)

    def _restore_deleted(self) -> bool:
        """Restore files that were deleted, and return whether there were any."""
        deleted = [log for log in self._logs if not log.in_place]
        for log in deleted:
            log.restore()
        return bool(deleted)

    def _write(self, metadata: Metadata) -> None:
        """Write metadata, unless later metadata was written meanwhile."""
        with self._one_writer:
            if metadata.updated_at >= self._written_at:
                write_metadata(self._files, metadata)
                self._written_at = metadata.updated_at

    def close(self) -> None:
        """Close all logs."""
        for log in self._logs:
            log.close()
