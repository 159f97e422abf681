"""Export a dataset: each record is read, converted and written, and what a format can't hold is counted."""

from __future__ import annotations

import gc
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path

from deepfabric_core.errors import ConfigError, OutputError
from deepfabric_core.export.check.training_check import TrainingCheck
from deepfabric_core.export.columns import TEXT
from deepfabric_core.export.conversation import as_json
from deepfabric_core.export.divide import Division, divide, earlier_sides, keep_sides
from deepfabric_core.export.entries import Dataset, Entries, Entry, is_made_up, open_dataset
from deepfabric_core.export.formats.format import Answer, Converted, Format, Reasoning, Takes
from deepfabric_core.export.mix import Mix, MixedDataset, Taken
from deepfabric_core.export.row_files import ENDINGS, RowFile, check_rows, open_rows
from deepfabric_core.export.splits import SplitRules
from deepfabric_core.export.tally import Tally, add_to
from deepfabric_core.samples.reading import metadata_of
from deepfabric_core.store.files import read_text, replace_file
from deepfabric_core.store.rejected_log import rejected_path
from deepfabric_core.store.review_log import reviews_path

DATASET_INFO = "dataset_info.json"
# So many objects are made before the garbage collector looks at them; those of some hundred rows.
_OBJECTS = 100_000
# What `datasets` reads of a folder with a folder for each side.
_SIDES_OF_DATASETS = "dataset_dict.json"
# Stands for a side's name in a path.
_SIDE = "{split}"
_NOTHING: Mapping[Takes, str] = {
    "conversations": "there are no samples in it",
    "records": "there are no samples in it",
    "answers": "there are no samples in it",
    "pairs": "no sample in it was edited, and none was rejected and made again with the same question",
}


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What to export, as what, where to, where reasoning goes, and how it is divided, if it is.

    With `mix`, several datasets are read, of which `dataset` is the first one. Divided, `output` is a folder, which
    gets a JSONL file for each side, or a path with `{split}` in it.
    """

    dataset: Path
    format: Format
    output: Path
    reasoning: Reasoning
    split: SplitRules | None = None
    mix: Mix | None = None

    def paths(self) -> dict[str, Path]:
        """Return the files to write, by the side of a split, or by "" if there is none."""
        if self.split is None:
            return {"": self.output}
        if _SIDE in str(self.output):
            return {side: Path(str(self.output).replace(_SIDE, side)) for side in self.split.shares}
        return {side: self.output / f"{side}.jsonl" for side in self.split.shares}

    @property
    def says_source(self) -> bool:
        """Whether each row has the dataset that it comes from."""
        return self.mix is not None and self.format.has_source

    @property
    def folder(self) -> Path:
        """The folder of all that is written."""
        if self.split is None:
            return self.output.parent
        apart = [path for path in (self.output, *self.output.parents) if _SIDE in path.name]
        return apart[-1].parent if apart else self.output


@dataclass(slots=True)
class ExportResult:
    """What was written: rows by file, what was lost and left out by the reason, and how many samples were made up."""

    format: str
    files: dict[Path, int] = field(default_factory=dict)
    lost: dict[str, Tally] = field(default_factory=dict)
    left_out: dict[str, Tally] = field(default_factory=dict)
    made_up: int = 0
    labels: Counter[bool] = field(default_factory=Counter)
    division: Division | None = None
    taken: tuple[Taken, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows there are in all files."""
        return sum(self.files.values())

    def count(self, entry: Entry, made: Converted) -> None:
        """Count what became of an entry."""
        if made.rows:
            self.made_up += is_made_up(entry.record)
            if isinstance(entry.item, Answer):
                self.labels[entry.item.good] += 1
        for reason in made.lost:
            add_to(self.lost, reason, entry.number, entry.dataset)
        if made.left_out:
            add_to(self.left_out, made.left_out, entry.number, entry.dataset)


def export(request: ExportRequest, check: TrainingCheck | None = None) -> ExportResult:
    """Write the export, and return what became of the dataset; all that is written goes through the check.

    Raises:
        ConfigError: a file can't be read, or the output can't be written as it is named.
        OutputError: the disk is full or gone; what stood there is untouched.
    """
    paths = request.paths()
    check_request(request)
    dataset = _opened_dataset(request)
    result = ExportResult(request.format.name)
    earlier = earlier_sides(request.folder, request.split) if request.split else {}
    if request.split:
        result.division = divide(dataset, request.format.takes, request.split, earlier)
    if isinstance(dataset, MixedDataset):
        result.taken = dataset.taken
    with _collecting_rarely(), ExitStack() as stack:
        files = {side: _opened(path, request, stack) for side, path in paths.items()}
        for entry, side in _with_sides(dataset, request, result.division):
            made = converted(entry, request)
            result.count(entry, made)
            if check is not None:
                check.see(entry, made)
            for row in made.rows:
                files[side].add(row | _source(entry) if request.says_source else row)
        if check is not None:
            check.finish()
        _refuse_nothing(request, files.values(), result)
        for file in files.values():
            file.finish()
            result.files[file.place] = file.rows
        stack.pop_all()
    if request.split and result.division:
        keep_sides(request.folder, request.split, result.division.by_key, earlier)
    _write_companions(request, paths)
    return result


@contextmanager
def _collecting_rarely() -> Iterator[None]:
    """Let the garbage collector look more rarely at rows that wait to be written, which takes a fifth of the time."""
    usual = gc.get_threshold()
    gc.set_threshold(usual[0] and max(usual[0], _OBJECTS), *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _opened_dataset(request: ExportRequest) -> Dataset | MixedDataset:
    takes = request.format.takes
    return MixedDataset(request.mix, takes) if request.mix else open_dataset(request.dataset, takes)


def _source(entry: Entry) -> dict[str, str]:
    said = metadata_of(entry.record).get("source") or entry.record.get("source")
    return {"source": said if isinstance(said, str) else as_json(said)}


def _opened(path: Path, request: ExportRequest, stack: ExitStack) -> RowFile:
    columns = request.format.columns
    file = open_rows(path, {**columns, "source": TEXT} if columns and request.says_source else columns)
    stack.callback(file.discard)
    return file


def _with_sides(dataset: Entries, request: ExportRequest, division: Division | None) -> Iterator[tuple[Entry, str]]:
    sides = iter(division.sides) if division else repeat("")
    return zip(dataset.entries(request.format.takes), sides, strict=False)


def converted(entry: Entry, request: ExportRequest) -> Converted:
    """Return the rows that an entry makes."""
    if entry.item is None:
        return Converted(left_out=entry.left_out)
    return request.format.convert(entry.item, request.reasoning)


def _refuse_nothing(request: ExportRequest, files: Iterable[RowFile], result: ExportResult) -> None:
    """Refuse to write a file without any row."""
    empty = next((file for file in files if not file.rows), None)
    if empty is None:
        return
    why = "; ".join(result.left_out) or _NOTHING[request.format.takes]
    where = f" of {empty.place.name}" if request.split else ""
    raise OutputError(f"{request.dataset} has nothing for {request.format.name}{where}: {why}. Nothing was written.")


def check_request(request: ExportRequest) -> None:
    """Check that nothing is written over what is read, or under a name that can't be meant.

    Raises:
        ConfigError: it is.
    """
    output, paths = request.output, request.paths()
    datasets = [part.path for part in request.mix.parts] if request.mix else [request.dataset]
    read = [path for one in datasets for path in (one, reviews_path(one), rejected_path(one))]
    if clash := next((path for path in paths.values() if path.absolute() in [one.absolute() for one in read]), None):
        raise ConfigError(f"{clash} is read for the export; give the export another name.")
    if request.split and _SIDE not in str(output) and output.suffix in ENDINGS:
        advice = output.with_name(f"{output.stem}.{_SIDE}{output.suffix}")
        raise ConfigError(f"{output} is one file; with --split name a folder, or {advice}.")
    if request.format.companion and any(path.suffix not in ENDINGS for path in paths.values()):
        raise ConfigError(f"{output}: {request.format.name} is read from files; name a .jsonl or a .parquet.")
    for path in paths.values():
        check_rows(path, request.format.columns)


def _write_companions(request: ExportRequest, paths: Mapping[str, Path]) -> None:
    """Write what tells libraries of the files; what it says of others stays."""
    if request.split and all(path.suffix not in ENDINGS for path in paths.values()):
        replace_file(request.folder / _SIDES_OF_DATASETS, [json.dumps({"splits": list(paths)}).encode()])
    if request.format.companion is None:
        return
    place, stem = request.folder / DATASET_INFO, request.dataset.stem
    names = {
        f"{stem}_{side}" if side else path.stem: path.relative_to(request.folder).as_posix()
        for side, path in paths.items()
    }
    known = _known_facts(place) if place.exists() else {}
    facts = {**known, **request.format.companion(names)}
    replace_file(place, [json.dumps(facts, ensure_ascii=False, indent=2).encode(), b"\n"])


def _known_facts(place: Path) -> Mapping[str, object]:
    try:
        known = json.loads(read_text(place, what="list of datasets"))
    except ValueError:
        known = None
    if not isinstance(known, dict):
        raise ConfigError(f"{place} isn't a JSON object; mend it or move it away, and export again.")
    return known
