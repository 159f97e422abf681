"""What one shell remembers: its runs by name, the latest last."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from deepfabric_core.errors import ConfigError
from deepfabric_core.events import Emit, Event, FileWritten, Notice, RunStarted
from deepfabric_core.run.state import RunState
from deepfabric_core.stop import Stop
from deepfabric_core.wording import counted, were
from deepfabric_nb.kernel import engine_thread
from deepfabric_nb.runs.run import Run

if TYPE_CHECKING:
    from deepfabric_core.redaction import Redactor
    from deepfabric_core.run.checkpoint.registry import KeptRun
    from deepfabric_core.run.job import Job
    from deepfabric_nb.runs.request import RunRequest


class Session:
    """The runs of a shell."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.texts: dict[str, str | None] = {}

    def prepare(self, asked: RunRequest, name: str | None = None) -> Run:
        """A run of what was asked for, that hasn't begun. What it makes is kept, and what is known isn't made again.

        Raises:
            ConfigError: it can't work.
        """
        from deepfabric_core.run.checkpoint.reuse import with_reuse
        from deepfabric_core.run.pipeline import check_job
        from deepfabric_core.run.plan_size import to_confirm

        name = name or asked.name
        self._check_free(name, asked.job)
        check_job(asked.job)
        written = dict(asked.loaded.written)
        kept = with_reuse(asked.job)
        if not asked.confirmed and (size := to_confirm(kept)):
            raise ConfigError(f"{size}; give --yes if you mean it, or less depth, degree or samples.")
        run = self.prepare_job(kept, name, written)
        for notice in asked.loaded.notices:
            run.note(notice)
        self.texts[name] = asked.text
        return run

    def prepare_job(self, job: Job, name: str, written: dict[str, Any]) -> Run:
        """A run of a job that is kept already."""
        from deepfabric_core.run.checkpoint.registry import record
        from deepfabric_core.run.live_edits import LiveEdits
        from deepfabric_core.run.pipeline import generate

        job, here = replace(job, live_edits=LiveEdits()), Path.cwd()

        async def work(emit: Emit, stop: Stop) -> RunState:
            def tell(event: Event) -> None:
                if isinstance(event, RunStarted) and written:
                    record(job, written, name)
                emit(_from_here(event, here))

            state = await generate(job, emit=tell, stop=stop)
            tell_the_rest(state, emit, name)
            return state

        return self._added(Run(name, job, work, written=written))

    def prepare_again(self, kept: KeptRun, name: str | None = None) -> Run:
        """A run that goes on with a kept one; where its config isn't kept as a whole, as this notebook knows it.

        Raises:
            ConfigError: this notebook doesn't know it either.
        """
        from deepfabric_core.run.checkpoint.registry import job_again

        mine = self.runs.get(kept.name)
        if kept.left_out and mine is not None and str(mine.job.checkpoint_place().folder.absolute()) == kept.checkpoint:
            job, written = replace(mine.job, fresh=False, resume=True, retry_failed=True), mine.written
        else:
            job, written = job_again(kept), kept.written or {}
        return self.prepare_job(job, name or kept.name, written)

    def known(self, kept: KeptRun) -> Run:
        """A run of an earlier kernel, to be looked at; it does nothing."""
        from deepfabric_core.run.checkpoint.registry import job_to_look_at

        return Run(kept.name, job_to_look_at(kept), None, written=kept.written)

    def prepare_following(self, job: Job, name: str) -> Run:
        """A run that another process works on, which is only looked at."""
        from deepfabric_core.run.watch.follow import follow

        async def work(emit: Emit, stop: Stop) -> RunState:
            def tell(event: Any) -> None:
                engine_thread.call_soon(lambda: emit(event))

            return await asyncio.to_thread(follow, job, emit=tell, stop=stop)

        return self._added(Run(name, job, work))

    def redactor(self) -> Redactor:
        """What hides the secrets of the environment and of all configs that were run here."""
        from deepfabric_core.config.secret_keys import secrets_in
        from deepfabric_core.redaction import Redactor, secrets_in_environment

        redact = Redactor(secrets_in_environment(os.environ))
        for run in self.runs.values():
            redact.learn(secrets_in(run.job.config, os.environ))
        return redact

    def _check_free(self, name: str, job: Job) -> None:
        at_work = [run for run in self.runs.values() if not run.over]
        if any(run.name == name for run in at_work):
            raise ConfigError(
                f"A run named {name} is under way: wait for it, stop it by %deepfabric stop {name}, "
                "or give this one another name by --name and another file by --output-save-as."
            )
        if same := next((run.name for run in at_work if run.job.dataset.absolute() == job.dataset.absolute()), None):
            raise ConfigError(f"The run {same} is writing {job.dataset} already: give this one another output.save_as.")

    def _added(self, run: Run) -> Run:
        self._check_free(run.name, run.job)
        self.runs.pop(run.name, None)
        self.runs[run.name] = run
        return run

    def run(self, name: str | None) -> Run | None:
        """The run of that name, or the latest one; None where there is none."""
        if name is None:
            return next(reversed(self.runs.values()), None)
        return self.runs.get(name)


_sessions: WeakKeyDictionary[Any, Session] = WeakKeyDictionary()


def session_of(shell: Any) -> Session:
    """What the shell remembers; without a shell, something to remember by."""
    if shell is None:
        return Session()
    return _sessions.setdefault(shell, Session())


def forget_session(shell: Any) -> None:
    """Forget the runs of a shell, unless one is under way."""
    if all(run.over for run in session_of(shell).runs.values()):
        _sessions.pop(shell, None)


def tell_the_rest(state: RunState, emit: Emit, name: str) -> None:
    """Say how to go on with a run that isn't complete, and where calls were saved since the same was made before."""
    before = state.resumed.samples if state.resumed else 0
    if state.ending != "complete":
        emit(Notice(f"Go on with: %deepfabric resume {name} (or run the cell again)"))
    elif not state.calls:
        what = counted(before, "sample") if before else "the topics"
        emit(Notice(f"Nothing was called: all was made before ({what}). Give --fresh to make it anew."))
    elif before:
        emit(Notice(f"{counted(before, 'sample')} {were(before)} made before and kept. Give --fresh to make all anew."))


def find_kept(name: str | None) -> KeptRun | None:
    """The latest kept run of that name, first of those of this folder; without a name, the latest incomplete one of it.

    None where there is none.
    """
    from deepfabric_core.run.checkpoint.registry import kept_runs

    known = kept_runs()
    here = [run for run in known if run.folder == str(Path.cwd())]
    if name is None:
        return next((run for run in here if not run.complete), None)
    return next((run for run in (*here, *known) if run.name == name), None)


def _from_here(event: Event, here: Path) -> Event:
    """Files are told by their place in the folder where the run began."""
    if isinstance(event, FileWritten):
        with suppress(ValueError):
            return replace(event, path=str(Path(event.path).relative_to(here)))
    return event


def run_names(session: Session) -> list[str]:
    """The names that commands take: of this notebook's runs, and of those that are kept."""
    from deepfabric_core.run.checkpoint.registry import kept_runs

    return list(dict.fromkeys((*reversed(session.runs), *(run.name for run in kept_runs()))))


def names_of(namespace: Mapping[str, Any]) -> list[str]:
    """The names that a user gave to values."""
    return sorted(name for name in namespace if not name.startswith("_"))
