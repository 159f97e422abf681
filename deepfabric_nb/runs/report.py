"""`Report`: a report on a dataset, as data, as a page, and as what a cell shows."""

from __future__ import annotations

from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepfabric_core.errors import ConfigError
from deepfabric_core.printable import printable
from deepfabric_core.wording import counted

if TYPE_CHECKING:
    from deepfabric_core.run.job import Job

_HEIGHT = 720
_FRAME = "width:100%;border:1px solid rgba(128,128,128,.35);border-radius:8px"
_JSON = ".json"

AnyPath = str | Path | None


class Report:
    """A report: `data` is what `deepfabric report --json` writes, `html` the whole page, which loads nothing."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data

    @cached_property
    def html(self) -> str:
        """The page."""
        from deepfabric_core.pictures.report.page import page

        return page(self.data)

    def save(self, path: str | Path) -> Path:
        """Write the page or, to a file that ends in .json, the data; return the path.

        Raises:
            OutputError: it can't be written.
        """
        from deepfabric_core.printable import printable_json
        from deepfabric_core.store.files import replace_file

        place = Path(path)
        text = printable_json(self.data) if place.suffix.lower() == _JSON else self.html
        replace_file(place, [text.encode("utf-8", "replace")])
        return place

    def __repr__(self) -> str:
        data = self.data
        notes = "".join(f"\n  {printable(note['text'])}" for note in data["notes"])
        return f"Report on {printable(data['dataset']['name'])}: {counted(data['samples'], 'sample')}{notes}"

    def _repr_html_(self) -> str:
        """Return the page, with fewer examples, in a frame that can do nothing; above it what it says in short.

        Front ends that don't trust a notebook leave the frame out.
        """
        from deepfabric_core.pictures.report.page import page
        from deepfabric_core.quality.report.document import compact

        short = escape(repr(self).split("\n", maxsplit=1)[0])
        whole = escape(page(compact(self.data)))
        frame = f'<iframe sandbox title="{short}" srcdoc="{whole}" height="{_HEIGHT}" style="{_FRAME}"></iframe>'
        return f'<div class="tex2jax_ignore mathjax_ignore"><p>{short}</p>{frame}</div>'


def report_on(dataset: str | Path, *, against: AnyPath = None, topics: AnyPath = None, made_up: bool = False) -> Report:
    """Return the report on a dataset.

    Raises:
        ConfigError: a file can't be read.
    """
    from deepfabric_core.run.report.make_report import ReportRequest, make_report

    older, grown = (None if path is None else Path(path) for path in (against, topics))
    return Report(make_report(ReportRequest(Path(dataset), older, grown, made_up)))


def report_on_job(job: Job, *, made_up: bool, against: AnyPath = None, topics: AnyPath = None) -> Report:
    """Return the report on what a job has made: its dataset or, while it isn't complete, its journal.

    Raises:
        ConfigError: there are no samples yet, or a file can't be read.
    """
    place = job.unfinished_files()
    journal = place.samples if place.exists and not job.dataset.is_file() else None
    samples = journal or job.dataset
    if not samples.is_file():
        raise ConfigError("There are no samples to report on yet.")
    grown = (place.topics, job.topics_load, job.topics)
    known = topics or next((path for path in grown if path and path.is_file()), None)
    return report_on(samples, against=against, topics=known, made_up=made_up and journal is not None)
