"""Read a config from YAML and overrides, check it, and report every mistake with its file, line and key."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pydantic import ValidationError

from deepfabric_core.config.exports import exports_of_formatters
from deepfabric_core.config.llm import Llm
from deepfabric_core.config.quality import switched_quality
from deepfabric_core.config.schema import (
    CONVERSATION_TYPES_OF_OLD,
    REASONING_STYLES_OF_OLD,
    Config,
)
from deepfabric_core.config.schema_keys import known_keys, known_values, sections
from deepfabric_core.config.yaml_document import Document, KeyPath, dotted, parse_document
from deepfabric_core.config.yaml_reader import Variables
from deepfabric_core.errors import ConfigError

# The source of a config that is given by flags alone.
NO_FILE = "without a config file"

# Keys that are accepted, but have no effect so far.
UNUSED = (
    "evaluation",
    "deepfabric_cloud",
    "generation.save_as",
)
_UNUSED_RATE_LIMIT_KEYS = ("retry_on_status_codes", "retry_on_exceptions", "preemptive_backoff", "parse_retry_delay")

# Keys of `run` that count for workers alone; its address is that of models on the cluster as well.
_OF_RAY = ("workers", "shard_size", "storage")

# Keys that are usually booleans, in the parts of a config that the schema doesn't define.
_MOSTLY_BOOLEAN = ("additionalProperties", "unevaluatedProperties", "uniqueItems", "nullable", "required", "strict")
# Keys that a word may turn on and off.
_SWITCHES = ("quality", "checks", "duplicates", "contamination", "judge", "compare")

# Sections of older config files, and their replacements.
REPLACED = {
    "topic_tree": "topics, with mode: tree",
    "topic_graph": "topics, with mode: graph",
    "topic_generator": "topics",
    "data_engine": "generation",
    "dataset": "output",
    "dataset_system_prompt": "output.system_prompt",
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A checked config, and notices for its author, one sentence each.

    `written` is the content of the text and the overrides, with variables filled in and without defaults: plain
    values that give the same config again when they are written as YAML.
    """

    config: Config
    notices: tuple[str, ...]
    written: Mapping[str, Any] = field(repr=False)


def load(
    text: str,
    *,
    source: str,
    overrides: Mapping[str, Any] | None = None,
    spelled: Mapping[str, str] | None = None,
    variables: Variables | None = None,
) -> Loaded:
    """Read a YAML text; `overrides` maps dotted keys to values that replace what is written there.

    `spelled` maps such a key to the flag that gave it, for messages. `variables` returns the value of `!var name`.

    >>> text = "{topics: {prompt: Tea}, generation: {system_prompt: You teach.}, output: {save_as: tea.jsonl}}"
    >>> loaded = load(text, source="tea.yaml", overrides={"topics.depth": 3})
    >>> loaded.config.topics.depth, loaded.config.topics.degree
    (3, 3)
    >>> load("{topics: {promt: Tea}}", source="tea.yaml")
    Traceback (most recent call last):
    deepfabric_core.errors.ConfigError: tea.yaml, line 1: unknown key topics.promt; did you mean topics.prompt? ...

    Raises:
        ConfigError: with a sentence for each mistake, naming the file, the line and the key.
    """
    document = parse_document(text, source=source, variables=variables)
    _refuse_replaced_sections(document)
    written = _overridden(deepcopy(document.content), overrides or {})
    content, set_aside = _set_aside_unused_rate_limit_keys(written)
    try:
        config = Config.model_validate(content)
    except ValidationError as problem:
        raise ConfigError("\n".join(_sentences(problem, document, spelled or {}))) from problem
    return Loaded(config, tuple(_notices(document, set_aside, config)), _plain(written, {}))


def _refuse_replaced_sections(document: Document) -> None:
    old = [key for key in REPLACED if key in document.content]
    if old:
        table = "; ".join(f"{key} is now {REPLACED[key]}" for key in old)
        raise ConfigError(f"{document.at((old[0],))}: these sections belong to an older format: {table}.")


def _set_aside_unused_rate_limit_keys(content: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    content = deepcopy(content)
    generation = content.get("generation")
    limits = generation.get("rate_limit") if isinstance(generation, dict) else None
    if not isinstance(limits, dict):
        return content, []
    found = [key for key in _UNUSED_RATE_LIMIT_KEYS if limits.pop(key, None) is not None]
    return content, [f"generation.rate_limit.{key}" for key in found]


def _overridden(content: dict[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    if "quality" in content and any(key.startswith("quality.") for key in overrides):
        with suppress(ValueError):
            content["quality"] = switched_quality(content["quality"])  # off and the like become keys
    written = deepcopy(content)
    for key, value in overrides.items():
        *sections, last = key.split(".")
        place = content
        for section in sections:
            if not isinstance(place.get(section), dict):
                place[section] = {}
            place = place[section]
        if _is_another_model(written, key, value):
            place.pop("prices", None)
        place[last] = value
    return content


def _is_another_model(written: Mapping[str, Any], key: str, value: Any) -> bool:
    """Return whether a flag names another model than the config, whose prices aren't that model's."""
    *sections, last = key.split(".")
    if sections[-1:] != ["llm"] or last not in ("provider", "model"):
        return False
    own, shared = _section(written, sections), _section(written, ["llm"])
    return bool(own.get(last, shared.get(last, Llm.model_fields[last].default)) != value)


def _section(written: Mapping[str, Any], names: Iterable[str]) -> Mapping[str, Any]:
    place: Any = written
    for name in names:
        place = place.get(name) if isinstance(place, Mapping) else None
    return place if isinstance(place, Mapping) else {}


def _plain(value: Any, seen: dict[int, Any]) -> Any:
    """Return a value as JSON types; each object is converted once, since aliases may repeat it or form a cycle."""
    if id(value) in seen:
        return seen[id(value)]
    if isinstance(value, dict):
        mapping: dict[Any, Any] = {}
        seen[id(value)] = mapping
        mapping.update((_scalar(key), _plain(item, seen)) for key, item in value.items())
        return mapping
    if isinstance(value, list | tuple | set):
        items: list[Any] = []
        seen[id(value)] = items
        items.extend(_plain(item, seen) for item in value)
        return items
    return _scalar(value)


def _scalar(value: Any) -> Any:
    """Return a scalar as a JSON type: dates and bytes become text."""
    if value is None or isinstance(value, str | int | float):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)


def _notices(document: Document, set_aside: Iterable[str], config: Config) -> Iterable[str]:
    unused = [key for key in UNUSED if document.get(tuple(key.split("."))) not in (None, [], {})]
    unused.extend(set_aside)
    if document.get(("generation", "rate_limit", "max_retries")) is not None:
        unused.append("generation.rate_limit.max_retries (a refusal isn't a failed try; see generation.max_retries)")
    if unused:
        yield f"{document.source}: read and kept, but without effect so far: {', '.join(unused)}."
    for _, said in exports_of_formatters(config.output.formatters):
        if said:
            yield f"{document.at(('output', 'formatters'))}: {said}."
    if config.generation.output_schema is not None and config.output.format != "custom":
        where = document.at(("generation", "output_schema"))
        yield f"{where}: generation.output_schema has no effect without output.format: custom."
    for key, old_spellings in (("type", CONVERSATION_TYPES_OF_OLD), ("reasoning_style", REASONING_STYLES_OF_OLD)):
        path = ("generation", "conversation", key)
        written = document.get(path)
        if isinstance(written, str) and written in old_spellings:
            yield f"{document.at(path)}: {key} {written} is deprecated; write {old_spellings[written]}."
    if config.run.engine != "ray" and document.get(("run", "engine")) != "ray":  # else a flag says so, for once
        yield from _without_ray(document, config)
    yield from _words(document)


def _without_ray(document: Document, config: Config) -> Iterable[str]:
    """Yield a notice for each key of workers that is set where there are none."""
    served = any(settings.provider == "ray-vllm" for settings in config.models)
    for key in _OF_RAY if served else (*_OF_RAY, "address"):
        if getattr(config.run, key) is not None:
            yield f"{document.at(('run', key))}: run.{key} has no effect without run.engine: ray."


def _words(document: Document) -> Iterable[str]:
    """Yield a notice about yes, no, on and off if the schema doesn't say whether they are booleans or words."""
    meant_so = (*_MOSTLY_BOOLEAN, *_SWITCHES)
    free = [path for path in document.words if "true" not in known_values(path) and path[-1] not in meant_so]
    if free:
        path, word = free[0], document.words[free[0]]
        more = f", and {len(free) - 1} more like it" if len(free) > 1 else ""
        meant = "true" if word.lower() in ("yes", "on") else "false"
        yield (
            f"{document.at(path)}: {dotted(path)}: {word} is read as {meant}{more}; "
            "put it in quotes if the word is meant."
        )


def _sentences(problem: ValidationError, document: Document, spelled: Mapping[str, str]) -> list[str]:
    """Return a sentence per mistake. A mistake inherited from the shared `llm` is reported once, at its own place."""
    sentences: dict[str, None] = {}
    errors = [(error, _written_path(tuple(error["loc"]), document)) for error in problem.errors(include_url=False)]
    misspelled = {_meant(path) for error, path in errors if error["type"] == "extra_forbidden"}
    for error, path in errors:
        if error["type"] == "missing" and path in misspelled:
            continue
        message = error["msg"] + _quoted(error["type"], error["input"])
        sentence = _sentence(error["type"], message, path, document)
        if flag := spelled.get(dotted(path)):
            key = dotted(_shared(path) or path)
            sentence = f"{flag} ({key}): {_wording(message)}."
        sentences[sentence] = None
    return list(sentences)


# A section that stands there empty lacks this first.
_REQUIRED_IN = {
    "topics": "topics.prompt",
    "generation": "generation.system_prompt",
    "output": "output.save_as",
}


def _written_path(loc: KeyPath, document: Document) -> KeyPath:
    """Return the path as it is written in the config, without the names that pydantic adds."""
    path: KeyPath = ()
    for part in loc:
        here = (*path, part)
        if isinstance(part, int) or "[" not in part or any(document.line(place) for place in (here, here[1:])):
            path = here
    shared = _shared(path)
    return shared if shared and _is_inherited(path, shared, document) else path


def _is_inherited(path: KeyPath, shared: KeyPath, document: Document) -> bool:
    """Return whether a key is written in the shared `llm` alone, or missing in a section that is."""
    pairs = [(path, shared), (path[:-1], shared[:-1])][: max(1, len(shared) - 1)]
    own, common = ([document.line(place) for place in places] for places in zip(*pairs, strict=True))
    return not any(own) and any(common)


def _shared(path: KeyPath) -> KeyPath:
    """Return where the shared `llm` has the key of a stage's or a judge's one; () for any other key."""
    return path[path.index("llm") :] if "llm" in path[1:] else ()


def _sentence(kind: str, message: str, path: KeyPath, document: Document) -> str:
    where = document.at(path)
    key = dotted(path)
    if kind == "extra_forbidden":
        return f"{where}: unknown key {key}; {_nearest(path)}"
    if kind in ("model_type", "dict_type") and document.get(path) is None and (missing := _REQUIRED_IN.get(key)):
        return f"{where}: {missing} is required{_needed_for(missing, document)}."
    if kind in ("model_type", "dict_type"):
        return f"{where}: {key} must be a mapping of keys to values."
    if kind == "missing":
        return f"{where}: {key} is required{_needed_for(key, document)}."
    said = f"{where}: {key + ': ' if key else ''}{_wording(message)}"
    return said if said.endswith("?") else f"{said}."


def _wording(message: str) -> str:
    message = message.partition(", unable to parse")[0]  # "a valid number" says it
    for ours, theirs in (("must be ", "Input should be "), ("must ", "String should "), ("", "Value error, ")):
        if message.startswith(theirs):
            return ours + message.removeprefix(theirs)
    return message


def _quoted(kind: str, value: object) -> str:
    """Return advice if a text was expected, and YAML reads a number or a date."""
    return ", so put it in quotes" if kind == "string_type" and isinstance(value, int | float | date) else ""


def _needed_for(key: str, document: Document) -> str:
    flags = {
        "topics": "--topic-prompt",
        "topics.prompt": "--topic-prompt",
        "generation": "--generation-system-prompt",
        "generation.system_prompt": "--generation-system-prompt",
        "output": "--output-save-as",
        "output.save_as": "--output-save-as",
    }
    if key not in flags:
        return ""
    written = document.source != NO_FILE
    return f"; write it there or pass {flags[key]}" if written else f"; pass {flags[key]}, or write it in a config file"


def _meant(path: KeyPath) -> KeyPath | None:
    """Return the valid key of the same section that an unknown one is most like; None if there is none."""
    close = difflib.get_close_matches(str(path[-1]), known_keys(path[:-1]), n=1)
    return (*path[:-1], close[0]) if close else None


def _nearest(path: KeyPath) -> str:
    """Return advice about an unknown key: the most similar valid key in its section or in another one."""
    unknown = str(path[-1])
    if unknown in ("api_key", "key", "token") and path[0] != "budget":
        return "API keys are read from the environment only."
    if meant := _meant(path):
        return f"did you mean {dotted(meant)}?"
    if unknown != "name" and (
        elsewhere := [dotted((*place, unknown)) for place in sections() if unknown in known_keys(place)]
    ):
        return f"did you mean {elsewhere[0]}?"
    return f"valid here: {', '.join(known_keys(path[:-1]))}."
