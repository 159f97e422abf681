"""Files of rows: JSONL, Parquet, and the folder of `datasets`. Each is complete or isn't there.

A file is written under another name beside its place and takes that once it is whole. Rows are written as they come.
"""

from __future__ import annotations

import json
import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepfabric_core.errors import ConfigError, OutputError
from deepfabric_core.export.columns import Columns
from deepfabric_core.store.files import PRIVATE, make_folder, reason, remove_leftovers, replace_file, sync_folder

if TYPE_CHECKING:
    from deepfabric_core.export.arrow import ArrowWriter

Row = Mapping[str, Any]

_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode
ENDINGS = (".jsonl", ".parquet")
_BUFFER = 1 << 20
_AT_ONCE = 2000


class RowFile(ABC):
    """A file of rows that is being written; `place` is its name for people: the file's, or that of a whole folder.

    Raises:
        OutputError: it can't be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve() if path.is_symlink() else path
        self.place = path
        self.rows = 0
        self._beside = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
        try:
            make_folder(self.path.parent)
            remove_leftovers(self.path)
            self._beside.unlink(missing_ok=True)
            os.close(os.open(self._beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))
            if self.path.exists():
                self._beside.chmod(stat.S_IMODE(self.path.stat().st_mode))
        except OSError as problem:
            raise self._trouble(problem) from problem

    def add(self, row: Row) -> None:
        """Add a row.

        Raises:
            OutputError: it can't be written.
        """
        self.rows += 1
        try:
            self._write(row)
        except OSError as problem:
            raise self._trouble(problem) from problem

    def finish(self) -> None:
        """Put the file into its place.

        Raises:
            OutputError: it can't be written.
        """
        try:
            self._close()
            with self._beside.open("rb") as file:
                os.fsync(file.fileno())
            self._beside.replace(self.path)
            sync_folder(self.path.parent)
        except OSError as problem:
            raise self._trouble(problem) from problem

    def discard(self) -> None:
        """Leave what stood there as it was."""
        try:
            self._close()
            self._beside.unlink(missing_ok=True)
        except (OSError, ValueError):
            return

    def _trouble(self, problem: OSError) -> OutputError:
        return OutputError(f"{self.path} can't be written: {reason(problem)}; what stood there is untouched.")

    @abstractmethod
    def _write(self, row: Row) -> None: ...

    @abstractmethod
    def _close(self) -> None: ...


class JsonLines(RowFile):
    """Rows as JSON, one a line."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            self._file = self._beside.open("wb", _BUFFER)
        except OSError as problem:
            raise self._trouble(problem) from problem

    def _write(self, row: Row) -> None:
        self._file.write(_encode(row).encode("utf-8", "backslashreplace") + b"\n")

    def _close(self) -> None:
        self._file.close()


class ArrowFile(RowFile):
    """Rows in columns: a Parquet file, or the one that is in a folder of `datasets`."""

    def __init__(self, path: Path, columns: Columns, *, parquet: bool) -> None:
        from deepfabric_core.export.arrow import ArrowWriter

        super().__init__(path)
        self._waiting: list[Row] = []
        try:
            self._writer: ArrowWriter | None = ArrowWriter(self._beside, columns, parquet=parquet)
        except OSError as problem:
            raise self._trouble(problem) from problem

    def _write(self, row: Row) -> None:
        self._waiting.append(row)
        if len(self._waiting) >= _AT_ONCE:
            self._write_waiting()

    def _write_waiting(self) -> None:
        if self._waiting and self._writer:
            self._writer.write(self._waiting)
            self._waiting = []

    def _close(self) -> None:
        self._write_waiting()
        if self._writer:
            self._writer.close()
            self._writer = None


class ArrowFolder(ArrowFile):
    """A folder that `datasets.load_from_disk` reads."""

    _DATA = "data-00000-of-00001.arrow"

    def __init__(self, path: Path, columns: Columns) -> None:
        super().__init__(path / self._DATA, columns, parquet=False)
        self.place, self._columns = path, columns

    def finish(self) -> None:
        """Put the files into their places, the data first."""
        from deepfabric_core.export.arrow import dataset_facts

        super().finish()
        for name, content in dataset_facts(self._columns, self.path).items():
            replace_file(self.place / name, [json.dumps(content, indent=2).encode()])


def check_rows(path: Path, columns: Columns | None) -> None:
    """Check that rows with such columns can be written under a name.

    Raises:
        ConfigError: nothing is written under such a name, or what it takes isn't installed.
    """
    ending = path.suffix.lower()
    if ending == ".jsonl":
        return
    if ending not in ("", ".parquet") and not path.is_dir():
        raise ConfigError(f"{path} ends in neither .jsonl nor .parquet, and is no folder; give it another name.")
    if path.is_dir() and _holds_other_files(path):
        raise ConfigError(f"{path} holds other files than a dataset; name a folder of its own, or a .jsonl in it.")
    if columns is None:
        raise ConfigError(f"{path}: rows of that format may have any columns, so they are written as .jsonl alone.")
    if find_spec("pyarrow") is None:
        raise ConfigError(
            "Parquet and folders of datasets need pyarrow, which isn't installed; install it with: pip install "
            "datasets, or write .jsonl."
        )


def _holds_other_files(folder: Path) -> bool:
    """Whether a folder has files that aren't of `datasets`, of which its own might replace some."""
    return not (folder / "state.json").exists() and any(not one.name.startswith(".") for one in folder.iterdir())


def open_rows(path: Path, columns: Columns | None) -> RowFile:
    """Return the file of rows at a path, told by its ending: .jsonl, .parquet, or a folder of `datasets`.

    Raises:
        ConfigError: nothing is written under such a name, or what it takes isn't installed.
        OutputError: it can't be written.
    """
    check_rows(path, columns)
    ending = path.suffix.lower()
    if ending == ".jsonl" or columns is None:
        return JsonLines(path)
    return ArrowFile(path, columns, parquet=True) if ending == ".parquet" else ArrowFolder(path, columns)
