"""What each kind of call of a run is expected to take, reckoned from the requests that the run would make."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from deepfabric_core.amounts import Amounts, Expected, Range
from deepfabric_core.chat.messages import Reply, Request
from deepfabric_core.chat.tools import Tool, ToolUse
from deepfabric_core.config.judge import Judge, JudgesConfig
from deepfabric_core.config.llm import Llm
from deepfabric_core.config.schema import Config
from deepfabric_core.errors import ReplyError
from deepfabric_core.llm.prices import costs_nothing, prices_of
from deepfabric_core.llm.wrappers.token_bounds import PromptBounds, ReplyLengths
from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.judge.comparison import Comparing
from deepfabric_core.quality.judge.rubric import rubric_of
from deepfabric_core.quality.judge.scoring import Scoring
from deepfabric_core.run.estimate.pricing import price_of, shortest_cached
from deepfabric_core.samples.estimate import reply_lengths
from deepfabric_core.samples.estimate.ranges import NOTHING, scaled, shifted, together
from deepfabric_core.samples.estimate.reckoning import ZERO, Price, call, in_all, many, rescaled
from deepfabric_core.samples.estimate.token_count import prompt_tokens, schema_tokens, shared_tokens
from deepfabric_core.samples.recipes import recipe_for
from deepfabric_core.samples.recipes.recipe import Brief, Recipe
from deepfabric_core.topics.grow import Expansion, expand
from deepfabric_core.topics.prompts import Candidate as Link
from deepfabric_core.topics.prompts import shown_candidates

# Made-up texts, about as long as real ones.
_WORDS = "This sentence stands here for one that a model will write. "
_NAME = "A part of the subject {number}"
QUESTION_CHARACTERS = 180
_REMEMBERED_QUESTIONS, _REMEMBERED_CHARACTERS = 5, 200
_RESULT_TOKENS = 120.0
_CHARACTERS_A_TOKEN = 4

# The prompt of a real model, by what was counted: other vocabularies, and a schema that the provider adds or not.
_FEWER, _MORE = 0.85, 1.2
_SCHEMA = Range(0.0, 0.7, 1.3)
# What prompts have in common is in the provider's cache most of the time.
_FOUND_CACHED = 0.8
# How many steps with tools an agent takes, unless fewer are allowed.
_STEPS = (1, 2, 4)


@dataclass(frozen=True, slots=True)
class CallKinds:
    """What calls are expected to take.

    `expansions` has the calls that ask for subtopics, by level; `sample` is a whole sample, of an agent with all its
    steps; `repair` is None if no reply is asked for again. `scores` are those of all judges for one sample,
    `comparisons` those of all judges of two samples. `longer_prompt` says how many tokens more the prompt of a later
    cycle has than that of the first, by the cycle and the characters of a question.
    """

    expansions: tuple[Expected, ...]
    sample: Expected
    repair: Expected | None
    scores: Expected
    comparisons: Expected
    longer_prompt: Callable[[int, float], float]
    sample_price: Price | None
    topics_price: Price | None


def kinds_of_calls(config: Config, tools: tuple[Tool, ...] = ()) -> CallKinds:
    """Return what the calls of a run of this config are expected to take.

    `tools` are those of an agent. Nothing is called, and no text is copied: the requests are those of the run.
    """
    recipe, generation = recipe_for(config, tools), config.generation
    first = _first(recipe, _brief(config, 0))
    return CallKinds(
        expansions=tuple(_expansion(config, level) for level in range(config.topics.depth)),
        sample=_agent(config, recipe) if config.uses_tools else _sample(config, recipe),
        repair=_repair(config, recipe),
        scores=in_all([_scores(config, judge) for judge in config.quality.all_judges], by_chance=False),
        comparisons=in_all([_comparison(config, judge) for judge in config.quality.all_judges], by_chance=False),
        longer_prompt=_longer_prompt(config, recipe, prompt_tokens(first)),
        sample_price=price_of(generation.llm),
        topics_price=price_of(config.topics.llm),
    )


def next_call_at_most(config: Config, *, of_topics: bool, tools: tuple[Tool, ...] = ()) -> Amounts:
    """Return the most that the first call of a session may take: so much of a budget has to be left for it."""
    if of_topics:
        settings, request = config.topics.llm, next(expand(_made_up(config, 0, "one"), config.topics))
    else:
        settings, request = config.generation.llm, _first(recipe_for(config, tools), _brief(config, 0))
    lengths = ReplyLengths()
    prompt, reply = PromptBounds().most(request), lengths.most(lengths.limits(request, request.max_tokens)[-1])
    return Amounts(prices_of(settings).most(prompt, reply), prompt + reply, 1)


# ---- topics


def _expansion(config: Config, level: int) -> Expected:
    settings = config.topics
    one, other = (next(expand(_made_up(config, level, branch), settings)) for branch in ("one", "other"))
    linked = settings.mode == "graph" and settings.prompt_style == "default" and level > 0
    length = reply_lengths.of_topics(settings, linked=linked)
    return _call(settings.llm, one, other, length)


def _made_up(config: Config, level: int, branch: str) -> Expansion:
    """Return an expansion of a topic at a level, with its siblings; in a graph with topics to link to."""
    settings = config.topics
    names = [_NAME.format(number=f"{branch} {number}") for number in range(settings.degree)]
    path = (settings.prompt, *[names[0]] * level)
    if not level:
        return Expansion("0", path)
    links: tuple[Link, ...] = ()
    if settings.mode == "graph" and settings.prompt_style == "default":
        links = shown_candidates(Link(name, name) for name in names[1:] * level)
    return Expansion("0", path, tuple(names[1:]), links)


# ---- samples


def _brief(config: Config, cycle: int, branch: str = "one", question: float = QUESTION_CHARACTERS) -> Brief:
    names = [_NAME.format(number=f"{branch} {level}") for level in range(config.topics.depth)]
    earlier = ((_WORDS * _REMEMBERED_QUESTIONS)[: round(question)],) * min(cycle, _REMEMBERED_QUESTIONS)
    return Brief((config.topics.prompt, *names), cycle, earlier)


def _first(recipe: Recipe, brief: Brief) -> Request:
    return _as_request(next(recipe(brief)))


def _as_request(step: Request | ToolUse) -> Request:
    if not isinstance(step, Request):
        raise TypeError("a recipe begins with a request")
    return step


def _sample(config: Config, recipe: Recipe) -> Expected:
    one, other = (_first(recipe, _brief(config, 0, branch)) for branch in ("one", "other"))
    return _call(config.generation.llm, one, other, reply_lengths.of_sample(config))


def _repair(config: Config, recipe: Recipe) -> Expected | None:
    """Return what it takes to ask again after a reply that is nearly right; None if nothing is asked again."""
    length, settings = reply_lengths.of_sample(config), config.generation.llm
    asking = recipe(_brief(config, 0))
    next(asking)
    with suppress(ReplyError, StopIteration):
        asked = _as_request(asking.send(Reply("{" + _text(length.likely), settings.model)))
        return _call(settings, asked, asked, length)
    return None


def _agent(config: Config, recipe: Recipe) -> Expected:
    """Return what an agent takes: a call for the task, one for each step with tools, and one for the answer."""
    brief, settings = _brief(config, 0), config.generation.llm
    asking = recipe(brief)
    task = _as_request(next(asking))
    question = json.dumps({"question": _text(QUESTION_CHARACTERS / _CHARACTERS_A_TOKEN)})
    work = task
    with suppress(ReplyError, StopIteration):  # a recipe that refuses the made-up task has a prompt of its length
        work = _as_request(asking.send(Reply(question, settings.model)))
    step, answer = reply_lengths.of_agent_steps(config)
    prompt = _prompt(settings, work)
    most = min(config.tools.max_agent_steps, config.tools.max_per_query)
    price = price_of(settings)
    first = _call(settings, task, _first(recipe, _brief(config, 0, "other")), reply_lengths.of_sample(config))
    parts = [_steps(min(steps, most), prompt, step, answer, price) for steps in _STEPS]
    return in_all([first, _from_to(*parts)], by_chance=False)


def _steps(steps: int, prompt: Range, step: Range, answer: Range, price: Price | None) -> Expected:
    """Return what an agent takes for a number of steps and the answer; each prompt holds the steps before it."""
    grown = [shifted(prompt, number * (step.likely + _RESULT_TOKENS)) for number in range(steps + 1)]
    calls = [call(one, answer if number == steps else step, price) for number, one in enumerate(grown)]
    return in_all(calls, by_chance=False)


def _from_to(low: Expected, likely: Expected, high: Expected) -> Expected:
    """Return the expectation whose bounds are those of the fewest and the most steps."""

    def span(name: str) -> Range:
        return Range(getattr(low, name).low, getattr(likely, name).likely, getattr(high, name).high)

    cost = None if likely.cost is None else span("cost")
    return Expected(span("calls"), span("prompt_tokens"), span("completion_tokens"), span("tokens"), cost)


def _longer_prompt(config: Config, recipe: Recipe, first: float) -> Callable[[int, float], float]:
    @cache
    def longer(cycle: int, question: float) -> float:
        if not cycle:
            return 0.0
        brief = _brief(config, min(cycle, _REMEMBERED_QUESTIONS), question=min(question, _REMEMBERED_CHARACTERS))
        return prompt_tokens(_first(recipe, brief)) - first

    return longer


# ---- judging


def _scores(config: Config, judge: Judge) -> Expected:
    return _call_for_scores(judge, config, (_candidate(config, "one"), _candidate(config, "other")))


def _call_for_scores(judge: Judge, config: Config, pair: tuple[Candidate, Candidate]) -> Expected:
    """Return what it takes to have the first of two samples scored."""
    rubric = rubric_of(judge, config)
    scoring = Scoring(rubric, judge.max_tokens, judge.reply_retries)
    one, other = (scoring.request(candidate) for candidate in pair)
    length = reply_lengths.of_scores(len(rubric.criteria), judge.llm.model, judge.max_tokens)
    return _call(judge.llm, one, other, length)


def expected_scores(judges: JudgesConfig, config: Config, candidates: Sequence[Candidate]) -> Expected:
    """Return what it takes to have each of these samples scored by each judge; there is at least one sample."""
    return in_all(
        [
            _call_for_scores(judge, config, (one, candidates[place - 1]))
            for judge in judges.all_judges
            for place, one in enumerate(candidates)
        ],
        by_chance=True,
    )


def _comparison(config: Config, judge: Judge) -> Expected:
    comparing = Comparing(rubric_of(judge, config), judge.max_tokens, judge.reply_retries)
    one, other = (comparing.request(*[_candidate(config, branch)] * 2) for branch in ("one", "other"))
    return _call(judge.llm, one, other, reply_lengths.of_comparison(judge.llm.model, judge.max_tokens))


def comparisons_of(best_of: int, kinds: CallKinds) -> Expected:
    """Return what it takes to compare each two of several samples in both orders."""
    return rescaled(kinds.comparisons, best_of * (best_of - 1)) if best_of > 1 else ZERO


def _candidate(config: Config, branch: str) -> Candidate:
    """Return a made-up sample, about as long as a real one."""
    path = _brief(config, 0, branch).path
    if config.output.format == "custom":
        text = _text(reply_lengths.of_sample(config).likely)
        return Candidate("", "", path=path, fields={"text": text}, record={"text": text})
    _, answer = reply_lengths.of_agent_steps(config)
    length = answer if config.uses_tools else reply_lengths.of_sample(config)
    question = f"{branch} {_WORDS * _REMEMBERED_QUESTIONS}"[:QUESTION_CHARACTERS]
    return Candidate(question, _text(length.likely), path=path)


def _text(tokens: float) -> str:
    length = round(tokens * _CHARACTERS_A_TOKEN)
    return (_WORDS * (length // len(_WORDS) + 1))[:length]


# ---- any call


def _call(settings: Llm, one: Request, other: Request, length: Range) -> Expected:
    """Return what a call takes; what two requests have in common may be in the provider's cache."""
    shared = shared_tokens(one, other)
    is_cached = shared >= shortest_cached(settings)
    cached = Range(0.0, _FOUND_CACHED * shared, shared) if is_cached else NOTHING
    return call(_prompt(settings, one), length, price_of(settings), cached)


def _prompt(settings: Llm, request: Request) -> Range:
    tokens = prompt_tokens(request)
    counted = Range(tokens * _FEWER, tokens, tokens * _MORE)
    return counted if costs_nothing(settings) else together((counted, scaled(_SCHEMA, schema_tokens(request))))


def expected_of_expansions(kinds: CallKinds, left: tuple[float, ...]) -> Expected:
    """Return what expansions are expected to take, of which so many are left on each level."""
    each = zip(left, kinds.expansions, strict=True)
    return in_all([many(Range(number, number, number), kind) for number, kind in each], by_chance=False)
