"""The samples of a topic and of all below it, as the cards of the view of samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from deepfabric_core.run.results import results
from deepfabric_core.samples.reading import JournalLine
from deepfabric_core.samples.reviews import sample_id
from deepfabric_core.store.append_log import whole_lines
from deepfabric_core.store.review_log import reviews_of
from deepfabric_core.topics.model import Topics
from deepfabric_nb.graph.protocol import TopicSamples
from deepfabric_nb.kernel.display_mode import current_shell
from deepfabric_nb.runs.run import Run
from deepfabric_nb.runs.session import session_of
from deepfabric_nb.samples.card import card_of
from deepfabric_nb.samples.index import record_of
from deepfabric_nb.samples.shown_text import ShownText

MOST = 5  # cards in a message


def samples_of(run: Run, topics: Topics, topic_id: str, first: int) -> TopicSamples:
    """Return the cards of some samples at or below a topic, from the number `first` on, in the order of the plan.

    Raises:
        ConfigError: a file of the run can't be read.
    """
    below = dict(_paths_below(topics, topic_id))
    found = [line for line in _made(run) if line.get("topic_id") in below]
    reviews = reviews_of(run.job.dataset)
    shown = ShownText(session_of(current_shell()).redactor())
    cards = [
        card_of(number, line, below[line["topic_id"]], reviews.of(sample_id(record_of(line))), shown)
        for number, line in islice(enumerate(found), first, first + MOST)
    ]
    return {"type": "samples", "topic": topic_id, "from": first, "cards": cards, "total": len(found)}


def _made(run: Run) -> Sequence[JournalLine]:
    """Return what a run has made so far; that of another process may keep no checkpoint."""
    samples = results(run.job).samples
    if samples or not run.is_watched:
        return samples
    return [line for line in whole_lines(run.job.unfinished_files().samples) if "sample" in line]


def _paths_below(topics: Topics, topic_id: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield a topic and those below it by their first parents, each with the names from the root to it."""
    way = [topic_id]
    while parents := topics.by_id[way[-1]].parents:
        way.append(parents[0])
    waiting = [(topic_id, tuple(topics.by_id[own].name for own in reversed(way)))]
    while waiting:
        own, path = waiting.pop()
        yield own, path
        below = (topics.by_id[child] for child in topics.by_id[own].children)
        waiting += [(child.id, (*path, child.name)) for child in below if child.parents[0] == own]
