"""Judge the samples of a dataset that is there, whoever made it, as a run judges those it makes."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from deepfabric_core.amounts import Expected
from deepfabric_core.config.judge import Judge, JudgesConfig
from deepfabric_core.config.schema import Config
from deepfabric_core.config.secret_keys import redactor
from deepfabric_core.errors import ConfigError, RunAborted
from deepfabric_core.events import Ending
from deepfabric_core.llm.connect import CallPolicy, check, connect
from deepfabric_core.llm.model import ChatModel
from deepfabric_core.llm.ray_serving import serving
from deepfabric_core.quality.candidate import Candidate, candidate_of
from deepfabric_core.quality.judge.judgement import metadata_of
from deepfabric_core.quality.judge.rubric import criteria_named, names_for, rubric_of
from deepfabric_core.quality.judge.sample_text import parts_of
from deepfabric_core.run.budget import check_prices, judges_models, opened_budget
from deepfabric_core.run.estimate.call_kinds import expected_scores
from deepfabric_core.run.event_sink import EventSink
from deepfabric_core.run.judge.judged import Judged
from deepfabric_core.run.judge.judged_files import JudgedFiles
from deepfabric_core.run.pipeline import Connect
from deepfabric_core.run.stages.judge_gate import JudgeGate
from deepfabric_core.run.stages.judging import connected
from deepfabric_core.run.stages.pool import run_window
from deepfabric_core.samples.estimate.reckoning import ZERO, rescaled
from deepfabric_core.samples.foreign.our_record import as_ours, is_ours
from deepfabric_core.samples.reading import mapping_of
from deepfabric_core.samples.records import Record
from deepfabric_core.stop import Stop, Stopped
from deepfabric_core.store.dataset_lock import DatasetLock
from deepfabric_core.store.dataset_reader import records_in_file
from deepfabric_core.store.files import check_writable, delete_file
from deepfabric_core.store.judgement_log import JudgementLog, judgement_in, judgements_path

# Samples that say what is expected, and which criteria suit the dataset.
_LOOKED_AT = 200
_KEY_BYTES = 16


@dataclass(frozen=True, slots=True)
class JudgeRequest:
    """A dataset to judge, where the judged one goes, and a config with the judges, the budget and rate limits.

    With `sample`, only so many samples are judged, drawn by `seed`. With `again`, judgements that are there already
    don't count. With `only_accepted`, what the judges don't accept goes to the rejected samples beside the output.
    `suits` says that criteria that aren't named are chosen by what is in the dataset, instead of by the config.
    """

    dataset: Path
    output: Path
    config: Config
    sample: int | None = None
    seed: int = 0
    again: bool = False
    only_accepted: bool = False
    suits: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What is known before the first call: samples in all, those to judge, and what judging them is expected to take.

    `known` of those to judge have a judgement already.
    """

    samples: int
    to_judge: int
    known: int
    expected: Expected


Told = Callable[[Judged], None]


class _Sample(NamedTuple):
    line: int
    record: Record
    candidate: Candidate
    key: bytes


@dataclass(slots=True)
class _Asking:
    """What is needed to ask about samples; `progress` is what became of those of this session."""

    log: JudgementLog
    sink: EventSink
    stop: Stop
    told: Told
    connect: Connect
    progress: Judged = field(default_factory=Judged)

    async def about(self, gate: JudgeGate, sample: _Sample) -> Iterable[_Sample]:
        """Ask about a sample, and keep what is said."""
        try:
            judgement = await gate.judgement_of(sample.candidate)
        except Stopped:
            return ()
        self.log.add(sample.key, judgement)
        progress = self.progress
        progress.samples += 1
        progress.judged += judgement.is_judged
        if not judgement.is_judged:
            progress.why_unjudged = progress.why_unjudged or judgement.unjudged[0].reason
        progress.sum_of_scores += judgement.score
        progress.spent = self.log.spent
        self.told(progress)
        return ()


def default_output(dataset: Path) -> Path:
    """Return where a judged dataset goes if nothing else is said: beside the dataset.

    >>> default_output(Path("out/tea.jsonl")).as_posix()
    'out/tea.judged.jsonl'
    """
    return dataset.with_name(f"{dataset.name.partition('.')[0] or dataset.name}.judged.jsonl")


class DatasetJudging:
    """The judging of one dataset: `found` says what there is to do, `judge` does it.

    Raises:
        ConfigError: something can't work: the dataset, the output or the judges; nothing was spent.
        OutputError: a file can't be written.
    """

    def __init__(self, request: JudgeRequest) -> None:
        self._check(request)
        self._request = request
        self._drawn: frozenset[int] | None = None
        self._samples, seen = self._survey()
        self.judges = self._judges(seen)
        self._who = _identity(self.judges)
        self.output = request.output
        self._seen = seen

    def _check(self, request: JudgeRequest) -> None:
        output, judges = request.output, request.config.quality
        if output.suffix.lower() != ".jsonl":
            raise ConfigError(f"{output}: a judged dataset is a .jsonl file; name one, and export it to anything else.")
        if not judges.all_judges:
            raise ConfigError("There is no judge: name its model by --model, or in quality.judge of a config.")
        for judge in judges.all_judges:
            check(judge.llm)
        if request.config.budget.cost is not None:
            check_prices(judges_models(judges))

    def _survey(self) -> tuple[int, list[Candidate]]:
        """Count the samples, draw those to judge, and look at some of them.

        What can't be read is refused here, before anything is paid.
        """
        request, count = self._request, 0
        in_place = request.output.resolve() == request.dataset.resolve()
        chance = random.Random(request.seed)  # noqa: S311 - no secret
        seen: list[Candidate] = []
        for count, record in enumerate(records_in_file(request.dataset), 1):
            if in_place and not is_ours(record) and as_ours(record) is not None:
                raise ConfigError(f"{request.dataset} is of another tool; give the judged one another name by -o.")
            place = len(seen) if len(seen) < _LOOKED_AT else chance.randrange(count)
            if place < _LOOKED_AT and (candidate := _ours(record)[1]).whole.strip():
                seen[place : place + 1] = [candidate]
        if not seen:
            raise ConfigError(f"{request.dataset} has no sample with any text.")
        if request.sample is not None and request.sample < count:
            self._drawn = frozenset(chance.sample(range(1, count + 1), request.sample))
        return count, seen

    def _judges(self, seen: Iterable[Candidate]) -> JudgesConfig:
        """Return the judges with all their criteria."""
        request = self._request
        quality, suited = request.config.quality, criteria_named(names_for(seen))

        def whole(judge: Judge) -> Judge:
            own = list(rubric_of(judge, request.config).criteria)
            return judge.model_copy(update={"criteria": list(suited) if request.suits and not judge.criteria else own})

        judges = [whole(judge) for judge in quality.all_judges]
        return JudgesConfig(judges=judges, vote=quality.vote)

    def _to_judge(self) -> Iterator[_Sample]:
        for line, record in enumerate(records_in_file(self._request.dataset), 1):
            if self._drawn is None or line in self._drawn:
                yield self._sample(line, record)

    def _sample(self, line: int, record: Mapping[str, Any]) -> _Sample:
        ours, candidate = _ours(record)
        text = json.dumps([*self._who, *parts_of(candidate)], ensure_ascii=False)
        return _Sample(line, ours, candidate, sha256(text.encode("utf-8", "surrogatepass")).digest()[:_KEY_BYTES])

    def found(self) -> Found:
        """Return what there is to do."""
        total = self._samples if self._drawn is None else len(self._drawn)
        log, known = self._open_log(), 0
        try:
            if log.spent.attempts and not self._request.again:
                known = sum(one.key in log for one in self._to_judge())
        finally:
            log.close()
        scored = expected_scores(self.judges, self._request.config, self._seen)
        left = total - known
        return Found(self._samples, total, known, rescaled(scored, left / len(self._seen)) if left else ZERO)

    def _open_log(self) -> JudgementLog:
        hide = redactor(self._request.config, os.environ)
        return JudgementLog(judgements_path(self.output), hide.exactly)

    async def judge(self, sink: EventSink, stop: Stop, told: Told, connect: Connect = connect) -> Judged:
        """Judge every sample that isn't judged yet, and write the judged dataset once all were asked about.

        `told` is called after each sample with what became of those so far. Whatever is paid for is kept, however it
        ends; the same request goes on there.

        Raises:
            ConfigError: the output or the budget can't be used.
            OutputError: a file can't be written; what was judged is safe.
        """
        check_writable(self.output)
        lock = DatasetLock(self.output)
        with ExitStack() as stack:
            stack.callback(lock.release)
            if self._request.again:
                delete_file(judgements_path(self.output))
            log = self._open_log()
            stack.callback(log.close)
            asking = _Asking(log, sink, stop, told, connect)
            ending, reason = await self._ask(asking)
            log.sync()
            why = asking.progress.why_unjudged
            done = Judged(ending=ending, reason=reason, spent=log.spent, why_unjudged=why)
            self._deliver(log, done, write=ending == "complete")
            if done.ending == "complete" and done.unjudged:
                done.ending = "incomplete"
            return done

    async def _ask(self, asking: _Asking) -> tuple[Ending, str]:
        """Ask about each sample that isn't judged yet, and return how that ended, and why."""
        config, stop, began = self._request.config, asking.stop, time.monotonic()
        asking.log.begin()
        run, hide = f"{judgements_path(self.output).absolute()} {asking.log.id}", redactor(config, os.environ)

        def elapsed() -> float:
            return time.monotonic() - began

        with opened_budget(config.budget, run, asking.log.spent, asking.sink, stop, elapsed) as budget:

            def connect_judge(judge: Judge) -> AbstractAsyncContextManager[ChatModel]:
                limits = config.generation.rate_limit
                policy = CallPolicy(self._width(judge), judge.max_retries, limits, "judge", None, budget)
                return asking.connect(judge.llm, policy, asking.sink, stop)

            models = [judge.llm for judge in self.judges.all_judges]
            async with (
                serving(models, config.run, asking.sink, stop),
                connected(self.judges, config, connect_judge, asking.sink, hide) as judges,
            ):
                if judges is None:
                    raise AssertionError("there is a judge")
                work = partial(asking.about, JudgeGate(judges, None))
                width = max(map(self._width, self.judges.all_judges))
                try:
                    await run_window(self._left(asking.log), work, calls=width, stop=stop)
                except RunAborted as problem:
                    return "aborted", str(problem)
            if budget is not None and budget.reached:
                return "budget", budget.reached
        return ("stopped", "stopped by the user") if stop.requested else ("complete", "")

    def _left(self, log: JudgementLog) -> Iterator[_Sample]:
        """Yield the samples that aren't judged yet, each of equal ones once."""
        claimed: set[bytes] = set()
        for sample in self._to_judge():
            if sample.key not in log and sample.key not in claimed and sample.candidate.whole.strip():
                claimed.add(sample.key)
                yield sample

    def _width(self, judge: Judge) -> int:
        return judge.max_concurrent or self._request.config.output.batch_size

    def _deliver(self, log: JudgementLog, done: Judged, *, write: bool) -> None:
        """Count what was judged and, if it is to be, write the dataset."""
        first = self.judges.all_judges[0]
        done.low, done.high = first.low, first.high
        criteria = tuple(dict.fromkeys(one.name for judge in self.judges.all_judges for one in judge.criteria))
        with ExitStack() as stack:
            files = JudgedFiles(self.output, stack, only_accepted=self._request.only_accepted) if write else None
            for line, record in enumerate(records_in_file(self._request.dataset), 1):
                if self._drawn is not None and line not in self._drawn:
                    if files:
                        files.add(_ours(record)[0], None)
                    continue
                sample = self._sample(line, record)
                done.samples += 1
                done.empty += not sample.candidate.whole.strip()
                said = log.line(sample.key)
                judgement = None if said is None else judgement_in(said, self.judges)
                found = metadata_of(judgement, criteria) if judgement else None
                if judgement and found:
                    done.add(line, sample.candidate, judgement, found)
                if files:
                    files.add(_with_judgement(sample.record, found), judgement)
            if files:
                files.finish()
                stack.pop_all()
                done.output, done.rejected = self.output, files.rejected
        done.finish()


def _ours(record: Mapping[str, Any]) -> tuple[Record, Candidate]:
    """Return a record of any format as ours, and what judges see of it; one of another schema stays as it is."""
    ours = as_ours(record)
    found = dict(record if ours is None else ours)
    return found, candidate_of(found)


def _with_judgement(record: Record, found: Mapping[str, Any] | None) -> Record:
    """Return a record with a judgement in its metadata in the place of an earlier one, or without any."""
    said = {key: value for key, value in mapping_of(record.get("metadata")).items() if key != "judge"}
    if found is None and "metadata" not in record:
        return record
    return {**record, "metadata": {**said, **({} if found is None else {"judge": dict(found)})}}


def _identity(judges: JudgesConfig) -> tuple[str, ...]:
    """Return what a judgement depends on besides the sample: models, and criteria without what scores must reach."""
    return tuple(
        json.dumps(
            [
                *(judge.llm.provider, judge.llm.model, judge.llm.temperature, judge.scale),
                [one.model_dump(exclude={"min"}) for one in judge.criteria],
            ],
            ensure_ascii=False,
            default=str,
        )
        for judge in judges.all_judges
    )
