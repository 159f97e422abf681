"""Make rejected samples again from a view: resume the run that they are of, in the background."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from deepfabric_core.errors import ConfigError
from deepfabric_core.events import SampleFailed, SampleFinished
from deepfabric_core.run.checkpoint.registry import KeptRun, kept_runs
from deepfabric_core.store.checkpoint_files import same_file
from deepfabric_nb.kernel.display_mode import current_shell
from deepfabric_nb.runs.run import Run
from deepfabric_nb.runs.session import session_of
from deepfabric_nb.samples.index import Entry
from deepfabric_nb.samples.sources import RunSource, SampleSource, entries_of

# All results are read again at most for this share of the time.
_SHARE = 0.1


def remaking_of(source: SampleSource) -> Callable[[], SampleSource] | None:
    """Return what begins to make the rejected samples of a source again; None if no run of them is known."""
    if isinstance(source, RunSource):
        run = source.run
        return None if run.job.topic_only or run.is_watched else lambda: _begun(run.job.dataset, run)
    dataset = source.dataset
    return (lambda: _begun(dataset, None)) if dataset and kept_run_of(dataset) else None


def _begun(dataset: Path, run: Run | None) -> SampleSource:
    """Resume the run of a dataset.

    Raises:
        ConfigError: there is none any more, or it can't be resumed.
    """
    kept = kept_run_of(dataset)
    if kept is None:
        name = f" {shlex.quote(run.name)}" if run else ""
        raise ConfigError(f"The run of {dataset.name} isn't kept in this notebook: use %deepfabric resume{name}.")
    again = session_of(current_shell()).prepare_again(kept)
    source = RemadeSource(again)
    again.start()
    return source


def kept_run_of(dataset: Path) -> KeptRun | None:
    """Return the latest run of a dataset that this machine keeps; None if there is none."""
    return next((run for run in kept_runs() if same_file(run.dataset, dataset)), None)


class RemadeSource(RunSource):
    """A run that makes samples again: what it has is read as a whole, as earlier samples go when others come."""

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._is_told = False
        self._known = entries_of(run)
        self._finished = 0
        self._read = 0
        self._not_before = 0.0
        run.watch(self._count)

    def _count(self, event: object) -> None:
        if isinstance(event, SampleFinished | SampleFailed):
            self._finished += 1

    def entries(self) -> Iterable[Entry]:
        """Return what there was before it began, to know which work items it is of."""
        return self._known

    def new_entries(self) -> Iterable[Entry]:
        """Return all that there is, if anything has come since."""
        over, finished, began = self.run.over, self._finished, time.monotonic()
        if not over and (finished == self._read or began < self._not_before):
            return ()
        self._read, self._is_told = finished, over
        found = entries_of(self.run)
        self._not_before = began + (time.monotonic() - began) / _SHARE
        return found
