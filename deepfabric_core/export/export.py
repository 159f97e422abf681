"""Export a dataset: each record is read, converted and written, and what a format can't hold is counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from deepfabric_core.errors import ConfigError, OutputError
from deepfabric_core.export.entries import Dataset, Entry, is_made_up, open_dataset
from deepfabric_core.export.formats.format import Answer, Converted, Format, Reasoning, Takes
from deepfabric_core.export.row_files import RowFile, open_rows
from deepfabric_core.store.files import read_text, replace_file
from deepfabric_core.store.review_log import reviews_path

DATASET_INFO = "dataset_info.json"
_NOTHING: Mapping[Takes, str] = {
    "conversations": "there are no samples in it",
    "records": "there are no samples in it",
    "answers": "there are no samples in it",
    "pairs": "no sample in it was edited, and none was rejected and made again with the same question",
}
# So many records are named of each kind of loss.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What to export, as what, where to, and where reasoning goes."""

    dataset: Path
    format: Format
    output: Path
    reasoning: Reasoning


@dataclass(slots=True)
class Tally:
    """How many records something holds of, and the numbers of the first ones."""

    count: int = 0
    first: list[int] = field(default_factory=list)

    def add(self, number: int) -> None:
        """Add a record."""
        self.count += 1
        if len(self.first) < _NAMED and number not in self.first:
            self.first.append(number)


@dataclass(slots=True)
class ExportResult:
    """What was written: rows by file, what was lost and left out by the reason, and how many samples were made up."""

    format: str
    files: dict[Path, int] = field(default_factory=dict)
    lost: dict[str, Tally] = field(default_factory=dict)
    left_out: dict[str, Tally] = field(default_factory=dict)
    made_up: int = 0
    labels: Counter[bool] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        """How many rows there are in all files."""
        return sum(self.files.values())

    def count(self, entry: Entry, made: Converted) -> None:
        """Count what became of an entry."""
        self.labels.update(entry.item.good for _ in made.rows if isinstance(entry.item, Answer))
        self.made_up += bool(made.rows) and is_made_up(entry.record)
        for reason in made.lost:
            self.lost.setdefault(str(reason), Tally()).add(entry.number)
        if made.left_out:
            self.left_out.setdefault(str(made.left_out), Tally()).add(entry.number)


def export(request: ExportRequest) -> ExportResult:
    """Write the export, and return what became of the dataset.

    Raises:
        ConfigError: a file can't be read, or the output can't be written as it is named.
        OutputError: the disk is full or gone; what stood there is untouched.
    """
    _check(request)
    dataset = open_dataset(request.dataset, request.format.takes)
    result = ExportResult(request.format.name)
    with ExitStack() as stack:
        file = open_rows(request.output, request.format.columns)
        stack.callback(file.discard)
        for row in _rows(dataset, request, result):
            file.add(row)
        _refuse_nothing(request, [file], result)
        _finish([file], result)
        stack.pop_all()
    _write_companion(request, {request.output.stem: request.output})
    return result


def _rows(dataset: Dataset, request: ExportRequest, result: ExportResult) -> Iterator[Mapping[str, object]]:
    for entry in dataset.entries(request.format.takes):
        made = converted(entry, request)
        result.count(entry, made)
        yield from made.rows


def converted(entry: Entry, request: ExportRequest) -> Converted:
    """Return the rows that an entry makes."""
    if entry.item is None:
        return Converted(left_out=entry.left_out)
    return request.format.convert(entry.item, request.reasoning)


def _refuse_nothing(request: ExportRequest, files: Iterable[RowFile], result: ExportResult) -> None:
    """Refuse to write an export without any row."""
    if any(file.rows for file in files):
        return
    why = "; ".join(result.left_out) or _NOTHING[request.format.takes]
    raise OutputError(f"{request.dataset} has nothing for {request.format.name}: {why}. Nothing was written.")


def _finish(files: Iterable[RowFile], result: ExportResult) -> None:
    for file in files:
        file.finish()
        result.files[file.path] = file.rows


def _check(request: ExportRequest) -> None:
    """Refuse to write over what is read."""
    dataset = request.dataset
    read = [dataset, reviews_path(dataset), dataset.with_name(f"{dataset.stem}.rejected.jsonl")]
    if request.output.absolute() in [path.absolute() for path in read]:
        raise ConfigError(f"{request.output} is read for the export; give the export another name.")
    if request.format.companion and request.output.suffix == "":
        raise ConfigError(f"{request.output}: {request.format.name} is read from files; name a .jsonl or a .parquet.")


def _write_companion(request: ExportRequest, files: Mapping[str, Path]) -> None:
    """Write the facts of the files into `dataset_info.json` beside them; what it says of others stays."""
    if request.format.companion is None:
        return
    place = next(iter(files.values())).with_name(DATASET_INFO)
    facts = request.format.companion({name: path.name for name, path in files.items()})
    known = _known_facts(place) if place.exists() else {}
    replace_file(place, [json.dumps({**known, **facts}, ensure_ascii=False, indent=2).encode(), b"\n"])


def _known_facts(place: Path) -> Mapping[str, object]:
    try:
        known = json.loads(read_text(place, what="list of datasets"))
    except ValueError:
        known = None
    if not isinstance(known, dict):
        raise ConfigError(f"{place} isn't a JSON object; mend it or move it away, and export again.")
    return known
