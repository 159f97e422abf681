"""Where the topics of a graph come from and where its edits go: a run, a file, or memory."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from deepfabric_core.errors import ConfigError, DeepFabricError
from deepfabric_core.events import (
    Event,
    RunFinished,
    SampleFailed,
    SampleFinished,
    StageStarted,
    TopicExpanded,
    TopicsReady,
)
from deepfabric_core.run.checkpoint.plan import plan_in, what_further_run_makes
from deepfabric_core.run.checkpoint.topics import change_topics
from deepfabric_core.run.job import plan_of
from deepfabric_core.run.results import results
from deepfabric_core.run.stages.regrow import regrow as regrow_topics
from deepfabric_core.samples.plan import Plan
from deepfabric_core.samples.reading import JournalLine, key_of, line_of, metadata_of, question_and_answer
from deepfabric_core.stop import Stop
from deepfabric_core.store.append_log import whole_lines
from deepfabric_core.store.failure_log import SampleKey
from deepfabric_core.topics.coverage import near_duplicates
from deepfabric_core.topics.edit import prune, with_weights
from deepfabric_core.topics.model import Topic, Topics, topic_id
from deepfabric_core.wording import are, counted
from deepfabric_nb.graph.protocol import Measure, TopicSamples
from deepfabric_nb.graph.topic_samples import samples_of
from deepfabric_nb.graph.widget import TopicGraphWidget
from deepfabric_nb.runs.engine_task import EngineTask
from deepfabric_nb.runs.run import Run
from deepfabric_nb.runs.session import dataset_of_topics

_MARKED_AT_ONCE = 2_000
_PREVIEWS = 3


class TopicSource(Protocol):
    """Where the topics of a graph come from and where its edits go; `dataset` are the samples of them, if known."""

    @property
    def makes_samples(self) -> bool:
        """Whether a run makes samples of the topics, or has done so."""

    @property
    def dataset(self) -> Path | None:
        """The path of the samples that are made of the topics; None if there are none."""

    def topics(self) -> Topics:
        """Return the topics."""

    def follow(self, graph: TopicGraphWidget) -> None:
        """Pass events to the graph from now on."""

    def refresh(self, graph: TopicGraphWidget) -> None:
        """Update the graph's topics and counts."""

    def planned(self, topics: Topics) -> int | None:
        """Return how many samples are made of the topics; None if they belong to no run."""

    @property
    def named_weights(self) -> Mapping[str, float]:
        """The weights of topics in the config."""

    def what_weights_change(self, topics: Topics) -> str:
        """Return in a sentence what other weights change; empty if nothing is known."""

    def samples_of(self, topics: Topics, topic_id: str, first: int) -> TopicSamples:
        """Return some samples at or below a topic, from a number on."""

    def edited(self, graph: TopicGraphWidget, topics: Topics) -> None:
        """Apply an edit: `topics` are the graph's topics after it."""

    def regrow(self, graph: TopicGraphWidget, topic_id: str, *, again: bool) -> EngineTask:
        """Return a task, not started yet, that finds more topics and adds them to the graph."""


def source_of(what: Topics | str | Path | Run, dataset: Path | None = None) -> TopicSource:
    """Return the source for what a graph is to show; `dataset` has samples of the topics, if they are a file's."""
    if isinstance(what, Run):
        return RunTopicSource(what)
    if isinstance(what, Topics):
        return InMemoryTopicSource(what)
    return FileTopicSource(Path(what), dataset)


class InMemoryTopicSource:
    """Topics that belong to no run and no file."""

    dataset: Path | None = None
    makes_samples = False

    def __init__(self, topics: Topics) -> None:
        self._topics = topics

    def topics(self) -> Topics:
        """Return the topics as they were given."""
        return self._topics

    def follow(self, graph: TopicGraphWidget) -> None:
        """Do nothing: there are no events."""

    def refresh(self, graph: TopicGraphWidget) -> None:
        """Mark near-duplicates."""
        mark_duplicates(graph)

    def planned(self, _: Topics) -> int | None:
        """Return None: no run makes samples of the topics."""
        return None

    @property
    def named_weights(self) -> Mapping[str, float]:
        """No weights: there is no config."""
        return {}

    def what_weights_change(self, topics: Topics) -> str:  # noqa: ARG002 - as of every source
        """Return nothing: no run is known."""
        return ""

    def samples_of(self, _: Topics, topic_id: str, first: int) -> TopicSamples:
        """Return none: no run makes samples of the topics."""
        return {"type": "samples", "topic": topic_id, "from": first, "cards": [], "total": 0}

    def edited(self, graph: TopicGraphWidget, topics: Topics) -> None:
        """Do nothing: the graph itself keeps the topics."""

    def regrow(self, graph: TopicGraphWidget, topic_id: str, *, again: bool) -> EngineTask:  # noqa: ARG002 - as of every source
        """Refuse: no model is known.

        Raises:
            ConfigError: always.
        """
        raise ConfigError("These topics belong to no run, so no model is known to grow them: use the graph of a run.")


class FileTopicSource(InMemoryTopicSource):
    """Topics of a file; edits are saved to it. The samples of a dataset are counted, by default of the last run's."""

    def __init__(self, path: Path, dataset: Path | None = None) -> None:
        from deepfabric_core.store.topics_file import TopicsFile, load_topics

        if path.suffix not in (".json", ".jsonl"):
            raise ConfigError(f"{path}: a topics file ends in .jsonl (a tree) or .json (a graph).")
        super().__init__(load_topics(path)[0])
        self._file = TopicsFile(path, {})
        self.dataset = dataset or dataset_of_topics(path)

    def refresh(self, graph: TopicGraphWidget) -> None:
        """Count the samples of the dataset, and mark near-duplicates."""
        lines = map(line_of, whole_lines(self.dataset)) if self.dataset else ()
        for own, done in Counter(key[0] for line in lines if (key := key_of(line))).items():
            if own in graph.topics.by_id:
                graph.count(own, done=done)
        super().refresh(graph)

    def edited(self, graph: TopicGraphWidget, topics: Topics) -> None:  # noqa: ARG002 - as of every source
        """Save the topics."""
        self._file.save(topics)

    def what_weights_change(self, topics: Topics) -> str:  # noqa: ARG002 - as of every source
        """Return that the weights are saved."""
        return "Saved in the file: a run that loads these topics shares its samples out by their weights."


class RunTopicSource:
    """Topics of a run that grows them, makes samples of them, or has done so."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._growing = not run.over and run.topics is None
        self._counted: set[SampleKey] = set()

    @property
    def dataset(self) -> Path | None:
        """The dataset that the run makes."""
        return self._run.job.dataset

    @property
    def makes_samples(self) -> bool:
        """Whether the run goes on to samples."""
        return not self._run.job.topic_only

    def topics(self) -> Topics:
        """Return the topics saved so far, or else the root alone."""
        return self._run.topics or _root_of(self._run)

    def planned(self, topics: Topics) -> int | None:
        """Return the number of samples, according to the config."""
        return self._run.job.samples_wanted(topics)

    def follow(self, graph: TopicGraphWidget) -> None:
        """Add what the run made before, and pass on its events from now on."""
        self._add_what_is_there(graph)
        if not self._run.over:
            self.listen(graph)

    def listen(self, graph: TopicGraphWidget) -> None:
        """Pass on the run's events from now on."""
        self._run.watch(lambda event: self._tell(graph, event))
        if self._growing and self._run.state.topics_progress.finished_at is not None:  # before anybody listened
            self._growing = False
            graph.mark_outdated()

    def _tell(self, graph: TopicGraphWidget, event: Event) -> None:
        match event:
            case TopicExpanded(path, children):
                graph.grow(path, children)
            case TopicsReady():
                self._growing = False
                graph.mark_outdated()
            case StageStarted("samples"):
                graph.mark_outdated()
            case RunFinished() if not self._run.stopping or not self._run.is_watched:
                graph.mark_outdated()
            case SampleFinished(own, _, cycle, _, question, answer):
                graph.sample(own, question, answer, is_counted=(own, cycle) in self._counted)
                self._counted.add((own, cycle))
            case SampleFailed(topic_id=own, kind=kind, message=message):
                graph.failure(own, kind.value, message)

    def _add_what_is_there(self, graph: TopicGraphWidget) -> None:
        samples, failures = self._made()
        counts: Counter[str] = Counter()
        for line in samples:
            counts[line["topic_id"]] += 1
            if counts[line["topic_id"]] <= _PREVIEWS:
                graph.sample(line["topic_id"], *question_and_answer(line["sample"]))
        for own, count in counts.items():
            graph.count(own, done=count)
        for line in failures:
            graph.failure(line["topic_id"], str(line["kind"]), str(line["error"]))

    def refresh(self, graph: TopicGraphWidget) -> None:
        """Update the graph from the run's files; while topics grow, the graph itself is the most current."""
        if self._growing:
            return
        live_edits = self._run.job.live_edits
        if live_edits is not None and live_edits.pending and self._run.over:
            change_topics(self._run.job, live_edits.apply(graph.topics))
        elif (live_edits is None or not live_edits.pending) and (topics := self._run.topics) is not None:
            graph.replace(topics)
        self._count_again(graph)
        mark_duplicates(graph)

    def _count_again(self, graph: TopicGraphWidget) -> None:
        """Count samples again: a topic that has become a leaf, or is none any more, has other samples."""
        topics = graph.topics
        wanted = Counter(item.topic_id for item in self._plan(topics))
        samples, failures = self._made()
        done = Counter(line["topic_id"] for line in samples)
        failed = Counter(line["topic_id"] for line in failures)
        for own, topic in topics.by_id.items():
            counts = (0, 0, 0) if topic.children else (wanted[own], done[own], failed[own])
            graph.count(own, wanted=counts[0], done=counts[1], failed=counts[2])
        graph.measure(measured(samples, _score), measured(samples, _cost))

    def _made(self) -> tuple[Sequence[JournalLine], Sequence[JournalLine]]:
        """Return the samples and failures in the files. Events may still come of these samples, which count once."""
        found = results(self._run.job)
        samples = found.samples or _journalled(self._run)
        self._counted = {key for line in samples if (key := key_of(line))}
        return samples, found.failures

    def samples_of(self, topics: Topics, topic_id: str, first: int) -> TopicSamples:
        """Read some samples at or below a topic from the run's files."""
        return samples_of(self._run, topics, topic_id, first)

    def _plan(self, topics: Topics) -> Plan:
        return plan_in(self._run.job, self._run.job.unfinished_files(), topics)

    @property
    def named_weights(self) -> Mapping[str, float]:
        """The weights of topics in the run's config."""
        return self._run.job.config.topics.weights

    def what_weights_change(self, topics: Topics) -> str:
        """Return what is shared out anew: what the run hasn't begun, or what a further run makes."""
        run = self._run
        if run.job.topic_only or self._growing:
            return "The samples that are made of these topics are shared out by their weights."
        made = frozenset(key for line in results(run.job).samples if (key := key_of(line)))
        plan = plan_of(run.job, topics, made)
        left = len(plan) - len(made)
        if run.over or left <= 0:
            return what_further_run_makes(plan)
        return f"The {counted(left, 'sample')} that {are(left)} not made yet {are(left)} shared out by these weights."

    def edited(self, graph: TopicGraphWidget, topics: Topics) -> None:
        """Pass the edit to the running run, or save the topics for the next run."""
        run = self._run
        if run.over:
            change_topics(run.job, topics)
        elif run.job.live_edits is None:
            raise ConfigError("Another process works on this run: its topics can't be changed from here.")
        elif self._growing and topics.mode == "graph":
            gone, weights = set(self.topics().by_id) - set(topics.by_id), topics.weights
            run.job.live_edits.ask(lambda grown: prune(grown, [own for own in gone if own in grown.by_id]))
            run.job.live_edits.ask(lambda grown: with_weights(grown, weights))
        else:
            run.job.live_edits.ask(lambda _: graph.topics)

    def regrow(self, graph: TopicGraphWidget, topic_id: str, *, again: bool) -> EngineTask:
        """Return a task that uses the model for the run's topics.

        Raises:
            ConfigError: the topic doesn't exist any more.
        """
        name = graph.topics.by_id[topic_id].name if topic_id in graph.topics.by_id else ""
        if not name:
            raise ConfigError("That topic isn't there any more.")

        async def work(emit: Any, stop: Stop) -> Any:
            try:
                regrowth = await regrow_topics(self._run.job, graph.topics, topic_id, again=again, emit=emit, stop=stop)
            except DeepFabricError as problem:
                graph.refuse_later(str(problem))
                raise
            graph.edit_later(regrowth.edit, f"{'Asked again below' if again else 'Grew deeper at'} “{name}”")

        return EngineTask(f"{self._run.name} topics", work)


def _journalled(run: Run) -> list[JournalLine]:
    """Return the samples in the journal of a run of another process, which may keep no checkpoint."""
    lines = whole_lines(run.job.unfinished_files().samples) if run.is_watched else ()
    return list({key: line for line in lines if "sample" in line and (key := key_of(line))}.values())


def measured(samples: Iterable[JournalLine], figure: Callable[[JournalLine], float | None]) -> dict[str, Measure]:
    """Return the sum of a figure of each topic's samples, and how many have it."""
    sums: dict[str, Measure] = {}
    for line in samples:
        if (value := figure(line)) is not None:
            total, count = sums.get(line["topic_id"], (0.0, 0))
            sums[line["topic_id"]] = (total + value, count + 1)
    return sums


def _score(line: JournalLine) -> float | None:
    verdict = metadata_of(line["sample"]).get("judge")
    return _number(verdict.get("score")) if isinstance(verdict, dict) else None


def _cost(line: JournalLine) -> float | None:
    usage = line.get("usage")
    return _number(usage.get("cost")) if isinstance(usage, dict) else None


def _number(value: Any) -> float | None:
    known = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if known else None


def mark_duplicates(graph: TopicGraphWidget) -> None:
    """Mark near-duplicates with the topic that they resemble, unless there are very many topics."""
    topics = graph.topics
    if len(topics) > _MARKED_AT_ONCE:
        return
    marks: dict[str, str] = {}
    for first, *others in near_duplicates(topics):
        near = topics.by_id[first].name
        marks |= dict.fromkeys(others, f"Nearly the same as “{near}”: merge them, or prune one.")
    graph.mark(marks)


def _root_of(run: Run) -> Topics:
    settings = run.job.config.topics
    own = topic_id(settings.mode, (settings.prompt,))
    return Topics(settings.mode, own, {own: Topic(own, settings.prompt)})
