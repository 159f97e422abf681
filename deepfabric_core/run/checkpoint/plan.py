"""The plan of a job's samples, of which a checkpoint may have some already.

Where weights of topics have changed since, each sample that is made stays in the plan, and the others are shared out by
the weights as they are now. Where they haven't, the plan is that of a run from the beginning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from deepfabric_core.run.job import Job, plan_of
from deepfabric_core.samples.plan import Plan
from deepfabric_core.samples.reading import key_of
from deepfabric_core.samples.weights import count_for_exact_shares, own_weights
from deepfabric_core.store.append_log import whole_lines
from deepfabric_core.store.checkpoint_files import CheckpointFiles, Metadata, recovered_metadata
from deepfabric_core.store.failure_log import SampleKey
from deepfabric_core.store.files import holds_something
from deepfabric_core.store.topics_file import load_topics
from deepfabric_core.topics.model import Topics
from deepfabric_core.wording import are, counted


def with_weights(known: Metadata, weights: Mapping[str, float], files: CheckpointFiles) -> Metadata:
    """Return metadata that tell of these weights, and whether they changed after samples were made."""
    has_changed = known.weights != weights and holds_something(files.samples)
    return replace(known, weights=dict(weights), weights_changed=known.weights_changed or has_changed)


def plan_in(job: Job, files: CheckpointFiles, topics: Topics, known: Metadata | None = None) -> Plan:
    """Return the plan over these topics; `known` are the metadata of the checkpoint, if they were read already.

    Raises:
        ConfigError: a file can't be read, or no topic has a weight above 0.
    """
    if not files.exists or job.preview is not None:
        return plan_of(job, topics)
    found = with_weights(known or recovered_metadata(files)[0], own_weights(topics, job.config.topics.weights), files)
    return plan_of(job, topics, made_in(files) if found.weights_changed else frozenset())


def made_in(files: CheckpointFiles) -> frozenset[SampleKey]:
    """Return the work items that have a line in the journal."""
    return frozenset(key for line in whole_lines(files.samples) if (key := key_of(line)))


def saved_plan(job: Job, files: CheckpointFiles, known: Metadata | None = None) -> Plan | None:
    """Return the plan over the topics of a checkpoint; None if it has none yet.

    Raises:
        ConfigError: a file can't be read.
    """
    return plan_in(job, files, load_topics(files.topics)[0], known) if files.topics.exists() else None


def what_weights_change(plan: Plan) -> str:
    """Return in a sentence what becomes of samples that were made before the weights of topics changed."""
    stay = sum(plan.index_of(*key) is not None for key in plan.made)
    if left := len(plan) - stay:
        kept = f"{counted(stay, 'sample')} made before stay{'s' if stay == 1 else ''}, and " if stay else ""
        return f"{kept}{left:,} more {are(left)} shared out by the weights that topics have now"
    needed = count_for_shares(plan)
    advice = f"; with output.num_samples: {needed} each topic gets its share" if needed > len(plan) else ""
    return f"All {counted(stay, 'sample')} are made and stay, so the weights of topics change nothing{advice}"


def what_further_run_makes(plan: Plan) -> str:
    """Return in a sentence how many more samples a further run makes where weights of topics have changed."""
    stay = sum(plan.index_of(*key) is not None for key in plan.made)
    if left := len(plan) - stay:
        return f"Run it again to make {counted(left, 'sample')} more, shared out by these weights."
    return f"{what_weights_change(plan)}."


def count_for_shares(plan: Plan) -> int:
    """Return the smallest number of samples in which each topic has its share, and those that are made have room."""
    counts, leaves = Counter(topic_id for topic_id, _ in plan.made), [topic.id for topic, _ in plan.topics.leaves]
    return count_for_exact_shares([counts[own] for own in leaves], plan.weights or (1.0,) * len(leaves))
