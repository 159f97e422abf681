"""Count the model calls that a job asks for before it begins; very large plans need confirmation."""

from __future__ import annotations

from dataclasses import dataclass, replace

from deepfabric_core.config.schema import Config
from deepfabric_core.run.job import Job
from deepfabric_core.samples.plan import count_samples
from deepfabric_core.store.checkpoint_files import recovered_metadata
from deepfabric_core.store.topics_file import load_topics
from deepfabric_core.topics.model import Topics
from deepfabric_core.wording import counted

# A run of so many calls takes hours and costs real money; a larger one has to be confirmed.
MOST_CALLS = 100_000


@dataclass(frozen=True, slots=True)
class Size:
    """What is to be made. `expansions` are the topics that get subtopics, one call each; `leaves` are topic paths.

    For each sample, `draws` are made, of which the best is taken, and judges are called `judgements` times.
    """

    topics: int
    expansions: int
    leaves: int
    samples: int
    draws: int = 1
    judgements: int = 0

    @property
    def calls(self) -> int:
        """Model calls, if every reply is valid, every sample is accepted and no agent takes a second step."""
        return self.expansions + self.samples * (self.draws + self.judgements)

    @property
    def is_large(self) -> bool:
        """Whether it takes more than `MOST_CALLS`."""
        return self.calls > MOST_CALLS

    def __str__(self) -> str:
        parts = [(self.topics, "topic"), (self.samples, "sample")]
        made = " and ".join(counted(number, what) for number, what in parts if number)
        return f"This plan is large: {made}, in at least {counted(self.calls, 'model call')}"


def size_of(config: Config) -> Size:
    """Return the size of a config's topics and samples."""
    topics, quality = config.topics, config.quality
    levels = [topics.degree**level for level in range(topics.depth + 1)]
    draws = quality.compare.best_of if quality.compare else 1
    judgements = (
        len(quality.all_judges) * draws * draws
    )  # each draw is scored, and each two are compared in both orders
    samples = count_samples(config.output.num_samples, levels[-1])
    return Size(sum(levels[1:]), sum(levels[:-1]), levels[-1], samples, draws, judgements)


def to_confirm(job: Job) -> Size | None:
    """Return the size of a job that is large and wasn't begun before; None for any other job.

    Raises:
        TopicsFileError: the topics that the job names can't be read.
    """
    size = size_of_job(job)
    return size if size.is_large and not _begun(job, size) else None


def size_of_job(job: Job, topics: Topics | None = None) -> Size:
    """Return the size of a job whose topics may be known already, or are loaded.

    Raises:
        TopicsFileError: the topics that the job loads can't be read.
    """
    size, wanted = size_of(job.config), job.config.output.num_samples
    if topics is not None:
        leaves = len(topics.leaves)
        size = replace(size, topics=0, expansions=0, leaves=leaves, samples=count_samples(wanted, leaves))
    elif job.topics_load is not None:
        leaves = size.leaves if isinstance(wanted, int) else len(load_topics(job.topics_load)[0].leaves)
        size = replace(size, topics=0, expansions=0, leaves=leaves, samples=count_samples(wanted, leaves))
    return replace(size, samples=0) if job.topic_only else size


def _begun(job: Job, size: Size) -> bool:
    """Return whether the job resumes a run that was to make at least as many samples."""
    place = job.unfinished_files()
    if not job.resume or job.accept_changes or not place.exists:
        return False
    return not 0 < recovered_metadata(place)[0].samples_wanted < size.samples
