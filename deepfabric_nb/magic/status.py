"""`status`: a table of this notebook's runs and of those kept on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepfabric_core.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from deepfabric_core.run.checkpoint.registry import KeptRun
    from deepfabric_nb.runs.run import Run
    from deepfabric_nb.runs.session import Session

_COLUMNS = ("run", "status", "done", "wanted", "failed", "dataset", "asked_at")


def status(session: Session) -> pd.DataFrame:
    """Return a row per dataset with its latest run, the latest first; runs of this notebook's folder come first."""
    import pandas as pd

    frame = pd.DataFrame(list(_rows(session)), columns=list(_COLUMNS))
    for name in ("done", "wanted", "failed"):
        frame[name] = frame[name].astype("Int64")
    return frame.drop_duplicates("dataset", ignore_index=True)


def _rows(session: Session) -> Iterator[dict[str, Any]]:
    from deepfabric_core.run.checkpoint.registry import kept_runs

    mine = {str(run.job.checkpoint_files().folder.absolute()): run for run in session.runs.values()}
    for kept in sorted(kept_runs(), key=lambda kept: kept.folder != str(Path.cwd())):
        run = mine.pop(kept.checkpoint, None)
        yield _of_here(run, kept.asked_at) if run else _of_disk(kept)
    yield from (_of_here(run, run.state.started_at) for run in mine.values())


def _of_here(run: Run, asked_at: float | None) -> dict[str, Any]:
    samples = run.state.samples_progress
    return {
        "run": run.name,
        "status": run.status,
        "done": samples.done,
        "wanted": samples.total,
        "failed": samples.failed,
        "dataset": _from_here(run.job.dataset.absolute()),
        "asked_at": _short_time(asked_at),
    }


def _of_disk(kept: KeptRun) -> dict[str, Any]:
    from deepfabric_core.store.append_log import count_lines
    from deepfabric_core.store.checkpoint_files import is_held, read_metadata
    from deepfabric_core.store.rejected_log import count_reviewed

    try:
        known = read_metadata(kept.files)
    except ConfigError:
        known = None
    done = count_lines(kept.files.samples) - count_reviewed(kept.files.rejected)
    failed = known.samples_failed if known else 0
    settled = known is not None and 0 < known.samples_wanted <= done + failed
    state = "complete" if kept.complete else "incomplete" if settled else "interrupted" if known else "not begun"
    return {
        "run": kept.name,
        "status": "running elsewhere" if is_held(kept.files) else state,
        "done": min(done, known.samples_wanted) if known and known.samples_wanted else done,
        "wanted": (known.samples_wanted or None) if known else None,
        "failed": failed,
        "dataset": _from_here(Path(kept.dataset)),
        "asked_at": _short_time(kept.asked_at),
    }


def _from_here(path: Path) -> str:
    """Return a path relative to the working folder if it is below that."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _short_time(at: float | None) -> str:
    """Return a local time in few characters: with the day unless that is today; empty if it isn't known."""
    if at is None:
        return ""
    when = time.localtime(at)
    return time.strftime("%H:%M" if when[:3] == time.localtime()[:3] else "%Y-%m-%d %H:%M", when)
