"""Write a dataset as Parquet files, a folder for each format and a row of files for each side of a split."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Any

from deepfabric_core.errors import ConfigError, OutputError
from deepfabric_core.export.columns import Columns
from deepfabric_core.export.divide import divide
from deepfabric_core.export.entries import Dataset, Entry, open_dataset
from deepfabric_core.export.find_format import find_format
from deepfabric_core.export.formats.format import Format, Takes
from deepfabric_core.hub.local_places import without_places
from deepfabric_core.hub.publication import DEFAULT, DataConfig, Publication, SplitFiles
from deepfabric_core.hub.record_columns import columns_of
from deepfabric_core.store.files import reason

Row = Mapping[str, Any]

# Of a broken upload only the file at work is sent again, so files aren't as large as they could be.
SHARD_BYTES = 100_000_000
_ROWS_AT_ONCE = 1000
_TRAIN = "train"
# What `datasets` takes as the name of a side, and of a configuration.
_SIDE = re.compile(r"\w+")
_CONFIG = re.compile(r"[\w-]+")


def write_data(wanted: Publication, folder: Path, *, shard_bytes: int = SHARD_BYTES) -> tuple[DataConfig, ...]:
    """Write the files of all formats below a folder, and return what was written.

    Raises:
        ConfigError: the dataset can't be read, a format isn't known, or pyarrow isn't installed.
        OutputError: nothing is left to publish, or a file can't be written.
    """
    _check(wanted)
    return tuple(
        _Writing(wanted, folder, None if name == DEFAULT else find_format(name), shard_bytes).write()
        for name in (DEFAULT, *wanted.formats)
    )


def _check(wanted: Publication) -> None:
    unfit = [side for side in (wanted.split.shares if wanted.split else ()) if not _SIDE.fullmatch(side)]
    if unfit:
        raise ConfigError(f"--split: a side that is published can't be named {unfit[0]}; use letters and digits.")
    if DEFAULT in wanted.formats or len(set(wanted.formats)) < len(wanted.formats):
        raise ConfigError(f"--config: name each format once; the samples as they are need no name ({DEFAULT}).")


@dataclass
class _Writing:
    """Writes one format. `lost` and `left_out` count what the format can't hold, by the reason."""

    wanted: Publication
    folder: Path
    format: Format | None
    shard_bytes: int
    lost: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)

    def write(self) -> DataConfig:
        """Write the files, and return what was written."""
        name = self.format.name if self.format else DEFAULT
        if not _CONFIG.fullmatch(name):
            raise ConfigError(f"{name} can't be published under that name; use letters, digits, - and _ in it.")
        dataset = open_dataset(self.wanted.dataset, self._takes)
        sides = self._sides(dataset)
        columns = (self.format and self.format.columns) or columns_of(row for _, row in self._rows(dataset, sides))
        self.lost.clear()
        self.left_out.clear()
        made = DataConfig(name, self.format.what if self.format else "the samples as they are", columns, ())
        files = {
            side: ShardedParquet(self.folder / made.folder, side, columns, self.shard_bytes)
            for side in set(sides or [_TRAIN])
        }
        for side, row in self._rows(dataset, sides):
            files[side].add(row)
        order = list(self.wanted.split.shares) if self.wanted.split else [_TRAIN]
        splits = tuple(files[side].finish() for side in order if side in files and files[side].rows)
        if not splits:
            why = "; ".join(self.left_out) or "there are no samples in it"
            raise OutputError(f"{self.wanted.dataset} has nothing to publish as {name}: {why}. Nothing was uploaded.")
        return DataConfig(name, made.what, columns, splits, dict(self.lost), dict(self.left_out))

    @property
    def _takes(self) -> Takes:
        return self.format.takes if self.format else "records"

    def _sides(self, dataset: Dataset) -> Sequence[str] | None:
        """Return the side of each entry; None if nothing is divided."""
        return divide(dataset, self._takes, self.wanted.split, {}).sides if self.wanted.split else None

    def _rows(self, dataset: Dataset, sides: Sequence[str] | None) -> Iterator[tuple[str, Row]]:
        for entry, side in zip(dataset.entries(self._takes), sides or repeat(_TRAIN), strict=False):
            for row in self._rows_of(entry):
                yield side, row

    def _rows_of(self, entry: Entry) -> tuple[Row, ...]:
        if entry.item is None:
            self.left_out[entry.left_out] += 1
            return ()
        if self.format is None:
            return (without_places(entry.record),)
        made = self.format.convert(entry.item, self.format.default_reasoning)
        self.lost.update(made.lost)
        if made.left_out:
            self.left_out[made.left_out] += 1
        return made.rows


class ShardedParquet:
    """Parquet files of some size each, named as `datasets` names them: train-00000-of-00002.parquet.

    Raises:
        OutputError: a file can't be written.
    """

    def __init__(self, folder: Path, side: str, columns: Columns, shard_bytes: int) -> None:
        self.rows = 0
        self._folder, self._side, self._columns, self._limit = folder, side, columns, shard_bytes
        self._waiting: list[Row] = []
        self._paths: list[Path] = []
        self._close: Callable[[], None] | None = None
        self._write: Callable[[list[Row]], None]

    def add(self, row: Row) -> None:
        """Add a row."""
        self.rows += 1
        self._waiting.append(row)
        if len(self._waiting) >= _ROWS_AT_ONCE:
            self._flush()

    def finish(self) -> SplitFiles:
        """Close the last file, and give all of them their names."""
        self._flush()
        self._end_file()
        names, stored, unpacked = [], 0, 0
        for number, path in enumerate(self._paths):
            place = path.with_name(f"{self._side}-{number:05}-of-{len(self._paths):05}.parquet")
            path.replace(place)
            names.append(f"{self._folder.name}/{place.name}")
            stored += place.stat().st_size
            unpacked += _unpacked_bytes(place)
        return SplitFiles(self._side, tuple(names), self.rows, stored, unpacked)

    def _flush(self) -> None:
        if not self._waiting:
            return
        try:
            if self._close is None:
                self._open_file()
            self._write(self._waiting)
            self._waiting = []
            if self._paths[-1].stat().st_size >= self._limit:
                self._end_file()
        except OSError as problem:
            with suppress(OSError):
                self._end_file()
            raise OutputError(f"{self._folder} can't be written: {reason(problem)}; nothing was uploaded.") from problem

    def _open_file(self) -> None:
        from deepfabric_core.export.arrow import ArrowWriter

        self._folder.mkdir(parents=True, exist_ok=True)
        self._paths.append(self._folder / f"{self._side}-{len(self._paths):05}.parquet")
        writer = ArrowWriter(self._paths[-1], self._columns, parquet=True)
        self._write, self._close = writer.write, writer.close

    def _end_file(self) -> None:
        if self._close is not None:
            self._close()
            self._close = None


def _unpacked_bytes(path: Path) -> int:
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    facts = pq.read_metadata(path)
    return sum(facts.row_group(number).total_byte_size for number in range(facts.num_row_groups))
