"""Export the dataset of a run as its config asks for, once it is complete."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from deepfabric_core.config.exports import Export
from deepfabric_core.errors import ConfigError, DeepFabricError
from deepfabric_core.events import FileWritten, Notice
from deepfabric_core.run.event_sink import EventSink
from deepfabric_core.run.job import Job
from deepfabric_core.store.files import check_writable

if TYPE_CHECKING:
    from deepfabric_core.export.check.training_check import TrainingCheck
    from deepfabric_core.export.export import ExportRequest, ExportResult
    from deepfabric_core.export.make_request import ExportOptions

_log = logging.getLogger(__name__)


class Planned(NamedTuple):
    """An export that a config asks for, and its check, if it has one."""

    request: ExportRequest
    check: TrainingCheck | None

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.request.format.name} to {self.request.output}"


def planned_exports(job: Job) -> list[Planned]:
    """Return the exports of a job's dataset; none where it makes no dataset.

    Raises:
        ConfigError: a template or tokenizer can't be read, options don't go together, or two files have one path.
    """
    exports = () if job.topic_only or job.preview is not None else job.config.output.all_exports
    planned = [_planned(job, number, export) for number, export in enumerate(exports)]
    taken = {path.absolute(): what for what, path in _own_files(job)}
    for number, one in enumerate(planned):
        for path in one.request.paths().values():
            if (other := taken.get(path.absolute())) is not None:
                raise ConfigError(f"output.exports[{number}]: {path} is {other}, too; give the export another path.")
            taken[path.absolute()] = f"output.exports[{number}]"
    return planned


def _own_files(job: Job) -> Iterator[tuple[str, Path]]:
    yield "the dataset", job.dataset
    yield "the topics file", job.topics_load or job.topics
    yield "the list of rejected samples", job.rejected
    if job.config_file is not None:
        yield "the config", job.config_file


def options_of(export: Export) -> ExportOptions:
    """Return the options of an export as a config or a call names them."""
    from deepfabric_core.export.make_request import CheckOptions, ExportOptions
    from deepfabric_core.export.splits import SplitRules

    checking = CheckOptions(export.check, export.context, export.assistant_only) if export.check else None
    rules = SplitRules(export.split, export.by, tuple(export.hold_out)) if export.split else None
    path = Path(export.path) if export.path else None
    return ExportOptions(export.to, path, export.reasoning, rules, checking)


def _planned(job: Job, number: int, export: Export) -> Planned:
    from deepfabric_core.export.export import check_request
    from deepfabric_core.export.make_request import make_request

    try:
        made = Planned(*make_request(job.dataset, options_of(export)))
        check_request(made.request)
    except ConfigError as problem:
        raise ConfigError(f"output.exports[{number}]: {problem}") from problem
    return made


def check_exports(job: Job) -> None:
    """Check that the exports can be made and written, before money is spent; create their folders.

    Raises:
        ConfigError: they can't.
    """
    if not (planned := planned_exports(job)):
        return
    from deepfabric_core.export.row_files import ENDINGS

    for one in planned:
        for path in one.request.paths().values():
            if path.suffix in ENDINGS:
                check_writable(path)


def exports_in_words(job: Job) -> str:
    """Return what the dataset is exported as, and where to; "" if it isn't."""
    return ", ".join(one.name for one in planned_exports(job))


async def make_exports(job: Job, sink: EventSink) -> str:
    """Write all exports of a complete dataset; return what went wrong in a sentence, or "". The dataset stands."""
    if not (planned := planned_exports(job)):
        return ""
    from deepfabric_core.export.export import export

    wrong = []
    for one in planned:
        try:
            result = await asyncio.to_thread(export, one.request, one.check)
        except DeepFabricError as problem:
            wrong.append(f"the export {one.name} failed: {str(problem).rstrip('.')}")
            continue
        except Exception as problem:  # noqa: BLE001 - the samples are paid for, and the dataset is there
            _log.debug("an export failed", exc_info=True)
            wrong.append(f"the export {one.name} failed: {type(problem).__name__}: {problem}")
            continue
        _tell(one, result, sink)
        if one.check is not None and one.check.defects:
            wrong.append(f"{one.request.output} would train badly against {one.check.target.name}")
    return f"the dataset is complete, but {'; '.join(wrong)}" if wrong else ""


def _tell(one: Planned, result: ExportResult, sink: EventSink) -> None:
    from deepfabric_core.export.summary import check_lines, export_notes

    check = one.check
    sound = f", sound for {check.target.name}" if check is not None and not check.defects else ""
    for path in result.files:
        sink(FileWritten(f"export as {result.format}{sound}", str(path)))
    for sentence in export_notes(result, simulated=False):
        sink(Notice(f"{one.request.output}: {sentence}"))
    for line in check_lines(check) if check is not None and check.defects else ():
        sink(Notice(f"{one.request.output}: {line.strip()}"))
