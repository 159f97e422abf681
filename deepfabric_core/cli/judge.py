"""The `deepfabric judge` command."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deepfabric_core.cli.command_secrets import learn_secrets
from deepfabric_core.cli.output import note, say
from deepfabric_core.cli.stop_signals import stopping_by_signals
from deepfabric_core.flags.judge_options import load_judges, with_judge_options

if TYPE_CHECKING:
    from deepfabric_core.config.schema import Config
    from deepfabric_core.events import Event
    from deepfabric_core.run.judge.judge_dataset import DatasetJudging, Found
    from deepfabric_core.run.judge.judged import Judged

# Progress is told so often, in seconds.
_EVERY = 5.0
_path = click.Path(path_type=Path)


@click.command("judge")
@click.argument("dataset", type=_path)
@click.argument("config_file", required=False, type=_path)
@click.option("-o", "--output", type=_path, help="Dataset to write; by default DATASET's name with .judged.jsonl.")
@with_judge_options
@click.option("--sample", type=click.IntRange(min=1), metavar="N", help="Judge only N samples, drawn at random.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of --sample: which samples are drawn.")
@click.option("--only-accepted", is_flag=True, help="Put what isn't accepted beside the output, as .rejected.jsonl.")
@click.option("--again", is_flag=True, help="Judge anew what is judged already.")
@click.option("--dry-run", is_flag=True, help="Say what it would take, and ask no model.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")
def command(dataset: Path, config_file: Path | None, *, output: Path | None, **values: Any) -> None:
    """Have models score the samples of any dataset: ours, DeepFabric's, or what another tool wrote.

    The judge is named by flags, as in --provider openai --model gpt-4o-mini, or is that of quality.judge in the config;
    a flag wins. Scores and reasons go into metadata.judge of each sample, as in a run with a judge, where reports and
    views find them. What was said is kept beside the output, as .judgements.jsonl: a sample that is judged already
    isn't paid for again, after a stop, a crash, or with another --min-score.

    Exit code 0: every sample is judged; 1: some aren't; 3: the budget is reached; 130: stopped.
    """
    from deepfabric_core.cli.generate import EXIT_CODES
    from deepfabric_core.run.judge.judge_dataset import DatasetJudging, JudgeRequest, default_output
    from deepfabric_core.text.judged_summary import before, summary

    request = JudgeRequest(
        dataset,
        output or default_output(dataset),
        _config(config_file, values),
        values["sample"],
        values["seed"],
        again=values["again"],
        only_accepted=values["only_accepted"],
        suits=config_file is None,
    )
    judging = DatasetJudging(request)
    found = judging.found()
    say(before(found, ", ".join(dict.fromkeys(one.llm.name for one in judging.judges.all_judges))), err=True)
    if values["dry_run"]:
        return
    done = _judged(judging, found)
    say(summary(done))
    if done.ending != "complete":
        say("What is judged is kept: run it again to go on.", err=True)
    raise click.exceptions.Exit(EXIT_CODES[done.ending])


def _config(config_file: Path | None, values: dict[str, Any]) -> Config:
    loaded = load_judges(config_file, values)
    learn_secrets(loaded.config)
    for notice in loaded.notices:
        note(notice)
    return loaded.config


def _judged(judging: DatasetJudging, found: Found) -> Judged:
    """Judge a dataset with its progress on standard error, and signals that stop it."""
    from deepfabric_core.errors import OutputError
    from deepfabric_core.events import Notice, Stopping
    from deepfabric_core.run.event_sink import EventSink
    from deepfabric_core.stop import Stop

    def show(event: Event) -> None:
        if isinstance(event, Notice):
            note(event.message)
        elif isinstance(event, Stopping):
            say(f"Stopping: calls in flight finish; {event.why}", err=True)

    stop, sink, progress = Stop(), EventSink(show), _Progress(found.to_judge - found.known)

    async def whole() -> Judged:
        with stopping_by_signals(stop, sink):
            return await judging.judge(sink, stop, progress.show)

    try:
        return asyncio.run(whole())
    except asyncio.CancelledError:
        say("Stopped at once. What is judged is kept: run it again to go on.", err=True)
        raise click.exceptions.Exit(130) from None
    except OutputError:
        say("What is judged is kept: run it again to go on.", err=True)
        raise


class _Progress:
    """Tells now and then how far it has come."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._began = time.monotonic()
        self._next = self._began + _EVERY

    def show(self, done: Judged) -> None:
        """Tell it, if it is time."""
        from deepfabric_core.text.judged_summary import progress_line

        now = time.monotonic()
        if now >= self._next:
            self._next = now + _EVERY
            say(progress_line(done, max(self._total, done.samples), now - self._began), err=True)
