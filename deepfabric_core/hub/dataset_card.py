"""The text of a dataset's card: what the dataset is, how it was made, what is known to be wrong, how to load it.

It tells nothing of the machine that made it: no address, path, key or user.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deepfabric_core.config.schema import Config
from deepfabric_core.hub.card_head import are_conversations
from deepfabric_core.hub.local_places import without_place
from deepfabric_core.hub.markdown import block, plain, section, table
from deepfabric_core.hub.publication import DEFAULT, PICTURE, DataConfig
from deepfabric_core.redaction import without_lookalikes
from deepfabric_core.wording import are, counted, digits, money, were

Report = Mapping[str, Any]

# What a report calls records that aren't like ours.
_OWN_SCHEMA = "own schema"
_MOST_BRANCHES = 30
_MOST_REASONS = 15
_LONGEST_PROMPT = 4000
_PARTS = {"question": "question", "reasoning": "reasoning", "answer": "answer", "sample": "whole sample"}
# A card that was written by hand, or has something added, keeps that below this line.
KEPT_BELOW = "<!-- What stands below this line is kept when the dataset is uploaded again. -->"


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What the card tells.

    `subject` is what the topics were grown from, `system_prompt` that of the samples, `sample` one of them as text;
    each is "" where it isn't known. `made_on` is a day, such as 2026-11-30. `place` is the dataset's name where it is
    loaded from. `license` is an identifier.
    """

    name: str
    place: str
    made_on: str
    report: Report
    configs: tuple[DataConfig, ...]
    subject: str = ""
    system_prompt: str = ""
    sample: str = ""
    description: str = ""
    license: str | None = None
    run: Config | None = None
    has_picture: bool = False
    is_on_kaggle: bool = False


def card_text(facts: CardFacts) -> str:
    """Return the text below the card's head."""
    parts = (
        f"# {plain(facts.name)}\n\n",
        _warning(facts.report),
        _about(facts),
        section("What is in it", _files(facts), _kinds(facts.report), _lengths(facts.report)),
        section("How it was made", *_making(facts)),
        section("What was accepted", *_acceptance(facts)),
        section("Topics", *_topics(facts)),
        section("A sample", block(without_lookalikes(facts.sample)) if facts.sample else ""),
        section("Limits and known defects", _list(_limits(facts))),
        section("How to load it", *_loading(facts)),
        section("Licence", _license(facts.license)),
    )
    return "".join(parts)


def _list(sentences: Iterable[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)


def _warning(report: Report) -> str:
    simulated, samples = report["making"]["simulated"], report["samples"]
    if not simulated:
        return ""
    how_many = "All samples" if simulated == samples else f"{digits(simulated)} of {counted(samples, 'sample')}"
    return (
        "> [!WARNING]\n"
        f"> **SIMULATED DATA.** {how_many} in it come from a simulated model, which makes texts up to try things out. "
        "No language model wrote them, they say nothing true, and **nothing should be trained on them**.\n\n"
    )


def _about(facts: CardFacts) -> str:
    report = facts.report
    topics = report["topics"]["covered"]
    over = f" over {counted(topics, 'topic')}" if topics else ""
    on = f" on *{plain(_shown(facts.subject), 300)}*" if facts.subject else ""
    kinds = "conversations" if are_conversations(report) else "records"
    text = f"{counted(report['samples'], 'synthetic sample')}{on}{over}: {kinds} for fine-tuning language models."
    own = f"{plain(_shown(facts.description), 2000)}\n\n" if facts.description else ""
    return f"{own}{text}\n\n"


def _shown(text: str) -> str:
    return without_lookalikes(text)


# ---- what is in it


def _files(facts: CardFacts) -> str:
    rows = [
        (
            f"`{config.name}`",
            plain(config.what),
            split.name,
            digits(split.rows),
            digits(len(split.files)),
            _size(split.stored),
        )
        for config in facts.configs
        for split in config.splits
    ]
    return table(("configuration", "what", "split", "rows", "files", "size"), rows, numbers=3)


def _size(number: int) -> str:
    for unit in ("B", "kB", "MB"):
        if number < 1000:  # noqa: PLR2004 - the step between units
            return f"{number:.3g} {unit}" if unit != "B" else f"{number} B"
        number = number / 1000  # type: ignore[assignment]
    return f"{number:.3g} GB"


def _kinds(report: Report) -> str:
    other = "conversations of another shape" if are_conversations(report) else _OWN_SCHEMA
    named = ((kind["name"].replace(_OWN_SCHEMA, other), kind["samples"]) for kind in report["making"]["kinds"])
    kinds = ", ".join(f"{plain(name)} ({digits(count)})" for name, count in named)
    languages = ", ".join(f"{plain(one['title'])} ({digits(one['count'])})" for one in report["languages"][:10])
    lines = [f"Kinds of samples: {kinds}."] if kinds else []
    return "  \n".join([*lines, f"Languages, as recognized by a program: {languages}."] if languages else lines)


def _lengths(report: Report) -> str:
    rows = [
        (title, *(digits(round(found[key])) for key in ("min", "median", "p95", "max", "sum")))
        for part, title in _PARTS.items()
        if (found := report["lengths"].get(part)) and found["count"]
    ]
    if not rows:
        return ""
    by = plain(str(report["tokens"]["counted_by"]))
    return f"Lengths in tokens, counted by {by}:\n\n" + table(
        ("", "min", "median", "95 %", "max", "sum"), rows, numbers=5
    )


# ---- how it was made


def _making(facts: CardFacts) -> Iterator[str]:
    rows = [(plain(what), text) for what, text in _facts(facts) if text]
    yield table(("", ""), rows)
    for what, text in _prompts(facts):
        if text.strip():
            yield f"{what}:\n\n{block(_shown(text), _LONGEST_PROMPT)}"


def _facts(facts: CardFacts) -> Iterator[tuple[str, str]]:
    making, run = facts.report["making"], facts.run
    yield "Made on", facts.made_on
    yield "Models", ", ".join(f"{_model(one['name'])} ({digits(one['samples'])})" for one in making["models"])
    if run:
        yield "Provider", _provider(run)
        yield "Topics", _grown(run)
        yield (
            "Temperature",
            f"{run.generation.llm.temperature:g} for samples, {run.topics.llm.temperature:g} for topics",
        )
        yield "Conversations", _conversations(run)
    yield "Calls for the samples", digits(making["calls"]) if making["calls"] is not None else "unknown"
    yield "Tokens", _tokens(making)
    yield "Cost", _cost(facts.report)


def _model(name: str) -> str:
    return plain(_shown(without_place(name)))


def _provider(run: Config) -> str:
    names = dict.fromkeys((run.generation.llm.provider, run.topics.llm.provider))
    address = run.generation.llm.base_url or run.topics.llm.base_url
    return plain(", ".join(names)) + (", at an address of its own" if address else "")


def _grown(run: Config) -> str:
    topics = run.topics
    return f"{topics.mode} of depth {topics.depth} and degree {topics.degree}, by {_model(topics.llm.model)}"


def _conversations(run: Config) -> str:
    said = run.generation.conversation
    style = f", {said.reasoning_style} reasoning" if said.reasoning_style else ""
    return plain(f"{said.type}{style}{', with tools' if run.generation.tools else ''}")


def _tokens(making: Mapping[str, Any]) -> str:
    if not making["prompt_tokens"] and not making["completion_tokens"]:
        return "unknown"
    return f"{digits(making['prompt_tokens'])} of prompts, {digits(making['completion_tokens'])} of replies"


def _cost(report: Report) -> str:
    """Return what the samples cost; what isn't known is never taken as nothing."""
    priced, samples, total = report["making"]["priced"], report["samples"], report["cost"]["total"]
    if not priced or total is None:
        return "unknown"
    if report["making"]["simulated"] == samples:
        return "$0, since no model was asked"
    whole = f"{money(total)} for samples, rejected ones included; growing the topics isn't counted"
    return whole if priced == samples else f"at least {whole}; of {counted(samples - priced, 'sample')} it is unknown"


def _prompts(facts: CardFacts) -> Iterator[tuple[str, str]]:
    run = facts.run
    if run is None:
        yield "System prompt of the first sample", facts.system_prompt
        return
    yield "The topics were grown from", run.topics.prompt
    yield "System prompt for growing topics", run.topics.system_prompt
    yield "System prompt for writing samples", run.generation.system_prompt
    yield "Instructions for writing samples", run.generation.instructions


# ---- what was accepted


def _acceptance(facts: CardFacts) -> Iterator[str]:
    report = facts.report
    if facts.run:
        yield _gates(facts.run)
    rejected = report["rejected"]
    if rejected and rejected["samples"]:
        made = rejected["samples"] + report["samples"]
        number, reasons = rejected["samples"], rejected["by_reason"][:_MOST_REASONS]
        yield f"{digits(number)} of the {counted(made, 'sample')} that were made {were(number)} rejected:"
        rows = ((plain(one["gate"]), plain(one["name"]), digits(one["count"])) for one in reasons)
        yield table(("gate", "because of", "samples"), rows, numbers=1)
    yield from _judged(report["judge"])
    yield from _reviewed(report["reviews"])


def _gates(run: Config) -> str:
    quality = run.quality
    if quality.is_off:
        return "Every sample was accepted; nothing was checked while they were made."
    gates = [
        "" if quality.checks in ("none", []) else "checks by rules",
        "duplicates" if quality.duplicates else "",
        "contamination by evaluation sets" if quality.contamination else "",
        *(
            f"a judge ({_model(judge.llm.model)}, at least {judge.least:g} of {judge.scale})"
            for judge in quality.all_judges
        ),
    ]
    return f"Gates that each sample had to pass: {', '.join(filter(None, gates))}."


def _judged(judge: Mapping[str, Any] | None) -> Iterator[str]:
    if not judge:
        return
    by = ", ".join(_model(name) for name in judge["judges"])
    judged = f"{counted(judge['judged'], 'sample')} {were(judge['judged'])} judged{f' by {by}' if by else ''}"
    yield f"{judged}, {judge['mean']:.2f} on average:"
    rows = ((plain(one["name"]), digits(one["judged"]), f"{one['mean']:.2f}") for one in judge["criteria"])
    yield table(("criterion", "samples", "mean"), rows, numbers=2)


def _reviewed(reviews: Mapping[str, Any] | None) -> Iterator[str]:
    if not reviews or not any(reviews[key] for key in ("accepted", "edited", "rejected")):
        return
    yield (
        f"People reviewed samples: {digits(reviews['accepted'])} accepted, {digits(reviews['edited'])} edited "
        f"and taken so, {digits(reviews['rejected'])} rejected and left out."
    )


# ---- topics


def _topics(facts: CardFacts) -> Iterator[str]:
    topics = facts.report["topics"]
    if not topics["covered"]:
        return
    if facts.has_picture:
        yield f"![The topics of the dataset]({PICTURE})"
    known = f" of {digits(topics['known'])}" if topics["known"] else ""
    yield (
        f"Samples are on {digits(topics['covered'])}{known} topics, {digits(topics['median_per_topic'])} on the median "
        f"topic and {digits(topics['most_per_topic'])} at most."
    )
    rows = list(_branches(topics["branches"]))
    yield table(("branch", "samples"), rows[:_MOST_BRANCHES], numbers=1) if rows else ""
    if len(rows) > _MOST_BRANCHES:
        yield f"{counted(len(rows) - _MOST_BRANCHES, 'more branch')[:-1]}es aren't listed."


def _branches(branches: list[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the root's branches; of several roots, those."""
    main = branches[0]["branches"] if len(branches) == 1 and branches[0]["branches"] else branches
    for branch in main:
        yield plain(_shown(branch["name"])), digits(branch["samples"])


# ---- limits


def _limits(facts: CardFacts) -> Iterator[str]:
    report, making = facts.report, facts.report["making"]
    if making["simulated"]:
        yield "**Simulated samples are made up of random words: they are for trying things, not for training.**"
    if making["demonstration"]:
        by_hand = making["demonstration"]
        yield f"{counted(by_hand, 'sample')} {are(by_hand)} the demo's, written by hand."
    if making["simulated"] + making["demonstration"] < report["samples"]:
        yield "The texts are a language model's: they may be wrong, biased or outdated, whatever they sound like."
    reviews = report["reviews"]
    read = sum(reviews[key] for key in ("accepted", "edited")) if reviews else 0
    yield (
        f"{counted(read, 'sample')} {were(read)} read and accepted by people."
        if read
        else "No sample was reviewed by people."
    )
    for note in report["notes"]:
        if note["section"] not in ("making", "reviews", "rejected"):
            yield plain(note["text"], None)
    for check in report["checks"]["by_check"][:_MOST_REASONS]:
        fail = "fails" if check["count"] == 1 else "fail"
        yield f"{counted(check['count'], 'sample')} {fail} the check “{plain(check['name'])}”."
    duplicates = report["duplicates"]
    if duplicates and not duplicates["samples"]:
        yield "No two samples are equal or nearly so, as far as their words tell."
    for config in facts.configs:
        yield from _of_format(config)


def _of_format(config: DataConfig) -> Iterator[str]:
    for what, count in config.lost.items():
        yield f"`{config.name}` doesn't have everything of {counted(count, 'sample')}. Lost: {plain(what, None)}."
    for why, count in config.left_out.items():
        yield f"`{config.name}` leaves {counted(count, 'sample')} out: {plain(why, None)}."


# ---- loading


def _loading(facts: CardFacts) -> Iterator[str]:
    first = facts.configs[0].splits[0].name
    if facts.is_on_kaggle:
        yield "```python\n" + "\n".join(_loading_from_kaggle(facts)) + "\n```"
        return
    lines = ["from datasets import load_dataset", ""]
    for config in facts.configs:
        name = "" if config.name == DEFAULT else f', "{config.name}"'
        side = next((split.name for split in config.splits if split.name == first), config.splits[0].name)
        lines.append(f'{"samples" if not name else "rows"} = load_dataset("{facts.place}"{name}, split="{side}")')
    yield "```python\n" + "\n".join(lines) + "\n```"
    if {"messages", "metadata"} <= facts.configs[0].columns.keys():
        yield "The conversation of a sample is in `messages`; `metadata` tells its topic, and how it was made."


def _loading_from_kaggle(facts: CardFacts) -> Iterator[str]:
    yield from ("import kagglehub", "from datasets import load_dataset", "")
    yield f'folder = kagglehub.dataset_download("{facts.place}")'
    for config in facts.configs:
        files = f"{{folder}}/{config.folder}/{config.splits[0].name}-*.parquet"
        name = "samples" if config.name == DEFAULT else "rows"
        yield f'{name} = load_dataset("parquet", data_files=f"{files}", split="train")'


def _license(license_id: str | None) -> str:
    if license_id is None:
        return "No licence is given: ask whoever published it before you use it."
    return f"{plain(license_id)}. The terms of the models' providers for what their models write may apply as well."
