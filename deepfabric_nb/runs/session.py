"""`Session`: the runs of one shell, by name."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Iterator, Mapping
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
from deepfabric_nb.kernel.display_mode import current_shell
from deepfabric_nb.runs.run import Run
from deepfabric_nb.runs.upload import publish_complete

if TYPE_CHECKING:
    from deepfabric_core.redaction import Redactor
    from deepfabric_core.run.checkpoint.registry import KeptRun
    from deepfabric_core.run.job import Job
    from deepfabric_nb.runs.run_request import RunRequest


class Session:
    """The runs of a shell, the latest last."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.texts: dict[str, str | None] = {}

    def prepare(self, asked: RunRequest, name: str | None = None) -> Run:
        """Return a run of what was asked for, not started yet. Its results are kept, and known ones aren't made again.

        Raises:
            ConfigError: the run isn't possible.
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
        """Return a run of a job that keeps its checkpoint already, not started yet."""
        from deepfabric_core.cluster.generate import generate
        from deepfabric_core.run.checkpoint.registry import record
        from deepfabric_core.run.live_edits import LiveEdits

        job, here = replace(job, live_edits=LiveEdits()), Path.cwd()

        async def work(emit: Emit, stop: Stop) -> RunState:
            def tell(event: Event) -> None:
                if isinstance(event, RunStarted) and written:
                    record(job, written, name)
                emit(_from_here(event, here))

            state = await generate(job, emit=tell, stop=stop)
            tell_the_rest(state, emit, name)
            await publish_complete(job, state, emit)
            return state

        return self._added(Run(name, job, work, written=written))

    def prepare_again(self, kept: KeptRun, name: str | None = None, budget: Mapping[str, Any] | None = None) -> Run:
        """Return a run that resumes a kept one, with this notebook's config if the kept config is incomplete.

        Limits of the `budget` take the place of the config's.

        Raises:
            ConfigError: this notebook doesn't have the config either, or a limit can't be used.
        """
        from deepfabric_core.run.checkpoint.registry import job_again

        mine = self.runs.get(kept.name)
        if kept.left_out and mine is not None and str(mine.job.checkpoint_files().folder.absolute()) == kept.checkpoint:
            job, written = replace(mine.job, fresh=False, resume=True, retry_failed=True), mine.written
        else:
            job, written = job_again(kept), kept.written or {}
        if budget:
            job, written = _with_budget(job, budget), {**written, "budget": {**(written.get("budget") or {}), **budget}}
        return self.prepare_job(job, name or kept.name, written)

    def known(self, kept: KeptRun) -> Run:
        """Return a run of an earlier kernel, only to read its results."""
        from deepfabric_core.run.checkpoint.registry import job_to_look_at

        return Run(kept.name, job_to_look_at(kept), None, written=kept.written)

    def prepare_following(self, job: Job, name: str) -> Run:
        """Return a run that follows the run of another process, not started yet."""
        from deepfabric_core.run.watch.follow import follow

        async def work(emit: Emit, stop: Stop) -> RunState:
            def tell(event: Any) -> None:
                engine_thread.call_soon(lambda: emit(event))

            return await asyncio.to_thread(follow, job, emit=tell, stop=stop)

        return self._added(Run(name, job, work, is_watched=True))

    def redactor(self) -> Redactor:
        """Return a redactor for the secrets of the environment and of all configs that were run here."""
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
        """Return the run of that name, or the latest one without a name; None if there is none."""
        if name is None:
            return next(reversed(self.runs.values()), None)
        return self.runs.get(name)


def _with_budget(job: Job, budget: Mapping[str, Any]) -> Job:
    from pydantic import ValidationError

    from deepfabric_core.config.budget import Budget

    limits = {**job.config.budget.model_dump(), **budget}
    try:
        raised = Budget.model_validate(limits)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        raise ConfigError(f"budget.{first['loc'][0]}: {first['msg'].lower()}.") from problem
    return replace(job, config=job.config.model_copy(update={"budget": raised}))


_sessions: WeakKeyDictionary[Any, Session] = WeakKeyDictionary()


def session_of(shell: Any) -> Session:
    """Return the session of a shell; without a shell, a new one."""
    if shell is None:
        return Session()
    return _sessions.setdefault(shell, Session())


def forget_session(shell: Any) -> None:
    """Forget the runs of a shell, unless one is still running."""
    if all(run.over for run in session_of(shell).runs.values()):
        _sessions.pop(shell, None)


def tell_the_rest(state: RunState, emit: Emit, name: str) -> None:
    """Emit a notice on how to resume an incomplete run, or on calls saved because something was made before."""
    before = state.resumed.samples if state.resumed else 0
    if state.ending != "complete":
        from deepfabric_core.run.larger_budget import larger_budget

        larger = shlex.join(larger_budget(state)) if state.ending == "budget" else ""
        again = "" if larger else " (or run the cell again)"
        emit(Notice(f"Go on with: %deepfabric resume {name} {larger}".rstrip() + again))
    elif not state.calls:
        what = counted(before, "sample") if before else "the topics"
        emit(Notice(f"Nothing was called: all was made before ({what}). Give --fresh to make it anew."))
    elif before:
        emit(Notice(f"{counted(before, 'sample')} {were(before)} made before and kept. Give --fresh to make all anew."))


def find_kept(name: str | None) -> KeptRun | None:
    """Return the latest kept run of that name, preferably of this folder, or None.

    Without a name, return the latest incomplete run of this folder, or None.
    """
    from deepfabric_core.run.checkpoint.registry import kept_runs

    known = kept_runs()
    here = [run for run in known if run.folder == str(Path.cwd())]
    if name is None:
        return next((run for run in here if not run.complete), None)
    return next((run for run in (*here, *known) if run.name == name), None)


def dataset_of_topics(path: Path) -> Path | None:
    """Return the dataset of the latest run that has grown the topics of a file, or loaded them; None without one."""
    from deepfabric_core.run.checkpoint.registry import job_to_look_at, kept_runs
    from deepfabric_core.store.checkpoint_files import same_file

    def jobs() -> Iterator[Job]:
        yield from (run.job for run in reversed(session_of(current_shell()).runs.values()))
        for kept in kept_runs():
            with suppress(ConfigError):
                yield job_to_look_at(kept)

    return next((job.dataset for job in jobs() if same_file(path, job.topics_load or job.topics)), None)


def latest_kept() -> KeptRun | None:
    """Return the latest kept run of this folder, complete or not; None if there is none."""
    from deepfabric_core.run.checkpoint.registry import kept_runs

    return next((run for run in kept_runs() if run.folder == str(Path.cwd())), None)


def _from_here(event: Event, here: Path) -> Event:
    """Return the event with a file's path relative to the folder where the run began."""
    if isinstance(event, FileWritten):
        with suppress(ValueError):
            return replace(event, path=str(Path(event.path).relative_to(here)))
    return event


def run_names(session: Session) -> list[str]:
    """Return the names that commands take: of this notebook's runs, and of kept runs."""
    from deepfabric_core.run.checkpoint.registry import kept_runs

    return list(dict.fromkeys((*reversed(session.runs), *(run.name for run in kept_runs()))))


def names_of(namespace: Mapping[str, Any]) -> list[str]:
    """Return the names of a user's variables."""
    return sorted(name for name in namespace if not name.startswith("_"))
