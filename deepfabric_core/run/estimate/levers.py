"""What would cost less: each change is reckoned like the config itself, and the largest savings are told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from deepfabric_core.chat.tools import Tool
from deepfabric_core.config.llm import Llm
from deepfabric_core.config.schema import Config
from deepfabric_core.run.estimate.estimate import Estimate, known_tools, reckoned
from deepfabric_core.run.estimate.measured import Measured
from deepfabric_core.run.estimate.pricing import smaller_models
from deepfabric_core.run.job import Job
from deepfabric_core.run.plan_size import Size, size_of

_TOLD = 3
_LEAST_SHARE = 0.01
# Of the cost, for fewer topics to be worth telling.
_LARGE_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Lever:
    """A change of the config, and the US dollars that it saves."""

    what: str
    saves: float


def levers(job: Job, estimate: Estimate) -> tuple[Lever, ...]:
    """Return the changes that save most of what is still to be spent, the largest first; at most three.

    What a change saves is its share of what the config takes without any sample, of what is still expected now.
    """
    config, size = job.config, estimate.size
    tools = known_tools(config)
    cost = estimate.total.cost
    if cost is None or not cost.likely or estimate.is_complete:
        return ()
    left = cost.likely - (estimate.spent.cost or 0.0)
    now = _cost(config, size, tools)
    found = []
    changes = [*_changes(config, size)]
    if not estimate.spent.calls and (estimate.total.topics.cost or 0.0) >= _LARGE_SHARE * cost.likely:
        changes += _fewer_topics(config, size)
    for what, changed in changes:
        then = _cost(changed, size, tools)
        if now and then is not None and then < now:
            found.append(Lever(what, left * (1 - then / now)))
    worth_it = [lever for lever in found if lever.saves >= _LEAST_SHARE * left]
    return tuple(sorted(worth_it, key=lambda lever: -lever.saves)[:_TOLD])


def _cost(config: Config, size: Size, tools: tuple[Tool, ...]) -> float | None:
    of_config = size_of(config)
    leaves = of_config.leaves if size.expansions else size.leaves
    changed = Size(size.topics, size.expansions, leaves, size.samples, of_config.draws, of_config.judgements)
    cost = reckoned(config, changed, Measured(), tools).total.cost
    return None if cost is None else cost.likely


def _changes(config: Config, size: Size) -> Iterator[tuple[str, Config]]:
    if size.expansions and (smaller := _smaller(config.topics.llm)):
        yield f"{smaller.model} for topics", _with_section(config, "topics", smaller)
    if smaller := _smaller(config.generation.llm):
        yield f"{smaller.model} for samples", _with_section(config, "generation", smaller)
    yield from _changes_of_judging(config)


def _fewer_topics(config: Config, size: Size) -> Iterator[tuple[str, Config]]:
    """Yield the least depth with which there are still leaves enough for the samples; else the least degree."""
    topics, wanted = config.topics, config.output.num_samples
    if not size.expansions or not isinstance(wanted, int):  # else fewer leaves are fewer samples
        return
    for name, now in (("depth", topics.depth), ("degree", topics.degree)):
        for fewer in range(1, now):
            changed = config.model_copy(update={"topics": topics.model_copy(update={name: fewer})})
            if size_of(changed).leaves >= wanted:
                yield f"fewer topics, by {name} {fewer} instead of {now}", changed
                return


def _smaller(settings: Llm) -> Llm | None:
    return next(smaller_models(settings), None)


def _with_section(config: Config, name: str, llm: Llm) -> Config:
    section = getattr(config, name).model_copy(update={"llm": llm})
    return config.model_copy(update={name: section})


def _changes_of_judging(config: Config) -> Iterator[tuple[str, Config]]:
    quality = config.quality
    if quality.judge is not None and (smaller := _smaller(quality.judge.llm)):
        judge = quality.judge.model_copy(update={"llm": smaller})
        yield f"{smaller.model} as judge", _with_quality(config, judge=judge)
    if quality.compare is not None:
        fewer = quality.compare.best_of - 1
        compare = quality.compare.model_copy(update={"best_of": fewer}) if fewer > 1 else None
        what = f"the best of {fewer} instead of {fewer + 1}" if fewer > 1 else "one sample for each place, not the best"
        yield what, _with_quality(config, compare=compare)
    elif quality.all_judges:
        yield "no judge", _with_quality(config, judge=None, judges=[])


def _with_quality(config: Config, **update: object) -> Config:
    return config.model_copy(update={"quality": config.quality.model_copy(update=update)})
