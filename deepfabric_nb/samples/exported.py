"""`Exported`: what of a run, a dataset, a DataFrame or records was written for a trainer, and what a check found."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from deepfabric_core.config.exports import Export
from deepfabric_core.errors import ConfigError, DeepFabricError
from deepfabric_core.export.check.training_check import report_of
from deepfabric_core.export.export import export
from deepfabric_core.export.make_request import make_request
from deepfabric_core.export.mix import mix_of
from deepfabric_core.export.summary import check_facts, check_heading, check_lines, export_notes, export_summary
from deepfabric_core.printable import printable
from deepfabric_core.run.exports import options_of
from deepfabric_core.samples.reviews import sample_id
from deepfabric_core.store.files import replace_file
from deepfabric_core.store.review_log import reviews_of
from deepfabric_core.wording import counted, digits
from deepfabric_nb.runs.run import Run
from deepfabric_nb.samples.sources import Records, source_of

if TYPE_CHECKING:
    import pandas as pd

    from deepfabric_core.export.check.training_check import TrainingCheck
    from deepfabric_core.export.export import ExportResult
    from deepfabric_core.export.mix import Mix

    One = Run | str | Path | pd.DataFrame | Records

_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, default=str).encode
_CELL = "text-align:left;vertical-align:top"
_FLAG = re.compile(r"--reasoning ([\w-]+)")
_NAMED = 10

Whole = Run | str | Path
Mixed = Sequence[Whole] | Mapping[Any, float | str]


class Exported:
    """What an export wrote, lost and left out, and what a check found.

    `files` has the rows by path; `lost` and `left_out` how many records by the reason; `defects` the numbers of all
    records by what is wrong with them. `is_sound` is False where the check found anything, and None without a check.
    """

    def __init__(self, result: ExportResult, check: TrainingCheck | None) -> None:
        self.format, self.rows = result.format, result.rows
        self.files = dict(result.files)
        self.lost = {reason: tally.count for reason, tally in result.lost.items()}
        self.left_out = {reason: tally.count for reason, tally in result.left_out.items()}
        self.is_sound = None if check is None else not check.defects
        self.report: dict[str, Any] | None = None if check is None else report_of(check)
        self._files = tuple(export_summary(result))
        self._notes = tuple(map(_in_python, export_notes(result)))
        self._heading = "" if check is None else check_heading(check)
        self._facts = () if check is None else tuple(map(_in_python, check_facts(check)))
        self._lines = () if check is None else tuple(map(_in_python, check_lines(check)))

    @property
    def defects(self) -> dict[str, tuple[int, ...]]:
        """The numbers of the records by what is wrong with them; empty where nothing is, or nothing was checked."""
        found = self.report["defects"] if self.report else ()
        return {one["defect"]: tuple(record["record"] for record in one["records"]) for one in found}

    def save_report(self, path: str | Path) -> Path:
        """Write all that the check found as JSON; return the path.

        Raises:
            ConfigError: nothing was checked.
            OutputError: it can't be written.
        """
        if self.report is None:
            raise ConfigError("A report is of a check: name what to check against, as in check='qwen3'.")
        place = Path(path)
        replace_file(place, [json.dumps(self.report, ensure_ascii=False, indent=1).encode("utf-8", "replace"), b"\n"])
        return place

    def __repr__(self) -> str:
        return "\n".join(printable(line) for line in (*self._files, *self._notes, *self._lines))

    def _repr_html_(self) -> str:
        """Return the files, what is lost, and the defects with their records; every text is escaped."""
        files = _table((str(path), counted(rows, "row")) for path, rows in self.files.items())
        defects = _table((defect, _numbers(numbers)) for defect, numbers in self.defects.items())
        heading = f"<p><b>{_shown(self._heading)}</b></p>" if self._heading else ""
        parts = (f"<p><b>Exported as {_shown(self.format)}</b></p>", files, _list(self._notes), heading, defects)
        return f'<div class="tex2jax_ignore mathjax_ignore">{"".join(parts)}{_list(self._facts)}</div>'


def _in_python(sentence: str) -> str:
    """Return a sentence with flags as they are written in Python."""
    return _FLAG.sub(r'reasoning="\1"', sentence)


def _shown(text: str) -> str:
    return escape(printable(text))


def _table(rows: Iterable[tuple[str, str]]) -> str:
    cells = (f'<td style="{_CELL}">{_shown(name)}</td><td style="{_CELL}">{_shown(value)}</td>' for name, value in rows)
    whole = "".join(f"<tr>{pair}</tr>" for pair in cells)
    return f"<table><tbody>{whole}</tbody></table>" if whole else ""


def _list(lines: tuple[str, ...]) -> str:
    items = "".join(f'<li dir="auto">{_shown(line)}</li>' for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def _numbers(numbers: tuple[int, ...]) -> str:
    more = f" and {digits(len(numbers) - _NAMED)} more" if len(numbers) > _NAMED else ""
    return f"{counted(len(numbers), 'record')}: {', '.join(map(digits, numbers[:_NAMED]))}{more}"


def export_samples(what: One, options: Export) -> Exported:
    """Export a run, a dataset, a DataFrame or records.

    A run that isn't complete exports what it has made so far. What people rejected is left out, and edited samples are
    taken as they were edited.

    Raises:
        ConfigError: there is nothing to export, or it can't be exported so.
        OutputError: a file can't be written.
    """
    if isinstance(what, str | Path):
        return _exported(Path(what).expanduser(), options)
    if isinstance(what, Run) and _has_dataset(what):
        return _exported(_from_here(what.job.dataset), options)
    if options.path is None and not isinstance(what, Run):
        raise ConfigError("Say where to, as in path='train.jsonl': only a run and a file have a place of their own.")
    path = (
        options.path or str(_beside(_from_here(what.job.dataset), options)) if isinstance(what, Run) else options.path
    )
    with tempfile.TemporaryDirectory() as folder:
        dataset = Path(folder) / "samples.jsonl"
        _write(what, dataset)
        try:
            return _exported(dataset, options.model_copy(update={"path": path}))
        except DeepFabricError as problem:
            raise type(problem)(str(problem).replace(str(dataset), "it")) from problem


def is_mix(what: Any) -> TypeGuard[Mixed]:
    """Return whether it names several datasets, or weights of some: not records, and not a DataFrame."""
    if isinstance(what, Mapping):
        return bool(what) and all(isinstance(one, Whole) for one in what)
    return isinstance(what, list | tuple) and bool(what) and all(isinstance(one, Whole) for one in what)


def export_mix(datasets: Mixed, options: Export, *, seed: int = 0, keep_duplicates: bool = False) -> Exported:
    """Export several datasets or complete runs as one, each as often or as much of the mix as is said of it.

    Raises:
        ConfigError: a dataset can't be read, or a weight can't be taken.
        OutputError: a file can't be written.
    """
    weights = datasets.values() if isinstance(datasets, Mapping) else ["" for _ in datasets]
    texts = [f"{_file_of(one)}{f'={said}' if said != '' else ''}" for one, said in zip(datasets, weights, strict=True)]
    mix = mix_of(texts, seed=seed, keeps_duplicates=keep_duplicates)
    return _exported(mix.parts[0].path if mix else Path(texts[0]), options, mix)


def _file_of(what: Whole) -> Path:
    if not isinstance(what, Run):
        return Path(what).expanduser()
    if not _has_dataset(what):
        raise ConfigError(f"The run {what.name} isn't complete: a mix is of whole datasets, so let it end first.")
    return _from_here(what.job.dataset)


def _from_here(path: Path) -> Path:
    """Return a path as it is written in the kernel's folder, so that a saved notebook names no other one."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _has_dataset(run: Run) -> bool:
    """Whether the dataset that is there is the run's own, and whole."""
    is_written = any(file.role == "dataset" for file in run.state.files) or not run.job.unfinished_files().exists
    return run.over and is_written and run.job.dataset.is_file()


def _beside(dataset: Path, options: Export) -> Path:
    return make_request(dataset, options_of(options))[0].output


def _exported(dataset: Path, options: Export, mix: Mix | None = None) -> Exported:
    request, check = make_request(dataset, replace(options_of(options), mix=mix))
    if check is not None:
        check.keeps_all = True
    return Exported(export(request, check), check)


def _write(what: Run | pd.DataFrame | Records, path: Path) -> None:
    """Write the samples that are there, without those that people rejected, and as they were edited."""
    source = source_of(what)
    reviews = reviews_of(source.dataset) if source.dataset else None
    records = [dict(entry.line["sample"]) for entry in source.entries() if entry.status == "done"]
    if reviews is not None:
        said = [(record, reviews.of(sample_id(record))) for record in records]
        records = [review.applied_to(record) for record, review in said if not review.is_rejected]
    if not records:
        raise ConfigError("There are no samples to export yet.")
    replace_file(path, ((_encode(record) + "\n").encode("utf-8", "backslashreplace") for record in records))
