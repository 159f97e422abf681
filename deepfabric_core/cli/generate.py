"""`deepfabric generate`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deepfabric_core.cli.conflict import settle_conflict
from deepfabric_core.cli.flags import with_options
from deepfabric_core.cli.large import settle_size
from deepfabric_core.cli.load import job_of, load_config
from deepfabric_core.cli.options import deprecations
from deepfabric_core.errors import OutputError

if TYPE_CHECKING:
    from deepfabric_core.cli.rich_view import RichView
    from deepfabric_core.run.job import Job
    from deepfabric_core.run.state import RunState
    from deepfabric_core.text.simple_view import SimpleView

_EXIT_CODES = {"complete": 0, "incomplete": 1, "aborted": 1, "stopped": 130}


@click.command("generate")
@click.argument("config_file", required=False, type=click.Path(path_type=Path))
@with_options
def command(config_file: Path | None, **values: Any) -> None:
    """Grow topics from a config and write a dataset of samples.

    CONFIG_FILE is a YAML file; it may be left out where flags give the topic prompt and the rest.
    A flag wins over the file, in every section.
    """
    if values["debug"]:
        logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    loaded = load_config(config_file, values)
    for notice in (*loaded.notices, *deprecations(values)):
        click.echo(f"Note: {notice}", err=True)

    from deepfabric_core.text.summary import summary

    job = settle_conflict(job_of(loaded.config, config_file, values))
    settle_size(job, confirmed=bool(values["yes"]))
    try:
        state = _run(job, values["tui"])
    except OutputError:
        _advise(job)
        raise
    click.echo(summary(state))
    if state.ending != "complete":
        samples = state.samples_progress
        _advise(job, only_failures=bool(samples.failed) and samples.settled == samples.total)
    raise click.exceptions.Exit(_EXIT_CODES[state.ending or "aborted"])


def _advise(job: Job, *, only_failures: bool = False) -> None:
    from deepfabric_core.run.job import resume_command

    if job.checkpoint_place().exists:
        click.echo(f"Go on with: {resume_command(job.command, only_failures=only_failures)}", err=True)


def _run(job: Job, tui: str) -> RunState:
    from deepfabric_core.run.pipeline import announce_stop, check_job, generate
    from deepfabric_core.stop import Stop

    check_job(job)
    stop = Stop()

    async def whole() -> RunState:
        task = asyncio.current_task()

        def on_signal() -> None:
            if not stop.requested:
                announce_stop(view, stop)
            elif task is not None:
                task.cancel()

        with _handling_signals(on_signal):
            return await generate(job, emit=view, stop=stop)

    view = _view(tui)
    try:
        with view:
            return asyncio.run(whole())
    except asyncio.CancelledError:
        return replace(view.state, ending="stopped", reason="left at once")


@contextlib.contextmanager
def _handling_signals(handler: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        with contextlib.suppress(NotImplementedError):  # Windows has no such handlers
            loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in signals:
            with contextlib.suppress(NotImplementedError):
                loop.remove_signal_handler(number)


def _view(tui: str) -> RichView | SimpleView:
    """The screen on stderr; without a terminal there is nothing to draw on, so plain lines."""
    if tui == "rich" and sys.stderr.isatty():
        from rich.console import Console

        from deepfabric_core.cli.rich_view import RichView

        return RichView(Console(stderr=True))
    from deepfabric_core.text.simple_view import SimpleView

    return SimpleView(sys.stderr)
