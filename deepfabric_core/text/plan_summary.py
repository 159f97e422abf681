"""Describe what a run of a config would do: models, samples, number of calls, and missing API keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from deepfabric_core.config.quality import Quality
from deepfabric_core.config.schema import Config
from deepfabric_core.errors import MissingKeyError
from deepfabric_core.llm.connect import check
from deepfabric_core.run.exports import exports_in_words
from deepfabric_core.run.job import Job
from deepfabric_core.run.plan_size import Size, size_of
from deepfabric_core.text.labels import labelled
from deepfabric_core.wording import counted, digits

_LABEL = 15


def missing_keys(config: Config) -> list[str]:
    """Return a sentence for each provider's API key that isn't in the environment.

    Raises:
        ConfigError: there is no such provider.
    """
    sentences: dict[str, None] = {}
    for settings in config.models:
        try:
            check(settings)
        except MissingKeyError as problem:
            sentences[str(problem)] = None
    return list(sentences)


def planned(config: Config, more: Iterable[tuple[str, str]] = (), width: int | None = None) -> str:
    """Return what a run would do, a line per fact. The number of model calls assumes that every reply can be used.

    `more` facts follow, each after its label. Lines longer than `width`, if given, are broken.
    """
    topics, output = config.topics, config.output
    size = size_of(config)
    kind = "records of your own schema" if output.format == "custom" else _kind(config)
    paths = counted(size.leaves, "topic path")
    lines = (
        ("Topics", f"{topics.mode}, depth {topics.depth}, degree {topics.degree}: {paths}"),
        ("Samples", f"{digits(size.samples)} ({output.num_samples}), {kind}"),
        ("Model calls", _calls(size, config)),
        ("Topics model", topics.llm.name),
        ("Samples model", config.generation.llm.name),
        ("Quality", _quality(config.quality)),
        ("Dataset", output.save_as),
    )
    return "\n".join(labelled(name, text, _LABEL, width) for name, text in (*lines, *more))


def exports_fact(job: Job) -> Iterator[tuple[str, str]]:
    """Yield what the dataset is exported as, if it is.

    Raises:
        ConfigError: an export can't be made as it is asked for.
    """
    if told := exports_in_words(job):
        yield "Exports", told


def largeness(config: Config) -> list[str]:
    """Return a sentence if a run is so large that it has to be confirmed."""
    size = size_of(config)
    return [f"{size}; a run of it asks first, or wants --yes."] if size.is_large else []


def _calls(size: Size, config: Config) -> str:
    topics, samples = digits(size.expansions), digits(size.samples * size.draws)
    judging = f", {digits(size.samples * size.judgements)} for judging" if size.judgements else ""
    if not config.uses_tools:
        return f"{digits(size.calls)} at least: {topics} for topics, {samples} for samples{judging}"
    most = digits(size.samples * (1 + config.tools.max_agent_steps))
    return f"{digits(size.calls)} at least: {topics} for topics, and for samples one a step, {most} at most{judging}"


def _quality(quality: Quality) -> str:
    """Return which gates samples have to pass."""
    if quality.is_off:
        return "off: every sample is accepted"
    judges = [judge.llm.name for judge in quality.all_judges]
    gates = (
        "" if quality.checks in ("none", []) else "default checks" if quality.checks == "default" else "chosen checks",
        "duplicates" if quality.duplicates else "",
        f"contamination by {counted(len(quality.contamination.against), 'set')}" if quality.contamination else "",
        f"{'judge' if len(judges) == 1 else 'judges'} {', '.join(judges)}" if judges else "",
        f"the best of {quality.compare.best_of}" if quality.compare else "",
    )
    often = f"made again up to {counted(quality.attempts, 'time')}, then " if quality.attempts else "else "
    again = f"{often}{_AFTER[quality.on_exhausted]}"
    return f"{'; '.join(filter(None, gates))}; {again}"


# What becomes of a sample that isn't accepted in the last attempt.
_AFTER = {"drop": "left out", "keep": "kept all the same"}


def _kind(config: Config) -> str:
    conversation = config.generation.conversation
    if config.uses_tools:
        return "conversations with tools"
    return "conversations with reasoning" if conversation.type == "cot" else "conversations"
