"""The estimate of a job: what the whole run is expected to take, by what its calls are for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from deepfabric_core.amounts import PURPOSES, Amounts, Expected, Purpose, Range
from deepfabric_core.chat.tools import Tool
from deepfabric_core.config.llm import Llm
from deepfabric_core.config.schema import Config
from deepfabric_core.errors import ConfigError
from deepfabric_core.llm.prices import costs_nothing
from deepfabric_core.run.budget import check_budget, check_spent
from deepfabric_core.run.estimate.budget_fit import BudgetFit, fit_of, spent_besides
from deepfabric_core.run.estimate.call_kinds import (
    QUESTION_CHARACTERS,
    CallKinds,
    comparisons_of,
    expected_of_expansions,
    kinds_of_calls,
    next_call_at_most,
)
from deepfabric_core.run.estimate.measured import Measured, measured, sum_of
from deepfabric_core.run.estimate.pricing import price_of
from deepfabric_core.run.estimate.run_time import seconds_by_purpose, whole_time
from deepfabric_core.run.job import Job
from deepfabric_core.run.plan_size import Size, size_of_job
from deepfabric_core.samples.estimate.ranges import NOTHING, Rate, events, scaled, shifted
from deepfabric_core.samples.estimate.reckoning import (
    ZERO,
    Taken,
    after,
    in_all,
    like,
    many,
    rescaled,
    with_longer_prompts,
)
from deepfabric_core.store.budget_ledger import Sum
from deepfabric_core.store.topics_file import load_topics
from deepfabric_core.topics.model import Topics

# How often a sample's reply is asked for again, and how often a sample isn't accepted, before any was seen.
_REPAIRS = Rate(0.03, 7.0)
_REFUSED = Rate(0.02, 7.0)
_REFUSED_BY_JUDGES = Rate(0.2, 5.0)
# Expansions that are asked for again, since names were missing.
_ASKED_AGAIN = Range(1.0, 1.03, 1.3)
# How much expansions differ in what they take: less than samples.
_VARIATION_OF_EXPANSIONS = 0.3
_LATER_CYCLES = 5


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run of a `size` is expected to take: in all, and by purpose.

    `spent` is what it took already, which is in all figures, exactly. `unpriced` are those of the `models` whose price
    isn't known; `is_free` says that none of them costs anything, `is_complete` that nothing is left to do. `budget`
    tells how far the config's budget goes, or is None if there is none.
    """

    total: Expected
    by_purpose: Mapping[Purpose, Expected]
    size: Size
    spent: Amounts = field(default_factory=Amounts)
    unpriced: tuple[str, ...] = ()
    is_free: bool = False
    models: tuple[Llm, ...] = ()
    is_complete: bool = False
    budget: BudgetFit | None = None

    @property
    def samples(self) -> int:
        """How many samples the whole run makes."""
        return self.size.samples


def estimate(job: Job, *, topics: Topics | None = None, tools: tuple[Tool, ...] | None = None) -> Estimate:
    """Return what the job's whole run is expected to take. No call is made.

    It is reckoned from the requests that the run would make and, if an earlier session left an unfinished run that the
    job would go on with, from what that one took.

    Args:
        job: what the run is asked to do.
        topics: its topics, if they are known.
        tools: those of an agent; by default those whose definitions are known without starting a server.

    Raises:
        ConfigError: the files of the unfinished run, or the topics that the job loads, can't be read.
    """
    size, known = work_of(job, topics)
    tools = known_tools(job.config) if tools is None else tools
    found = reckoned(job.config, size, known, tools)
    return replace(found, budget=_budget_fit(job, found, known, tools))


def _budget_fit(job: Job, found: Estimate, known: Measured, tools: tuple[Tool, ...]) -> BudgetFit | None:
    settings, spent, size = job.config.budget, known.spent, found.size
    if settings.is_unlimited:
        return None
    own = Sum(spent.cost or 0.0, round(spent.tokens), round(spent.calls))
    besides = spent_besides(settings, known.run_id, own)
    refusal = ""
    try:
        check_budget(job)
        check_spent(settings, besides.unpriced)
    except ConfigError as problem:
        refusal = str(problem)
    call = next_call_at_most(job.config, of_topics=bool(size.expansions), tools=tools)
    limits = tuple(fit_of(settings.limits, besides, found.total, size.samples, found.spent, call))
    return BudgetFit(limits, settings.name or "", refusal)


def known_tools(config: Config) -> tuple[Tool, ...]:
    """Return the tools of an agent whose definitions are known without starting a server; none without an agent.

    Raises:
        ConfigError: a definition can't be used.
    """
    if not config.uses_tools:
        return ()
    from deepfabric_core.tools.toolbox import defined_tools

    return defined_tools(config)


def work_of(job: Job, topics: Topics | None = None) -> tuple[Size, Measured]:
    """Return the size of a job, and what its unfinished run took."""
    config = job.config
    prices = {"topics": price_of(config.topics.llm), "samples": price_of(config.generation.llm)}
    known = measured(job, prices) or Measured()
    if topics is None and job.topics_load is not None:
        topics = load_topics(job.topics_load)[0]
    return _size(job, topics, known), known


def reckoned(config: Config, size: Size, known: Measured, tools: tuple[Tool, ...] = ()) -> Estimate:
    """Return what a run of this size is expected to take, after what was measured."""
    work = _Work(config, size, known, kinds_of_calls(config, tools))
    rest = work.by_purpose()
    whole = after(known.spent, work.in_all(rest))
    seconds = seconds_by_purpose(config, rest, work.seconds_a_call)
    time = shifted(whole_time(config, rest, seconds), known.seconds)
    spent = _spent_by_purpose(known)
    each = {
        purpose: replace(after(spent[purpose], expected), seconds=seconds[purpose])
        for purpose, expected in rest.items()
        if expected is not ZERO or spent[purpose].calls
    }
    topics = each.get("topics", ZERO)
    of_topics = Amounts(
        topics.cost.likely if topics.cost else None,
        round(topics.tokens.likely),
        round(topics.calls.likely),
        seconds["topics"].likely,
    )
    models = _models(config, size)
    return Estimate(
        total=replace(whole, seconds=time, rests_on=len(known.draws), topics=of_topics),
        by_purpose=each,
        size=size,
        spent=_as_amounts(known.spent, known.seconds),
        unpriced=tuple(dict.fromkeys(one.name for one in models if price_of(one) is None)),
        is_free=all(map(costs_nothing, models)),
        models=tuple(models),
        is_complete=0 < whole.calls.high <= known.spent.calls,
    )


def _size(job: Job, topics: Topics | None, known: Measured) -> Size:
    size = size_of_job(job, topics)
    if topics is None and known.leaves is not None:
        samples = 0 if job.topic_only else job.samples_of(known.leaves)
        size = replace(size, expansions=0, leaves=known.leaves, samples=samples)
    return size


def _models(config: Config, size: Size) -> list[Llm]:
    topics = [config.topics.llm] if size.expansions else []
    samples = [config.generation.llm, *(judge.llm for judge in config.quality.all_judges)] if size.samples else []
    return [*topics, *samples]


def _as_amounts(taken: Taken, seconds: float) -> Amounts:
    return Amounts(taken.cost, round(taken.tokens), round(taken.calls), seconds)


def _spent_by_purpose(known: Measured) -> dict[Purpose, Taken]:
    """Return what was spent for each purpose; of a long log it is reckoned from the part that was read."""
    told = known.told.tokens
    unread = 1.0 if known.is_whole or not told else known.spent.tokens / told
    return {purpose: taken.shared(unread) for purpose, taken in _told_by_purpose(known).items()}


def _told_by_purpose(known: Measured) -> dict[Purpose, Taken]:
    return {
        "topics": sum_of(taken for _, taken in known.expansions),
        "samples": sum_of(draw.taken for draw in known.draws),
        "repairs": sum_of(known.repairs),
        "refused samples": sum_of(known.refused),
        "judge": sum_of((*known.judged, *known.judged_refused)),
    }


@dataclass(frozen=True, slots=True)
class _Work:
    """What is left to do of a run, and what is known of its calls."""

    config: Config
    size: Size
    known: Measured
    kinds: CallKinds

    def by_purpose(self) -> dict[Purpose, Expected]:
        """Return what is still to be done for each purpose."""
        parts = (self._topics, self._samples, self._repairs, self._refused, self._judge)
        return dict(zip(PURPOSES, (part() for part in parts), strict=True))

    def in_all(self, rest: Mapping[Purpose, Expected]) -> Expected:
        """Return all that is still to be done.

        Accepted and refused samples are taken together, and with what judges take of each, since a wrong length or a
        wrong number of them is wrong for all of it.
        """
        by_chance, made = bool(self.known.draws), ZERO
        if self._draws:
            each = in_all([self._draw, self._judging], by_chance=by_chance)
            made = many(shifted(self._refusals, self._draws), each)
        parts = [made, rest["topics"], rest["repairs"], self._failing()]
        return _with_more_calls(in_all(parts, by_chance=by_chance), self._retries)

    @property
    def seconds_a_call(self) -> float | None:
        """Seconds for each call that earlier sessions took, if as many had been made at once as will be."""
        known, width = self.known, self.config.output.batch_size
        if not known.settled or not known.spent.calls or not known.seconds:
            return None
        return known.seconds / known.spent.calls * min(1.0, known.settled / width)

    # ---- how many

    @property
    def _left(self) -> int:
        return max(0, self.size.samples - self.known.settled)

    @property
    def _draws(self) -> int:
        return self._left * self.size.draws

    @property
    def _refusals(self) -> Range:
        """How many samples that aren't accepted are still to come."""
        quality = self.config.quality
        if quality.is_off:
            return NOTHING
        before = _REFUSED_BY_JUDGES if quality.all_judges else _REFUSED
        return events(len(self.known.refused), len(self.known.draws), self._draws, before)

    @property
    def _retries(self) -> float:
        """How many calls are made for one that is answered."""
        answered = self.known.told.calls
        is_known = answered and self.known.is_whole and not self.known.failed
        return max(1.0, self.known.spent.calls / answered) if is_known else 1.0

    # ---- what each takes

    @property
    def _draw(self) -> Expected:
        """A sample that is still to be made."""
        longer = self._longer_prompts()
        if self.known.draws:
            each = like([draw.taken for draw in self.known.draws], max(1, self._draws))
        else:
            each = self.kinds.sample
        return with_longer_prompts(each, longer, self.kinds.sample_price) if longer else each

    @property
    def _judging(self) -> Expected:
        """What judges take of each sample, with its part of the comparisons."""
        draws, known = self.size.draws, self.known
        if not self.size.judgements:
            return ZERO
        if known.judged:
            return rescaled(like(known.judged, max(1, self._left)), 1 / draws)
        compared = rescaled(comparisons_of(draws, self.kinds), 1 / draws)
        return in_all([self.kinds.scores, compared], by_chance=False)

    def _longer_prompts(self) -> float:
        """Return how many tokens the prompts that are still to come are longer than those of the draws so far."""
        leaves = max(1, self.size.leaves)
        if self.size.samples <= leaves or not self._left:
            return 0.0
        question = self.known.question_characters or QUESTION_CHARACTERS

        def longer(cycle: int) -> float:
            return self.kinds.longer_prompt(min(cycle, _LATER_CYCLES), question)

        of_all = sum(longer(cycle) * _in_cycle(cycle, self.size.samples, leaves) for cycle in range(_LATER_CYCLES))
        beyond = max(0, self.size.samples - _LATER_CYCLES * leaves)
        of_all += beyond * longer(_LATER_CYCLES)
        done = sum(longer(draw.cycle) for draw in self.known.draws)
        number = max(1, len(self.known.draws))
        return (of_all - done * self.known.settled / number) / self._left - done / number

    # ---- the purposes

    def _topics(self) -> Expected:
        depth, degree = self.config.topics.depth, self.config.topics.degree
        if not self.size.expansions:
            return ZERO
        done = [sum(level == place for level, _ in self.known.expansions) for place in range(depth)]
        left = tuple(float(max(0, degree**level - done[level])) for level in range(depth))
        guess = expected_of_expansions(self.kinds, left)
        number = sum(left)
        if not number or not self.known.expansions:
            return many(_ASKED_AGAIN, guess) if number else ZERO
        each = like([taken for _, taken in self.known.expansions], number, _VARIATION_OF_EXPANSIONS)
        before = sum(one * kind.prompt_tokens.likely for one, kind in zip(done, self.kinds.expansions, strict=True))
        longer = guess.prompt_tokens.likely / number - before / max(1, sum(done))
        return many(Range.exactly(number), with_longer_prompts(each, longer, self.kinds.topics_price))

    def _samples(self) -> Expected:
        return many(Range.exactly(self._draws), self._draw)

    def _repairs(self) -> Expected:
        if self.kinds.repair is None:
            return ZERO
        seen, among = len(self.known.repairs), len(self.known.draws) + len(self.known.refused)
        number = _perhaps_one(events(seen, among, self._draws + self._refusals.likely, _REPAIRS))
        if self.known.repairs:
            return many(number, like(self.known.repairs, max(1.0, number.likely)))
        if not self.known.draws:
            return many(number, self.kinds.repair)
        each = self._draw  # with the refused reply in the prompt
        return many(number, with_longer_prompts(each, each.completion_tokens.likely, self.kinds.sample_price))

    def _refused(self) -> Expected:
        number = _perhaps_one(self._refusals)
        if not self.known.refused:
            return many(number, self._draw)
        return many(number, like(self.known.refused, max(1.0, number.likely)))

    def _judge(self) -> Expected:
        if not self.size.judgements or not self._draws:
            return ZERO
        return many(shifted(self._refusals, self._draws), self._judging)

    def _failing(self) -> Expected:
        """Return what samples take that come to nothing, after those that did so far."""
        known = self.known
        if not known.failed or not self._left or not known.is_whole:
            return ZERO
        lost = known.spent.without(known.told)
        number = events(known.failed, known.settled, self._left, _REPAIRS)
        return many(number, like([lost.shared(1 / known.failed)], max(1.0, number.likely)))


def _perhaps_one(number: Range) -> Range:
    """Return a number whose range holds a whole one, if one is possible."""
    return Range(number.low, number.likely, max(1.0, number.high)) if number.likely > 0 else number


def _in_cycle(cycle: int, samples: int, leaves: int) -> int:
    return min(leaves, max(0, samples - cycle * leaves))


def _with_more_calls(expected: Expected, factor: float) -> Expected:
    """Return an expectation with so many times as many calls."""
    return replace(expected, calls=scaled(expected.calls, factor))
