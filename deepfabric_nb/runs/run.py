"""`Run`: a notebook's handle of a run, with its job, its progress and its results."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from deepfabric_core.errors import ConfigError
from deepfabric_core.printable import printable
from deepfabric_core.run.job import Job
from deepfabric_nb.runs.engine_task import EngineTask, Work

if TYPE_CHECKING:
    import pandas as pd

    from deepfabric_core.config.schema import Config
    from deepfabric_core.run.results import Results
    from deepfabric_core.run.state import RunState
    from deepfabric_core.samples.reviews import Reviews
    from deepfabric_core.topics.model import Topics
    from deepfabric_nb.runs.report import Report
    from deepfabric_nb.runs.upload import Upload

_ids = itertools.count(1)


@dataclass(frozen=True, slots=True)
class RunProgress:
    """The progress of the current stage: counts, samples or topics per second, and seconds left, if known.

    `cost` is what all sessions cost so far in US dollars, without calls of unknown price; None if none is known.
    `budget` has for each of its limits (cost, tokens, calls, seconds) the `limit`, what is `spent` and `reserved`, and
    `name` if runs share it. `forecast` has `low`, `likely` and `high` of the whole run's cost, tokens, calls and
    seconds. They are None where there is none.
    """

    stage: str
    done: int
    total: int
    failed: int
    rate: float | None
    seconds_left: float | None
    cost: float | None = None
    budget: dict[str, Any] | None = None
    forecast: dict[str, dict[str, float] | None] | None = None


class Run(EngineTask):
    """A run that is running or over: what it has made so far, and methods to stop it or wait for it.

    It works in the engine's thread; everything here may be used at any time.
    """

    def __init__(
        self, name: str, job: Job, work: Work | None, *, written: dict[str, Any] | None = None, is_watched: bool = False
    ) -> None:
        super().__init__(name, work)
        self.is_watched = is_watched
        self.id = f"{name}-{next(_ids)}"
        self.job = job
        self.written = written or {}
        self._frame: pd.DataFrame | None = None

    # ---- progress

    @property
    def is_watched_no_longer(self) -> bool:
        """Whether it is the run of another process, and watching it was stopped."""
        return self.is_watched and self.over and self.stopping

    @property
    def status(self) -> str:
        """In one word: running, paused, stopping, complete, incomplete, stopped, budget, aborted or failed."""
        if not self.over:
            return "stopping" if self.stopping else "paused" if self._stop.paused else "running"
        return "failed" if self.error else self.state.ending or "over"

    @property
    def progress(self) -> RunProgress:
        """The progress of the current stage."""
        state, now = self.state, time.time()
        samples = state.samples_progress.started_at is not None
        stage = state.samples_progress if samples else state.topics_progress
        name = "samples" if samples else "topics"
        return RunProgress(
            name,
            stage.done,
            stage.total,
            stage.failed,
            stage.rate(now),
            stage.seconds_left(now),
            state.usage_of_all_sessions.cost,
            *_money(state, now),
        )

    @property
    def usage(self) -> dict[str, Any]:
        """Calls and tokens, and the cost in US dollars if prices are known, also by stage."""
        from deepfabric_core.text.spending import spending_as_json

        state = self.state
        return {
            "calls": state.calls,
            "prompt_tokens": state.prompt_tokens,
            "completion_tokens": state.completion_tokens,
            "cached_tokens": state.cached_tokens,
            "cost": state.cost,
            "stages": spending_as_json(state.spending),
        }

    # ---- results

    @property
    def df(self) -> pd.DataFrame:
        """The samples so far, a row each."""
        from deepfabric_core.run.results import results
        from deepfabric_nb.runs.dataframes import cost_of_samples, frame_of

        if self._frame is None:
            found = results(self.job)
            frame = frame_of(found, self._manifest(found))
            frame.attrs["cost_of_samples"] = cost_of_samples(frame)
            if not self.over:
                return frame
            self._frame = frame
        return self._frame

    @property
    def failures(self) -> pd.DataFrame:
        """The failed samples, a row each."""
        from deepfabric_core.run.results import results
        from deepfabric_nb.runs.dataframes import failures_frame

        return failures_frame(results(self.job))

    @property
    def rejected(self) -> pd.DataFrame:
        """The samples that were made and not accepted, a row each, with the reason."""
        from deepfabric_core.run.results import results
        from deepfabric_nb.runs.dataframes import rejected_frame

        return rejected_frame(results(self.job))

    @property
    def accepted(self) -> pd.DataFrame:
        """The samples that nobody rejected, as they were edited, a row each.

        `verdict` is "accepted" or "edited", or missing where nobody said anything.
        """
        from deepfabric_core.run.results import results
        from deepfabric_nb.runs.dataframes import accepted_frame

        found = results(self.job)
        return accepted_frame(found, self._reviews(), self._manifest(found))

    @property
    def reviews(self) -> pd.DataFrame:
        """The decisions on samples, a row each: sample, topic, action, who, when, and what was said."""
        from deepfabric_core.run.results import results
        from deepfabric_nb.runs.dataframes import reviews_frame, topics_by_sample

        return reviews_frame(self._reviews(), topics_by_sample(results(self.job)))

    def preferences(self) -> pd.DataFrame:
        """Return pairs of a better and a worse answer to the same prompt, a row each, in TRL's format for preferences.

        `prompt`, `chosen` and `rejected` are lists of messages. `source` says where a pair is from: "edit" (the text
        before is the worse one), "review" (people rejected the worse one, and it was made again), "checks" or "judge"
        (they did). `attrs["left_out"]` counts those that make no pair, by the reason: another question was asked.
        `preferences().to_dict("records")` are the records.

        Raises:
            ConfigError: a file can't be read.
        """
        from deepfabric_core.run.results import results
        from deepfabric_nb.runs.dataframes import preferences_frame

        return preferences_frame(results(self.job), self._reviews())

    def _reviews(self) -> Reviews:
        from deepfabric_core.store.review_log import reviews_of

        return reviews_of(self.job.dataset)

    @property
    def topics(self) -> Topics | None:
        """The topics, as soon as any are saved."""
        from deepfabric_core.store.topics_file import load_topics

        places = (self.job.checkpoint_files().topics, self.job.topics_load, self.job.topics)
        with contextlib.suppress(ConfigError):
            if found := next((path for path in places if path and path.exists()), None):
                return load_topics(found)[0]
        return None

    def report(self, *, against: str | Path | None = None, topics: str | Path | None = None) -> Report:
        """Return a report on the samples so far, which shows itself, compared with the dataset `against` if given.

        Raises:
            ConfigError: there are no samples yet, or a file can't be read.
        """
        from deepfabric_nb.runs.report import report_on_job

        return report_on_job(self.job, made_up=_is_made_up(self.job.config), against=against, topics=topics)

    def upload_hf(self, repository: str, **settings: Any) -> Upload:
        """Upload the dataset to the Hugging Face hub, with its config on the card; see `deepfabric_nb.upload`.

        Raises:
            ConfigError: the run isn't complete, or something isn't as an upload needs it.
            OutputError: the hub can't be reached, or doesn't take it now.
        """
        from deepfabric_nb.runs.upload import upload

        if not self.job.dataset.is_file():
            raise ConfigError(f"{self.job.dataset} isn't complete yet; wait for the run, or resume it.")
        return upload(self.job.dataset, repository, config=self.job.config, **settings)

    def _manifest(self, found: Results) -> dict[str, Any]:
        from deepfabric_core import __version__
        from deepfabric_core.config.secret_keys import masked_config
        from deepfabric_core.redaction import redact
        from deepfabric_core.store.usage_totals import spending_of
        from deepfabric_core.text.spending import cost_per_sample, spending_as_json

        state, known = self.state, found.metadata or self.state
        spending = spending_of(found.metadata) if found.metadata else state.spending_of_all_sessions
        return {
            "run": self.name,
            "ending": state.ending,
            "dataset": str(self.job.dataset.absolute()),
            "models": list(dict.fromkeys(name for name in (state.topics_model, state.samples_model) if name)),
            "samples": {
                "done": state.samples_done,
                "failed": state.samples_failed,
                "wanted": state.samples_progress.total,
            },
            "topics": state.topics,
            "usage": {
                "prompt_tokens": known.prompt_tokens,
                "completion_tokens": known.completion_tokens,
                "cached_tokens": known.cached_tokens,
            },
            "cost": known.cost,
            "cost_per_sample": cost_per_sample(spending, len(found.samples)),
            "stages": spending_as_json(spending),
            "simulated": _is_made_up(self.job.config),
            "config": masked_config(self.written, redact)[0],
            "deepfabric": __version__,
        }

    # ---- display

    displayed_by: ClassVar[Callable[[Run], Any] | None] = None

    def _display_(self) -> Any:
        """Return what marimo displays of a run that is a cell's result: its frame, or a line if there is none."""
        displayed_by = type(self).displayed_by
        return displayed_by(self) if displayed_by else repr(self)

    def __repr__(self) -> str:
        progress = self.progress
        counts = f", {progress.done:,} of {progress.total:,} {progress.stage}" if progress.total else ""
        return printable(f"<Run {self.name}: {self.status}{counts}>")


def _money(state: RunState, now: float) -> tuple[dict[str, Any] | None, dict[str, dict[str, float] | None] | None]:
    """Return the budget and the forecast as plain objects."""
    from deepfabric_core.text.budget_status import budget_status, expected_of

    status, expected = budget_status(state, now), expected_of(state, now)
    uses = status.limits if status else ()
    limits: dict[str, Any] = {
        use.limited: {"limit": use.limit, "spent": use.spent, "reserved": use.reserved} for use in uses
    }
    ranges = {name: getattr(expected, name) for name in ("cost", "tokens", "calls", "seconds")} if expected else {}
    forecast = {name: found._asdict() if found else None for name, found in ranges.items()}
    return ({**limits, "name": status.name or None} if status else None), forecast or None


def _is_made_up(config: Config) -> bool:
    """Return whether a simulated model makes up every record: the demo has none of a schema of the user's own."""
    provider = config.generation.llm.provider
    return provider == "simulated" or (provider == "demo" and config.output.format == "custom")
