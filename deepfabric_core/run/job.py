"""`Job`: what a run is asked to do, and the paths of the files it reads and writes."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deepfabric_core.config.schema import Config
from deepfabric_core.config.secret_values import shown_word
from deepfabric_core.errors import ConfigError, FailureKind
from deepfabric_core.events import RunStarted
from deepfabric_core.run.live_edits import LiveEdits
from deepfabric_core.samples.plan import Plan, count_samples
from deepfabric_core.samples.shards import Shard
from deepfabric_core.samples.weights import leaf_weights
from deepfabric_core.store.checkpoint_files import CheckpointFiles, find, usual_folder
from deepfabric_core.store.failure_log import SampleKey
from deepfabric_core.store.rejected_log import rejected_path
from deepfabric_core.store.shard_files import ShardsFolder
from deepfabric_core.store.topics_file import TopicsFile
from deepfabric_core.topics.model import Topics

# Flags that decide about a checkpoint or a large plan in one run only; a command to resume omits them.
_SAID_ONCE = ("--resume", "--fresh", "--retry-failed", "--accept-changes", "--yes")


@dataclass(frozen=True, slots=True)
class Job:
    """A config and options beyond it: topics to load instead of growing them, and whether to stop after the topics.

    A checkpoint is kept if the config, `checkpoint_path` or `resume` asks for one. If an earlier run left anything,
    `resume` continues it (with `accept_changes`, despite changes that affect the data), and `fresh` moves it aside.
    With `keep`, the checkpoint stays after everything is delivered. `live_edits` can change the topics during the run.
    `command` is the command line that started the run, shown in advice. Every call to a model is recorded in `trace`, a
    file that must not exist yet unless the run is resumed. `checks` are functions that a sample has to pass,
    beside those of the config. With `preview`, only so many samples are made, spread over the branches of the topics
    and for no dataset yet, with no more topics than they need; a later run goes on with them. A job with a `shard` is a
    part of a whole one: it loads the topics of that part alone, and `width` returns how many of the calls at once are
    its own.

    >>> from deepfabric_core import load
    >>> text = "{topics: {prompt: Tea}, generation: {system_prompt: You teach.}, output: {save_as: out/tea.jsonl}}"
    >>> job = Job(load(text, source="here").config)
    >>> job.dataset.as_posix(), job.topics.as_posix()
    ('out/tea.jsonl', 'out/tea_topics.jsonl')
    """

    config: Config
    topics_load: Path | None = None
    topic_only: bool = False
    config_file: Path | None = None
    checkpoint_path: Path | None = None
    resume: bool = False
    retry_failed: bool = False
    fresh: bool = False
    accept_changes: bool = False
    keep: bool = False
    live_edits: LiveEdits | None = None
    command: tuple[str, ...] = ()
    trace: Path | None = None
    checks: tuple[Callable[..., Any], ...] = ()
    preview: int | None = None
    shard: Shard | None = None
    width: Callable[[], int] | None = None

    @property
    def dataset(self) -> Path:
        """The path of the finished dataset."""
        return Path(self.config.output.save_as)

    @property
    def topics(self) -> Path:
        """The path of grown topics: beside the dataset, unless the config names one."""
        if self.config.topics.save_as:
            return Path(self.config.topics.save_as)
        ending = ".jsonl" if self.config.topics.mode == "tree" else ".json"
        return self.dataset.with_name(f"{self.dataset.stem}_topics{ending}")

    @property
    def journal(self) -> Path:
        """The path of the samples while they arrive."""
        return self.beside("journal")

    @property
    def failures(self) -> Path:
        """The path of the list of failed samples."""
        return self.beside("failures")

    @property
    def rejected(self) -> Path:
        """The path of the rejected samples."""
        return rejected_path(self.dataset)

    def beside(self, role: str) -> Path:
        """Return the path `<dataset>.<role>.jsonl`."""
        return self.dataset.with_name(f"{self.dataset.stem}.{role}.jsonl")

    @property
    def shards(self) -> ShardsFolder:
        """The folder of the shards, if the run is made in such."""
        return ShardsFolder.of(self.dataset, self.config.run.storage)

    def checkpoint_files(self) -> CheckpointFiles:
        """Return the paths of this job's checkpoint, whether or not it exists."""
        settings = self.config.output.checkpoint
        folder = self.checkpoint_path or (Path(settings.path) if settings and settings.path else None)
        return find(folder or usual_folder(self.config_file, self.dataset), self.dataset)

    def all_checkpoints(self) -> list[CheckpointFiles]:
        """Return the paths of this job's checkpoint and of those of its shards, as far as a run goes on from them."""
        shards = self.shards.all() if self.shards.exists else ()
        return [self.checkpoint_files(), *(shard.checkpoint for shard in shards)]

    def journal_files(self) -> CheckpointFiles:
        """Return the paths for the progress of a run that isn't asked to keep a checkpoint: beside the dataset."""
        return find(self.dataset.parent, self.dataset, asked=False)

    def unfinished_files(self) -> CheckpointFiles:
        """Return what a resume continues: the checkpoint, or else what a run without one left."""
        place, left = self.checkpoint_files(), self.journal_files()
        return left if left.exists and not place.exists else place

    def samples_wanted(self, topics: Topics | None) -> int:
        """Return how many samples are to be made of these topics or, while they are unknown, of a complete tree."""
        settings = self.config.topics
        return self.samples_of(len(topics.leaves) if topics else settings.degree**settings.depth)

    def samples_of(self, leaves: int) -> int:
        """Return how many samples are to be made of topics with so many leaves."""
        return count_samples(self.config.output.num_samples, leaves)

    @property
    def config_identity(self) -> str | None:
        """The config file's absolute path, which identifies the config in checkpoints."""
        return str(self.config_file.resolve()) if self.config_file else None

    @property
    def models(self) -> tuple[str, ...]:
        """Provider and name of each model that it calls: for topics, samples and judging."""
        config, used = self.config, []
        if self.topics_load is None:
            used.append(config.topics.llm)
        if not self.topic_only:
            used += [config.generation.llm, *(judge.llm for judge in config.quality.all_judges)]
        return tuple(dict.fromkeys(llm.name for llm in used))

    @property
    def keeps_checkpoint(self) -> bool:
        """Whether the checkpoint is kept for a later run."""
        return self.resume or self.checkpoint_path is not None or self.config.output.checkpoint is not None

    def check_paths(self) -> None:
        """Check that no output file has the path of another file of the run.

        Raises:
            ConfigError: dataset, topics and config are not files of their own.
        """
        for path in (self.dataset, self.topics):
            if self.config_file and path.absolute() == self.config_file.absolute():
                raise ConfigError(f"{path} is the config itself; give the file to write another name.")
        if self.dataset.absolute() in (self.topics.absolute(), self.topics_load and self.topics_load.absolute()):
            raise ConfigError(f"output.save_as and the topics file are both {self.dataset}; give one another name.")


def run_started(job: Job, at: float) -> RunStarted:
    """Return the event for the beginning of the job's run; where no samples are made, no model is named for them."""
    config = job.config
    return RunStarted(config.topics.llm.name, "" if job.topic_only else config.generation.llm.name, at)


def plan_of(job: Job, topics: Topics, made: frozenset[SampleKey] = frozenset()) -> Plan:
    """Return the plan of the job's samples over these topics; that of a preview is a part of the whole run's.

    The work items that are `made` stay in it.
    """
    weights = leaf_weights(topics, job.config.topics.weights)
    if job.preview is None:
        return Plan(topics, job.samples_wanted(topics), weights, made)
    leaves = len(topics.leaves)
    is_whole = job.preview > leaves >= job.config.topics.degree**job.config.topics.depth
    return Plan(topics, min(job.preview, job.samples_of(leaves)) if is_whole else min(job.preview, leaves), weights)


def save_topics(job: Job, topics: Topics) -> None:
    """Write the topics to the job's topics file.

    Raises:
        OutputError: it can't be written.
    """
    topics_file(job).save(topics)


def topics_file(job: Job) -> TopicsFile:
    """Return the job's topics file, with metadata on how the topics were made."""
    llm = job.config.topics.llm
    metadata = {
        "provider": llm.provider,
        "model": llm.model,
        "temperature": llm.temperature,
        "created_at": datetime.now(UTC).isoformat(),
    }
    return TopicsFile(job.topics_load or job.topics, metadata)


def topics_to_grow(job: Job, failed: int) -> int:
    """Return how many topics that failed to be expanded may be tried again: none once shards are cut by topics."""
    return 0 if job.shards.exists else failed


def is_to_retry(failures: Iterable[str], *, made: int, left: bool, failed_topics: int = 0) -> bool:
    """Return whether the command that goes on should try again what failed.

    It should where nothing else is `left` to do, and where samples failed by no fault of their own: none was `made`, or
    an endpoint refused or was gone.

    Args:
        failures: the categories of failed samples.
        made: how many samples there are.
        left: whether samples are neither made nor failed, or topics have still to be grown.
        failed_topics: how many topics couldn't be expanded.

    >>> is_to_retry(["invalid JSON"], made=9, left=True), is_to_retry(["invalid JSON"], made=9, left=False)
    (False, True)
    >>> is_to_retry(["quota exhausted"], made=9, left=True), is_to_retry([], made=9, left=False)
    (True, False)
    """
    kinds = [FailureKind(kind) for kind in failures]
    if not left:
        return bool(kinds or failed_topics)
    return bool(kinds) and (not made or any(kind.hopeless or kind is FailureKind.CONNECTION for kind in kinds))


def resume_command(
    command: Iterable[str], *, retry_failed: bool = False, instead: Sequence[str] = (), is_left: bool = True
) -> str:
    """Return the command line that resumes a run, from the one that started it.

    Secrets are masked and have to be filled in again. `retry_failed` adds the flag that retries failed samples;
    `instead` are flags, each with a value, that take the place of those in the command. If nothing `is_left` to resume,
    it starts the run again.

    >>> resume_command(["deepfabric", "generate", "my tea.yaml", "--fresh"])
    "deepfabric generate 'my tea.yaml' --resume"
    >>> resume_command(["deepfabric", "generate", "--max-cost", "2", "tea.yaml"], instead=["--max-cost", "3"])
    'deepfabric generate tea.yaml --resume --max-cost 3'
    """
    given = list(command)
    kept = [
        word
        for before, word in zip(["", *given], given, strict=False)
        if not {before, word}.intersection(instead[::2]) and word not in _SAID_ONCE
    ]
    words = [shown_word(word) for word in kept]
    resuming = ["--resume", *(["--retry-failed"] if retry_failed else [])] if is_left else []
    return shlex.join([*words, *resuming, *instead])
