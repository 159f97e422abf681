"""Make of what people ask for, in words, an export with its check: for commands, configs and notebooks alike."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from deepfabric_core.errors import ConfigError
from deepfabric_core.export.check.target import open_target
from deepfabric_core.export.check.training_check import TrainingCheck, report_of
from deepfabric_core.export.export import ExportRequest
from deepfabric_core.export.find_format import find_format, reasoning_for
from deepfabric_core.export.mix import Mix
from deepfabric_core.export.splits import SplitRules
from deepfabric_core.store.files import replace_file


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """What to check an export against, how many tokens a model takes, what the loss is of, and where to report."""

    target: str
    context: int | None = None
    assistant_only: bool = False
    report: Path | None = None


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """The name of a format, where to, where reasoning goes, how it is divided and checked, what is mixed."""

    to: str
    output: Path | None = None
    reasoning: str | None = None
    split: SplitRules | None = None
    check: CheckOptions | None = None
    mix: Mix | None = None


def make_request(dataset: Path, options: ExportOptions) -> tuple[ExportRequest, TrainingCheck | None]:
    """Return the export of a dataset that is asked for, and its check, if there is to be one.

    Raises:
        ConfigError: there is no such format or template, or they don't go together.
    """
    chosen = find_format(options.to)
    place = reasoning_for(chosen, options.reasoning)
    ending = "" if options.split else ".jsonl"
    stem = "mix" if options.mix else dataset.stem
    output = options.output or dataset.with_name(f"{stem}.{chosen.name}{ending}")
    request = ExportRequest(dataset, chosen, output, place, options.split, options.mix)
    wanted = options.check
    if wanted is None:
        return request, None
    if wanted.report is not None and wanted.report.absolute() in (dataset.absolute(), output.absolute()):
        raise ConfigError(f"{wanted.report} is another file of the export; give the report another name.")
    check = TrainingCheck(
        open_target(wanted.target), chosen, place, wanted.context, wanted.assistant_only, wanted.report is not None
    )
    return request, check


def write_report(check: TrainingCheck, path: Path) -> None:
    """Write all that a check found as JSON.

    Raises:
        OutputError: it can't be written.
    """
    text = json.dumps(report_of(check), ensure_ascii=False, indent=1)
    replace_file(path, [text.encode("utf-8", "backslashreplace"), b"\n"])
