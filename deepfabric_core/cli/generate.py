"""The `deepfabric generate` command."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deepfabric_core.cli.checkpoint_conflict import settle_conflict
from deepfabric_core.cli.command_secrets import log_details
from deepfabric_core.cli.confirm_size import settle_size
from deepfabric_core.cli.load_config import load_config
from deepfabric_core.cli.output import note, say, screen_stream
from deepfabric_core.cli.stop_signals import stopping_by_signals
from deepfabric_core.errors import OutputError
from deepfabric_core.flags.click_options import with_options
from deepfabric_core.flags.job_from_flags import job_of
from deepfabric_core.flags.options import deprecations

if TYPE_CHECKING:
    from deepfabric_core.cli.rich_view import RichView
    from deepfabric_core.events import Ending
    from deepfabric_core.run.job import Job
    from deepfabric_core.run.state import RunState
    from deepfabric_core.text.simple_view import SimpleView

EXIT_CODES: dict[Ending, int] = {"complete": 0, "incomplete": 1, "aborted": 1, "budget": 3, "stopped": 130}


@click.command("generate")
@click.argument("config_file", required=False, type=click.Path(path_type=Path))
@with_options
def command(config_file: Path | None, **values: Any) -> None:
    """Grow topics from a config and write a dataset of samples.

    CONFIG_FILE is a YAML file; it may be left out where flags give the topic prompt and the rest.
    A flag wins over the file, in every section.
    """
    if values["debug"]:
        log_details()
    loaded = load_config(config_file, values)
    for notice in (*loaded.notices, *deprecations(values)):
        note(notice)

    from deepfabric_core.text.run_summary import summary

    job = settle_conflict(job_of(loaded.config, config_file, values))
    _check_publishing(job)
    settle_size(job, confirmed=bool(values["yes"]))
    try:
        state = run_shown(job, values["tui"])
    except OutputError:
        _advise(job)
        raise
    say(summary(state))
    if state.ending != "complete":
        _advise(job, state)
    code = EXIT_CODES[state.ending or "aborted"]
    raise click.exceptions.Exit(code or int(not _publish(job, is_new=state.calls > 0)))


def _is_published(job: Job) -> bool:
    return not job.topic_only and bool(job.config.huggingface or job.config.kaggle)


def _check_publishing(job: Job) -> None:
    if _is_published(job):
        from deepfabric_core.hub.after_run import check_publishing

        for notice in check_publishing(job.config):
            note(notice)


def _publish(job: Job, *, is_new: bool) -> bool:
    """Upload the dataset where the config says so, and return whether nothing failed."""
    if not _is_published(job):
        return True
    from deepfabric_core.hub.after_run import publish_made

    return publish_made(job.config, job.dataset, lambda text: say(text, err=True), is_new=is_new)


def _advise(job: Job, state: RunState | None = None) -> None:
    """Say which command goes on, if one can."""
    from deepfabric_core.run.job import is_to_retry, resume_command, topics_to_grow
    from deepfabric_core.run.larger_budget import larger_budget

    is_left, reached = job.unfinished_files().exists, state is not None and state.ending == "budget"
    again, instead = False, list[str]()
    if state is not None:
        samples, before = state.samples_progress, state.resumed
        failed_topics = (before.failed_expansions if before else 0) or state.failed_expansions
        to_make = not state.leaves or (not job.topic_only and samples.settled < samples.total)
        growing = topics_to_grow(job, failed_topics)
        again = is_to_retry(state.sample_failures, made=samples.done, left=to_make, failed_topics=growing)
        instead = larger_budget(state) if reached else []
        nothing_helps = state.ending == "incomplete" and failed_topics and not (to_make or again)
        is_left = is_left and not nothing_helps
    if is_left or reached:
        command = resume_command(job.command, retry_failed=again, instead=instead, is_left=is_left)
        say(f"{'Go on' if is_left else 'Begin again'} with: {command}", err=True)


def run_shown(job: Job, tui: str) -> RunState:
    """Run a job with what it does on standard error, and signals that stop it; return its final state."""
    from deepfabric_core.cluster.generate import generate
    from deepfabric_core.run.pipeline import check_job
    from deepfabric_core.stop import Stop

    check_job(job)
    stop = Stop()

    async def whole() -> RunState:
        with stopping_by_signals(stop, view), view.listening(stop):
            return await generate(job, emit=view, stop=stop)

    view = _view(tui, job)
    try:
        with view:
            return asyncio.run(whole())
    except asyncio.CancelledError:
        return replace(view.state, ending="stopped", reason="left at once", finished_at=time.time())


def _view(tui: str, job: Job) -> RichView | SimpleView:
    """Return the screen on stderr, or plain lines where there is no usable terminal or the log is printed there.

    Any other output on the terminal would damage the screen.
    """
    if tui == "rich" and sys.stderr.isatty() and not logging.root.isEnabledFor(logging.DEBUG):
        from rich.console import Console

        console = Console(file=screen_stream())
        if not (console.is_dumb_terminal or console.legacy_windows):
            from deepfabric_core.cli.rich_view import RichView
            from deepfabric_core.cli.screen.screen_state import Heading

            heading = Heading(str(job.config_file or ""), str(job.dataset))
            return RichView(console, heading=heading)
    from deepfabric_core.text.simple_view import SimpleView

    return SimpleView(sys.stderr)
