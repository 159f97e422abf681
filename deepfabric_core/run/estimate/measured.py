"""What an unfinished run took so far, read from its checkpoint: for each expansion, each sample and each judgement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import Any

from deepfabric_core.chat.messages import Usage
from deepfabric_core.config.fingerprint import changed, fingerprint
from deepfabric_core.errors import ConfigError
from deepfabric_core.run.checkpoint.reviewed import reviewed_standing
from deepfabric_core.run.job import Job
from deepfabric_core.samples.estimate.reckoning import Price, Taken
from deepfabric_core.store.append_log import count_lines, read_line, whole_lines
from deepfabric_core.store.checkpoint_files import CheckpointFiles, recovered_metadata
from deepfabric_core.store.files import reason
from deepfabric_core.store.keyed_hash import keyed_hash
from deepfabric_core.store.rejected_log import REVIEW, count_reviewed
from deepfabric_core.store.shard_files import with_shards
from deepfabric_core.store.usage_totals import with_unsaved
from deepfabric_core.topics.model import TopicPath

# More lines say no more, and take time to read.
_MOST_LINES = 5000
_MOST_QUESTIONS = 200
_SAMPLE = b', "sample": '
# What later prompts for the same topic tell of a question.
_MOST_OF_A_QUESTION = 200
# What the log of rejected samples says of one that was as good as planned, but not the best of several.
_NOT_CHOSEN = "not chosen"


@dataclass(frozen=True, slots=True)
class Draw:
    """A sample that was made, and in which cycle; it was accepted, or wasn't the best of several."""

    cycle: int
    taken: Taken


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run took so far.

    `expansions` have the level of their topic, from 0. `draws` are without the `repairs`, in which a sample was asked
    for again, unless an agent's calls aren't told apart. `judged` has what judging took for each sample that was
    accepted, `judged_refused` for each that wasn't. `question_characters` is the mean length of the questions, if there
    are any. `settled` counts samples that are made or have failed, `failed` the latter alone. `spent` is all of it and
    exact, `leaves` those of complete topics, else None. Of long logs only the beginning is read, and `is_whole` is
    false.
    """

    expansions: tuple[tuple[int, Taken], ...] = ()
    draws: tuple[Draw, ...] = ()
    repairs: tuple[Taken, ...] = ()
    refused: tuple[Taken, ...] = ()
    judged: tuple[Taken, ...] = ()
    judged_refused: tuple[Taken, ...] = ()
    question_characters: float | None = None
    is_whole: bool = True
    settled: int = 0
    failed: int = 0
    spent: Taken = field(default_factory=Taken)
    seconds: float = 0.0
    leaves: int | None = None
    run_id: str = ""

    @property
    def told(self) -> Taken:
        """The part of what was spent that is in the lists."""
        parts = self.repairs, self.refused, self.judged, self.judged_refused
        expansions, draws = (taken for _, taken in self.expansions), (draw.taken for draw in self.draws)
        return sum_of((*expansions, *draws, *(one for part in parts for one in part)))


def sum_of(taken: Iterable[Taken]) -> Taken:
    """Return the sum of what several calls took."""
    return sum(taken, Taken())


def measured(job: Job, prices: Mapping[str, Price | None]) -> Measured | None:
    """Return what the job's unfinished run took so far, or None if there is no such run, or only of another config.

    Calls whose price wasn't known get that of `prices`, which has one for "topics" and for "samples".

    Raises:
        ConfigError: its files can't be read.
    """
    files = job.unfinished_files()
    if not files.exists:
        return None
    found = recovered_metadata(files)[0]
    now = fingerprint(job.config, keyed_hash)
    if changed(found.fingerprint, now, topics_given=job.topics_load is not None) and not job.accept_changes:
        return None
    known = with_shards(with_unsaved(found, files), job.shards)
    reading = _Reading(apart=not job.config.uses_tools, price=prices.get("samples"))
    parts = [files, *(shard.checkpoint for shard in job.shards.all())] if job.shards.exists else [files]
    made = {one.samples: count_lines(one.samples) for one in parts}
    rejected = {one.rejected: count_lines(one.rejected) for one in parts}
    reviewed = reviewed_standing(files, job.dataset)
    most = max(1, sum(made.values()), sum(rejected.values()))
    part = min(1.0, _MOST_LINES / most)  # the same of all logs, so that rates are true
    for path, count in made.items():
        for line in _heads(path, round(count * part)):
            reading.add_sample(line)
    for path, count in rejected.items():
        for line in _heads(path, round(count * part)):
            reading.add_rejected(line)
    return Measured(
        tuple(_expansions(files, prices.get("topics"))),
        tuple(reading.draws),
        tuple(reading.repairs),
        tuple(reading.refused),
        tuple(reading.judged.values()),
        tuple(reading.judged_refused),
        question_characters=next((mean for mean in map(_mean_question, made) if mean is not None), None),
        is_whole=part == 1.0,
        settled=known.samples_failed
        + (sum(made.values()) - sum(map(count_reviewed, rejected)) if reviewed is None else len(reviewed.accepted)),
        failed=known.samples_failed,
        spent=_taken(known.calls, known.spent.usage, prices.get("samples")),
        seconds=known.seconds,
        leaves=known.leaves if files.topics.exists() else None,
        run_id=known.run_id,
    )


def _heads(path: Path, most: int) -> Iterator[dict[str, Any]]:
    """Yield so many lines of a log of samples, without the samples."""
    try:
        with path.open("rb") as file:
            for line in islice(file, most):
                head, found, _ = line.partition(_SAMPLE)
                content = read_line(head + b"}") if found else None
                if content is not None:
                    yield content
    except FileNotFoundError:
        return
    except OSError as problem:
        raise ConfigError(f"{path} can't be read: {reason(problem)}.") from problem


def _mean_question(path: Path) -> float | None:
    """Return the mean length of the first questions, as far as later prompts for the same topic tell of them."""
    records = (line.get("sample") for line in islice(whole_lines(path), _MOST_QUESTIONS))
    questions = [record.get("question") for record in records if isinstance(record, Mapping)]
    lengths = [min(len(one), _MOST_OF_A_QUESTION) for one in questions if isinstance(one, str)]
    return fmean(lengths) if lengths else None


@dataclass
class _Reading:
    """The lines of a checkpoint, taken apart; with `apart`, calls after the first of a sample are repairs."""

    apart: bool
    price: Price | None
    draws: list[Draw] = field(default_factory=list)
    repairs: list[Taken] = field(default_factory=list)
    refused: list[Taken] = field(default_factory=list)
    judged: dict[tuple[Any, Any], Taken] = field(default_factory=lambda: defaultdict(Taken))
    judged_refused: list[Taken] = field(default_factory=list)

    def add_sample(self, line: Mapping[str, Any]) -> None:
        """Add a line of the journal."""
        self.draws.append(Draw(_cycle(line), self._without_repairs(line)))
        if "judging" in line:
            self.judged[_key(line)] += _taken_of(line["judging"], None)

    def add_rejected(self, line: Mapping[str, Any]) -> None:
        """Add a line of the log of rejected samples; one that people rejected is a sample, and in the journal."""
        if line.get("gate") == REVIEW:
            return
        if line.get("check") == _NOT_CHOSEN:
            self.add_sample(line)
            return
        self.refused.append(self._without_repairs(line))
        if "judging" in line:
            self.judged_refused.append(_taken_of(line["judging"], None))

    def _without_repairs(self, line: Mapping[str, Any]) -> Taken:
        """Return what a sample took, and note its repairs; if the line doesn't tell them apart, all calls are alike."""
        whole = _taken_of(line, self.price)
        if isinstance(line.get("own"), Mapping):
            own = _taken_of(line["own"], self.price)
        elif self.apart and whole.calls > 1:
            own = whole.shared(1 / whole.calls)
        else:
            return whole
        if repairs := round(whole.calls - own.calls):
            self.repairs.extend([whole.without(own).shared(1 / repairs)] * repairs)
        return own


def _key(line: Mapping[str, Any]) -> tuple[Any, Any]:
    return line.get("topic_id"), line.get("cycle")


def _cycle(line: Mapping[str, Any]) -> int:
    cycle = line.get("cycle", 0)
    return cycle if isinstance(cycle, int) else 0


def _expansions(files: CheckpointFiles, price: Price | None) -> Iterator[tuple[int, Taken]]:
    """Yield the level of each expansion and what it took, with the calls for it that are in the step log."""
    steps = _steps(files.steps, price)
    most = _MOST_LINES if files.topics.exists() else None  # while they grow, those that are left are counted
    for line in islice(whole_lines(files.expansions), most):
        path = tuple(map(str, line.get("path", ())))
        yield max(0, len(path) - 1), _taken_of(line, price) + steps[path]


def _steps(path: Path, price: Price | None) -> dict[TopicPath, Taken]:
    found: dict[TopicPath, Taken] = defaultdict(Taken)
    for line in islice(whole_lines(path), _MOST_LINES):
        key = line.get("key", ())
        if "usage" in line and all(isinstance(part, str) for part in key):
            found[tuple(key)] += _taken_of(line, price)
    return found


def _taken_of(line: Mapping[str, Any], price: Price | None) -> Taken:
    return _taken(line.get("attempts", 0), Usage.of(dict(line)), price)


def _taken(calls: int, usage: Usage, price: Price | None) -> Taken:
    """Return what calls took; a cost that isn't known is reckoned by the price of a call, if there is one."""
    cost, tokens = usage.cost, (usage.prompt_tokens, usage.completion_tokens)
    if cost is None and not any(tokens):
        cost = 0.0
    if cost is None and price is not None and calls:
        cost = calls * price(tokens[0] / calls, tokens[1] / calls, 0.0)
    return Taken(calls, *tokens, cost)
