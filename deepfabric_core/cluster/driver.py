"""The driver of a run on a cluster: it hands out shards to workers, adds up what they tell, and merges the dataset."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from deepfabric_core.amounts import Spent
from deepfabric_core.cluster.actors import BudgetSetup, News
from deepfabric_core.cluster.duplicates import ShardSamples, count, reject
from deepfabric_core.cluster.earlier_sessions import make_room, mirrored
from deepfabric_core.cluster.merge import merge, merge_failures, merge_rejected
from deepfabric_core.cluster.ray_cluster import joined
from deepfabric_core.cluster.reports import Heard, Progress, Report, own_limiters
from deepfabric_core.cluster.shard_sizes import usual_layout, wanted_workers
from deepfabric_core.cluster.shard_storage import ShardMirror, ShardStorage, again_and_again
from deepfabric_core.cluster.share import Share
from deepfabric_core.cluster.worker import ShardOutcome, ShardTask, environment_of_workers, shard_job
from deepfabric_core.config.quality import Duplicates
from deepfabric_core.errors import ConfigError, OutputError, RunAborted
from deepfabric_core.events import BudgetChanged, FileWritten, Notice, SamplesCounted, StageFinished, StageStarted
from deepfabric_core.llm.ray_connection import is_joined
from deepfabric_core.run.job import plan_of
from deepfabric_core.run.pipeline import SamplesWork
from deepfabric_core.run.stages.pool import most_in_order
from deepfabric_core.samples.reviews import Decision
from deepfabric_core.samples.shards import Shard, topics_of
from deepfabric_core.samples.weights import own_weights
from deepfabric_core.store.append_log import whole_lines
from deepfabric_core.store.failure_log import of_samples
from deepfabric_core.store.files import replace_file
from deepfabric_core.store.shard_files import ShardFiles, ShardTotals
from deepfabric_core.store.topics_file import TopicsFile
from deepfabric_core.wording import are, counted

# In seconds.
_LOOKS_EVERY = 0.1
_BETWEEN_REPORTS = 0.5
_TRY_AGAIN_AFTER = 1.0
_MOST_TRIES = 8
_LAST_REPORTS = 10.0


async def make_samples(work: SamplesWork) -> None:
    """Make the samples of a job on its cluster, and deliver the dataset; see `pipeline.MakeSamples`.

    Raises:
        ConfigError: the cluster can't be reached, the samples so far weren't made in shards, or weights have changed.
        RunAborted: a worker gave up for a reason that holds for all.
        OutputError: a result can't be written.
    """
    make_room(work)
    run = _Run.of(work, await mirrored(work))
    if run.to_do and work.budget is not None:
        work.budget.end_if_spent()
    if (run.to_do or run.is_to_compare) and not work.stop.requested:
        await run.with_workers()
    else:
        with run.at_stage():
            pass
    await work.checkpoint.save()
    if not run.to_do and not run.at_work:
        await asyncio.to_thread(run.deliver)


@dataclass(eq=False)
class _Run:
    """The work on the shards of a run. `done` has what finished shards have made, `heard` how far others have come.

    The workers in `busy` places have a shard to make, and share the calls in flight.

    Shards that are stored at an address are mirrored here once they are finished.
    """

    work: SamplesWork
    shards: list[Shard]
    to_do: deque[Shard]
    done: dict[int, ShardTotals]
    at_work: set[int] = field(default_factory=set)
    tries: dict[int, int] = field(default_factory=dict)
    workers: list[Any] = field(default_factory=list)
    busy: set[int] = field(default_factory=set)
    telling: set[asyncio.Future[Any]] = field(default_factory=set)
    earlier: ShardTotals = field(default_factory=ShardTotals)
    given_up: str = ""
    turns: int = 0
    budget: BudgetChanged | None = None
    storage: ShardStorage | None = None
    mirrors: dict[int, ShardMirror] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.heard = Heard(self.work.sink)

    @staticmethod
    def of(work: SamplesWork, storage: ShardStorage | None = None) -> _Run:
        """Look at what earlier sessions left, and tell of it.

        Raises:
            ConfigError: the weights of topics have changed since.
        """
        job, folder = work.job, work.job.shards
        plan, weights = plan_of(job, work.topics), own_weights(work.topics, job.config.topics.weights)
        layout = folder.layout()
        if layout is not None and weights != work.checkpoint.weights:
            raise ConfigError(
                "topics.weights: the weights of topics have changed, by which samples are shared out among shards: "
                "go on with those of before, or begin anew by --fresh."
            )
        if layout is None:
            layout = usual_layout(plan.shares, job.config)
            work.checkpoint.keep_weights(weights)
            folder.keep_layout(layout)
        run = _Run(work, list(layout.shards(plan.shares)), deque(), {}, storage=storage)
        run.look()
        return run

    def look(self) -> None:
        """Find out which shards are finished, and tell of what there is."""
        earlier, again = ShardTotals(), self._retries_failed
        for shard in self.shards:
            totals = self.files(shard).totals()
            if again:
                totals = replace(totals, failures={})
            finished = self.files(shard).finished()
            if finished is not None and finished.planned == len(shard) and not (again and finished.failed):
                self.done[shard.number] = finished
            else:
                self.to_do.append(shard)
                self.heard.known[shard.number] = Progress(totals.made, totals.failed, totals.spending)
            earlier = earlier.plus(totals)
        if self.to_do:
            self.work.job.shards.compared.unlink(missing_ok=True)
        self.earlier = earlier
        self.work.checkpoint.shards(sum(map(len, self.shards)), earlier)

    @contextmanager
    def at_stage(self) -> Iterator[None]:
        """Tell of the beginning and the end of the stage, in which samples can be made."""
        wanted, width = sum(map(len, self.shards)), self.work.job.config.output.batch_size
        self.work.sink(StageStarted("samples", wanted, width, time.time(), self.earlier.made, self.earlier.failed))
        try:
            yield
        finally:
            self.work.sink(StageFinished("samples", time.time()))

    @property
    def _retries_failed(self) -> bool:
        settings = self.work.job.config.output.checkpoint
        return self.work.job.retry_failed or bool(settings and settings.retry_failed)

    def files(self, shard: Shard) -> ShardFiles:
        """Return the files of a shard."""
        return self.work.job.shards.shard(shard.number)

    # ---- making

    async def with_workers(self) -> None:
        """Make what there is to do, by as many workers as there is work for."""
        work = self.work
        workers = max(1, min(wanted_workers(work.job.config.run), work.job.config.output.batch_size, len(self.to_do)))
        if work.job.config.run.address is None and not is_joined():
            work.sink(Notice(f"Ray is started on this machine, for {counted(workers, 'worker')}{self._why(workers)}"))
        async with AsyncExitStack() as opened:
            with work.checkpoint.uncounted():
                cluster = await opened.enter_async_context(joined(work.job.config.run, workers))
                if cluster.dashboard:
                    work.sink(Notice(f"Ray's dashboard: http://{cluster.dashboard}"))
                keeper = cluster.keeper(self._budget_setup())
                self.workers = [cluster.worker(place) for place in range(workers)]
                await self._until_one_is_there(keeper)
            with self.at_stage():
                with self._passing_on_stops(keeper):
                    await self._until_done(keeper)
                    await self._without_repetitions(keeper)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._end(keeper), _LAST_REPORTS)
        if self.given_up:
            raise RunAborted(self.given_up)

    def _why(self, workers: int) -> str:
        """Return why there are fewer workers than are wanted, if that can be changed."""
        if workers == wanted_workers(self.work.job.config.run) or workers < len(self.to_do):
            return ""
        return f", as {counted(workers, 'shard')} {are(workers)} to make: run.shard_size decides how many there are"

    async def _until_one_is_there(self, keeper: Any) -> None:
        """Wait until the processes of the keeper and of a worker have begun, or a stop is requested."""
        begin = [asyncio.ensure_future(_asked(one.process)) for one in self.workers]
        begun = asyncio.ensure_future(_asked(keeper.process))
        self.telling.update(begin)
        while not self.work.stop.requested and not (  # noqa: ASYNC110 - a stop may come from any thread
            begun.done() and any(one.done() for one in begin)
        ):
            await asyncio.sleep(_LOOKS_EVERY)

    def _budget_setup(self) -> BudgetSetup | None:
        work = self.work
        if work.budget is None:
            return None
        known, unseen = work.checkpoint, work.budget.unseen
        return BudgetSetup(
            work.job.config.budget, known.run_id, known.spent_before, known.seconds(), time.time(), unseen
        )

    async def _until_done(self, keeper: Any) -> None:
        done = asyncio.Event()
        self.busy = set(range(len(self.workers)))
        reporting = asyncio.ensure_future(self._report_now_and_then(keeper, done))
        try:
            await asyncio.gather(*(self._work(place, keeper) for place in range(len(self.workers))))
            done.set()
            await asyncio.wait([reporting], timeout=_LAST_REPORTS)  # what was asked for isn't told again
        finally:
            reporting.cancel()
            await asyncio.gather(reporting, return_exceptions=True)

    @property
    def is_to_compare(self) -> bool:
        """Whether samples of different shards have to be compared."""
        is_wanted = self.work.job.config.quality.duplicates is not None and len(self.shards) > 1
        return is_wanted and not self.work.job.shards.compared.exists()

    async def _without_repetitions(self, keeper: Any) -> None:
        """Have samples made again that repeat one of another shard, as often as the config allows."""
        quality = self.work.job.config.quality
        for attempt in range(quality.attempts + 1):
            if self.to_do or self.work.stop.requested or self.given_up or not self.is_to_compare:
                return
            there = [shard for shard in self.shards if self.files(shard).dataset.exists()]
            found = await self._repeated(there, keeper)
            if found is None:
                return
            if found and attempt < quality.attempts:
                await self._make_again(there, found)
                await self._until_done(keeper)
                continue
            if found:
                self.work.sink(Notice(f"{counted(count(found), 'sample')} repeat others, and were kept all the same"))
            replace_file(self.work.job.shards.compared, [])

    async def _repeated(self, shards: list[Shard], keeper: Any) -> Mapping[int, list[Decision]] | None:
        """Return which samples repeat one of another shard, by its place; None if that can't be found out."""
        samples = [
            ShardSamples(one.dataset.absolute(), one.checkpoint.prints.absolute(), self.done[shard.number].made)
            for shard, one in zip(shards, map(self.files, shards), strict=True)
        ]
        for _ in range(_MOST_TRIES):
            found: Mapping[int, list[Decision]] | None = await _asked(
                keeper.repeated, samples, _anywhere(self.work.job.config.quality.duplicates)
            )
            if found is not None:
                return found
            await asyncio.sleep(_TRY_AGAIN_AFTER)
        self._give_up(
            "The samples of different workers could not be compared: the process that does it died each time, maybe "
            "for want of memory; go on without quality.duplicates, or where there is more of it."
        )
        return None

    async def _make_again(self, shards: list[Shard], found: Mapping[int, list[Decision]]) -> None:
        said = (
            "repeats one that another worker has made: it is"
            if count(found) == 1
            else ("repeat some that other workers have made: they are")
        )
        self.work.sink(Notice(f"{counted(count(found), 'sample')} {said} made again"))
        for place, decisions in found.items():
            shard = shards[place]
            files, done = self.files(shard), self.done.pop(shard.number)
            files.mark.unlink()
            reject(files.dataset, decisions)
            if self.storage is not None:
                await again_and_again(self._mirror(shard).push)
            self.heard.known[shard.number] = Progress(done.made - len(decisions), done.failed, done.spending)
            self.work.sink(SamplesCounted(-len(decisions)))
            self.to_do.append(shard)

    async def _end(self, keeper: Any) -> None:
        """Hear the last of the budget."""
        news = await _asked(keeper.end)
        if news is not None:
            self._hear(news)
        budget = self.work.budget
        if budget is not None and self.budget is not None:
            budget.take_over(self.budget, _spent(self.work), news.reached if news else "")

    async def _work(self, place: int, keeper: Any) -> None:
        """Have a worker make shards, one after the other, until none is left."""
        while not (self.work.stop.requested or self.given_up):
            if not self.to_do:
                if not self.at_work:
                    return
                if place in self.busy:
                    self.busy.discard(place)
                    self._share_out()
                await asyncio.sleep(_BETWEEN_REPORTS)  # one that is being made may come back
                continue
            shard = self.to_do.popleft()
            self.at_work.add(shard.number)
            try:
                if place not in self.busy:
                    self.busy.add(place)
                    await asyncio.gather(*self._share_out(without=place))
                outcome = await self._made(place, shard, keeper)
            finally:
                self.at_work.discard(shard.number)
            await self._settle(place, shard, outcome, keeper)

    def _share(self, place: int) -> Share:
        return Share(sorted(self.busy).index(place), len(self.busy))

    def _usual_share(self, place: int) -> Share:
        """Return the share of a worker while all have work, if one process would tell samples of those before."""
        config = self.work.job.config
        tells = config.output.batch_size <= most_in_order(len(self.work.topics.leaves))
        return Share(0, wanted_workers(config.run)) if tells else self._share(place)

    def _share_out(self, without: int | None = None) -> list[Any]:
        """Share out the calls in flight among the workers that have something to do; return what may be awaited."""
        others = self.busy - {without}
        told = [asyncio.ensure_future(_asked(self.workers[one].take_share, self._share(one))) for one in others]
        self.telling.update(told)
        for task in told:
            task.add_done_callback(self.telling.discard)
        return told

    async def _made(self, place: int, shard: Shard, keeper: Any) -> ShardOutcome | None:
        """Return how a worker's work on a shard ended; None if the worker died."""
        actor = self.workers[place]
        if self.work.stop.paused:
            actor.pause.remote(True)  # its process may be a new one
        made = await _asked(actor.make, await self._task(shard, place), keeper)
        if made is None:
            return None
        outcome: ShardOutcome = made[0]
        self._take(made[1])
        if outcome.finished and self.storage is not None:
            await again_and_again(self._mirror(shard).pull)
        return outcome

    def _mirror(self, shard: Shard) -> ShardMirror:
        """Return the mirror of a stored shard, which knows what of it is stored."""
        if self.storage is None:
            raise AssertionError("the shards are in a folder")
        if shard.number not in self.mirrors:
            self.mirrors[shard.number] = self.storage.mirror(self.files(shard))
        return self.mirrors[shard.number]

    async def _task(self, shard: Shard, place: int) -> ShardTask:
        files, storage = ShardFiles(self.files(shard).folder.absolute()), self.storage
        if not files.topics.exists():
            TopicsFile(files.topics, {}).save(topics_of(self.work.topics, shard))
        if storage is not None:
            topics = files.topics.read_bytes()
            await again_and_again(lambda: storage.give(files.folder.name, files.topics.name, topics))
        job = replace(shard_job(self.work.job, shard, files), retry_failed=self._retries_failed)
        self.turns += 1
        return ShardTask(
            job,
            files,
            str(Path.cwd()),
            None if storage is None else (storage.address, storage.run),
            environment_of_workers(with_storage=storage is not None),
            self.work.budget is not None,
            self.turns,
            self.work.trace is not None,
            self._share(place),
            self._usual_share(place),
        )

    async def _settle(self, place: int, shard: Shard, outcome: ShardOutcome | None, keeper: Any) -> None:
        """Note a finished shard; give any other one back, unless that was tried too often."""
        if outcome is not None and outcome.finished:
            self.done[shard.number] = outcome.totals
            self.heard.forget(shard.number)
            return
        self.to_do.append(shard)
        if outcome is not None and outcome.given_up and not outcome.may_pass:
            self._give_up(outcome.given_up)
        elif outcome is None or outcome.given_up:
            if outcome is None:
                goes_on = "" if self.work.stop.requested else ": another process goes on from what it has written"
                self.work.sink(Notice(f"Worker {place + 1} is lost{goes_on}"))
                await _asked(keeper.forget, str(place))
            tries = self.tries[shard.number] = self.tries.get(shard.number, 0) + 1
            if tries >= _MOST_TRIES:
                said = outcome.given_up if outcome else "its worker died each time"
                self._give_up(f"A part of the samples could not be made in {counted(tries, 'attempt')}: {said}")
            await asyncio.sleep(_TRY_AGAIN_AFTER)

    def _give_up(self, reason: str) -> None:
        if not self.given_up:
            self.given_up = reason
            self._tell_workers("stop")

    # ---- hearing

    async def _report_now_and_then(self, keeper: Any, done: asyncio.Event) -> None:
        while not done.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), _BETWEEN_REPORTS)
            asked = [*(_asked(worker.report) for worker in self.workers), _asked(keeper.news)]
            *reports, news = await asyncio.gather(*asked)
            reports = [report for report in reports if isinstance(report, Report)]
            for report in reports:
                self._take(report)
            if isinstance(news, News):
                limiter = news.limiter or own_limiters(reports)
                self._hear(replace(news, limiter=limiter))
            self.work.checkpoint.item_settled()

    def _take(self, report: Report) -> None:
        self.heard.take(report, is_counted=report.shard in self.done)
        if self.work.trace is not None:
            try:
                for line in report.trace:
                    self.work.trace.append(line)
            except OutputError as problem:
                self._give_up(str(problem))

    def _hear(self, news: News) -> None:
        if news.limiter is not None:
            self.work.sink(news.limiter)
        for event in news.events:
            if isinstance(event, BudgetChanged):
                self.budget = event
            self.work.sink(event)
        if news.reached and not self.work.stop.requested:
            if self.work.budget is not None:
                self.work.budget.reached = news.reached
            self.work.stop.request()

    @contextmanager
    def _passing_on_stops(self, keeper: Any) -> Iterator[None]:
        """Tell all workers of stops and pauses, from whichever thread they come."""
        loop, stop = asyncio.get_running_loop(), self.work.stop

        def soon(tell: Callable[[], None]) -> Callable[[], None]:
            def told() -> None:
                loop.call_soon_threadsafe(tell)

            return told

        def stopped() -> None:
            self._tell_workers("stop")
            keeper.stop.remote()

        def paused() -> None:
            self._tell_workers("pause", stop.paused)
            keeper.pause.remote(stop.paused)

        ends = [stop.listen(soon(stopped)), stop.listen_to_pauses(soon(paused))]
        try:
            yield
        finally:
            for end in ends:
                end()

    def _tell_workers(self, what: str, *words: Any) -> None:
        for worker in self.workers:
            getattr(worker, what).remote(*words)

    # ---- delivering

    def deliver(self) -> None:
        """Merge the shards into the dataset, and write beside it what failed and what was rejected.

        Raises:
            RunAborted: nothing was made.
            OutputError: a file can't be written.
        """
        job, sink = self.work.job, self.work.sink
        files = {shard.number: self.files(shard) for shard in self.shards}
        if not any(totals.made for totals in self.done.values()):
            raise RunAborted(f"Every sample failed, the first with: {_first_failure(files)}")
        merge(job.dataset, self.shards, files, self.done)
        sink(FileWritten("dataset", str(job.dataset)))
        in_order = list(files.values())
        if merge_failures(job.failures, in_order):
            sink(FileWritten("failures", str(job.failures)))
        if merge_rejected(job.rejected, in_order):
            sink(FileWritten("rejected samples", str(job.rejected)))


def _first_failure(files: Mapping[int, ShardFiles]) -> str:
    for shard in files.values():
        for line in of_samples(whole_lines(shard.checkpoint.failures)):
            return str(line.get("error"))
    return "unknown"


def _anywhere(settings: Duplicates | None) -> Duplicates | None:
    """Return the settings for a process that works in another folder."""
    if settings is None or settings.embeddings is None:
        return settings
    folder = Path(settings.embeddings).expanduser()
    return settings.model_copy(update={"embeddings": str(folder.absolute())}) if folder.is_dir() else settings


def _spent(work: SamplesWork) -> Spent:
    """Return what this session's calls have spent."""
    state = work.sink.state
    return Spent(state.calls, state.usage, state.unpriced)


async def _asked(method: Any, *words: Any) -> Any:
    """Return what an actor answers; None if its process died before."""
    from ray.exceptions import ActorDiedError, ActorUnavailableError, NodeDiedError, RayActorError

    try:
        return await method.remote(*words)
    except (ActorDiedError, ActorUnavailableError, NodeDiedError, RayActorError):
        return None
