"""What one shell remembers: its runs by name, the latest last."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from deepfabric_core.errors import ConfigError
from deepfabric_core.events import Emit, Notice
from deepfabric_core.run.state import RunState
from deepfabric_core.stop import Stop
from deepfabric_nb.handle import Run

if TYPE_CHECKING:
    from deepfabric_core.run.job import Job
    from deepfabric_core.run.kept import KeptRun
    from deepfabric_nb.asking import Asked


class Session:
    """The runs of a shell."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.texts: dict[str, str | None] = {}

    def prepare(self, asked: Asked, name: str | None = None) -> Run:
        """A run of what was asked for, that hasn't begun. What it makes is kept, and what is known isn't made again.

        Raises:
            ConfigError: it can't work.
        """
        from deepfabric_core.run.kept import keep
        from deepfabric_core.run.pipeline import check_job

        check_job(asked.job)
        name = name or asked.name
        written = dict(asked.loaded.written)
        run = self.prepare_job(keep(asked.job, written, name), name, written)
        for notice in asked.loaded.notices:
            run.note(notice)
        self.texts[name] = asked.text
        return run

    def prepare_job(self, job: Job, name: str, written: dict[str, Any]) -> Run:
        """A run of a job that is kept already."""
        from deepfabric_core.run.pipeline import generate

        async def work(emit: Emit, stop: Stop) -> RunState:
            state = await generate(job, emit=emit, stop=stop)
            tell_the_rest(state, emit, name)
            return state

        return self._added(Run(name, job, work, written=written))

    def prepare_following(self, job: Job, name: str) -> Run:
        """A run that another process works on, which is only looked at."""
        from deepfabric_core.run.following import follow
        from deepfabric_nb import background

        async def work(emit: Emit, stop: Stop) -> RunState:
            def tell(event: Any) -> None:
                background.soon(lambda: emit(event))

            return await asyncio.to_thread(follow, job, emit=tell, stop=stop)

        return self._added(Run(name, job, work))

    def _added(self, run: Run) -> Run:
        before = self.runs.get(run.name)
        if before is not None and not before.over:
            raise ConfigError(
                f"A run named {run.name} is under way: wait for it, stop it by %deepfabric stop {run.name}, "
                "or give this one another name by --name."
            )
        self.runs.pop(run.name, None)
        self.runs[run.name] = run
        return run

    def run(self, name: str | None) -> Run | None:
        """The run of that name, or the latest one; None where there is none."""
        if name is None:
            return next(reversed(self.runs.values()), None)
        return self.runs.get(name)


def tell_the_rest(state: RunState, emit: Emit, name: str) -> None:
    """Say how to go on with a run that isn't complete, and where calls were saved since the same was made before."""
    before = state.resumed.samples if state.resumed else 0
    if state.ending != "complete":
        emit(Notice(f"Go on with: %deepfabric resume {name} (or run the cell again)"))
    elif not state.calls:
        what = f"all {before:,} samples" if before else "all topics"
        emit(Notice(f"Nothing was called: {what} were made before. Give --fresh to make them anew."))
    elif before:
        emit(Notice(f"{before:,} samples were made before and are kept. Give --fresh to make them anew."))


def find_kept(name: str | None) -> KeptRun | None:
    """The latest kept run of that name, or the latest one that isn't complete; None where there is none."""
    from deepfabric_core.run.kept import kept_runs

    wanted = (run for run in kept_runs() if run.name == name or (name is None and not run.complete))
    return next(wanted, None)


def names_of(namespace: Mapping[str, Any]) -> list[str]:
    """The names that a user gave to values."""
    return sorted(name for name in namespace if not name.startswith("_"))
