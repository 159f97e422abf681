"""The table of the flags of `generate`, which the command line and the notebook magics share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from deepfabric_core.config.secret_values import shown_word

ValueKind = Literal["text", "integer", "number", "path", "switch"]

_EVERY_LLM = ("llm", "topics.llm", "generation.llm")


@dataclass(frozen=True, slots=True)
class Option:
    """A flag: its spelling, the config keys that it overrides, and the kind of its value.

    A switch with an opposite is spelled `--yes/--no`. `sets` is the value of the keys if a switch is given.
    """

    flag: str
    help: str
    kind: ValueKind = "text"
    keys: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    default: Any = None
    deprecated: str = ""
    sets: Any = None

    @property
    def name(self) -> str:
        """The name of the value: `num_samples` for `--num-samples`."""
        return self.flag.split("/")[0].removeprefix("--").replace("-", "_")


def _llm(key: str) -> tuple[str, ...]:
    return tuple(f"{section}.{key}" for section in _EVERY_LLM)


OPTIONS: tuple[Option, ...] = (
    Option(
        "--provider",
        "Provider of every stage: openai, anthropic, gemini, ollama, local, simulated, demo, ...",
        keys=_llm("provider"),
    ),
    Option("--model", "Model of every stage.", keys=_llm("model")),
    Option("--temperature", "Temperature of every stage, 0 to 2.", "number", _llm("temperature")),
    Option(
        "--base-url",
        "Address of an OpenAI-compatible server, or several of one model, with commas between them.",
        keys=_llm("base_url"),
    ),
    Option("--topic-prompt", "What the topics are grown from.", keys=("topics.prompt",)),
    Option("--topics-system-prompt", "System prompt for growing topics.", keys=("topics.system_prompt",)),
    Option("--mode", "Shape of the topics.", keys=("topics.mode",), choices=("tree", "graph")),
    Option("--degree", "Subtopics of each topic.", "integer", ("topics.degree",)),
    Option("--depth", "Levels of topics below the root.", "integer", ("topics.depth",)),
    Option("--topics-save-as", "Where the topics are saved.", "path", ("topics.save_as",)),
    Option("--topics-load", "Load topics from a file instead of growing them.", "path"),
    Option("--topic-only", "Grow and save topics, then stop.", "switch"),
    Option("--generation-system-prompt", "System prompt for writing samples.", keys=("generation.system_prompt",)),
    Option(
        "--conversation-type",
        "Kind of conversation.",
        keys=("generation.conversation.type",),
        choices=("basic", "cot"),
    ),
    Option(
        "--reasoning-style",
        "Style of reasoning, with --conversation-type cot.",
        keys=("generation.conversation.reasoning_style",),
        choices=("freetext", "agent"),
    ),
    Option(
        "--agent-mode",
        "Deprecated: tools turn agent mode on by themselves.",
        choices=("single_turn", "multi_turn"),
        deprecated="--agent-mode is deprecated and has no effect: tools turn agent mode on by themselves.",
    ),
    Option(
        "--num-samples",
        "How many samples: a number, auto (one a leaf of the topics), or a percentage like 50%.",
        keys=("output.num_samples",),
    ),
    Option("--batch-size", "Calls in flight at most.", "integer", ("output.batch_size",)),
    Option("--output-system-prompt", "System message recorded in each sample.", keys=("output.system_prompt",)),
    Option(
        "--include-system-message/--no-system-message",
        "Record the system message in each sample, or leave it out.",
        "switch",
        ("output.include_system_message",),
    ),
    Option("--no-quality", "Accept every sample.", "switch", ("quality",), sets=False),
    Option("--no-duplicates", "Accept samples that repeat others.", "switch", ("quality.duplicates",), sets=False),
    Option("--judge", "Model that scores each sample, which must be good enough.", keys=("quality.judge.llm.model",)),
    Option(
        "--min-score",
        "What the mean of a sample's scores must reach.",
        "number",
        ("quality.judge.min",),
    ),
    Option("--max-cost", "What the run spends at most, in US dollars.", "number", ("budget.cost",)),
    Option(
        "--max-tokens-total", "Tokens that the run uses at most, of prompts and replies.", "integer", ("budget.tokens",)
    ),
    Option("--max-time", "How long the run takes at most: 2h, 90m, or a number of seconds.", keys=("budget.time",)),
    Option("--max-calls", "Calls to models that the run makes at most.", "integer", ("budget.calls",)),
    Option("--output-save-as", "Where the dataset is saved.", "path", ("output.save_as",)),
    Option(
        "--checkpoint-interval",
        "Keep a checkpoint, and make it safe from power cuts every N samples.",
        "integer",
        ("output.checkpoint.interval",),
    ),
    Option("--checkpoint-path", "Folder of the checkpoint.", "path"),
    Option("--resume", "Go on from the checkpoint.", "switch"),
    Option("--retry-failed", "When resuming, retry failed samples.", "switch"),
    Option("--accept-changes", "Resume though the config has changed in what decides the data.", "switch"),
    Option("--fresh", "Move an existing checkpoint aside and begin anew.", "switch"),
    Option("--engine", "Where the samples are made.", keys=("run.engine",), choices=("local", "ray")),
    Option(
        "--address",
        "Ray cluster: ray://host:10001, host:6379 or auto; without one, Ray is started on this machine for the run.",
        keys=("run.address",),
    ),
    Option("--workers", "Ray workers that make samples at the same time.", "integer", ("run.workers",)),
    Option("--trace", "Record every call to a model in this file, which --resume adds to.", "path"),
    Option("--yes", "Begin a run of very many model calls without being asked.", "switch"),
    Option("--tui", "Screen: two panes on a terminal, or plain lines.", choices=("rich", "simple"), default="rich"),
    Option("--debug", "Show tracebacks and log details.", "switch"),
)


def overrides(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config keys that flags override, with their values; `values` maps option names to values or None."""
    given: dict[str, Any] = {}
    for option in OPTIONS:
        value = values.get(option.name)
        if option.keys and value is not None and not (option.sets is not None and value is False):
            given |= dict.fromkeys(option.keys, value if option.sets is None else option.sets)
    if values.get("conversation_type") == "basic" and values.get("reasoning_style") is None:
        given["generation.conversation.reasoning_style"] = None
    return given


def spelled(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the flag that gave each overridden key, for messages."""
    given = (option for option in OPTIONS if values.get(option.name) is not None)
    return {key: option.flag for option in given for key in option.keys}


def as_flags(values: Mapping[str, Any]) -> list[str]:
    """Return the values as flags of a command line; values that weren't given, or are the default, are left out.

    Secrets in them are replaced by placeholders.

    >>> as_flags({"temperature": 0.123456789, "max_cost": 1.0, "tui": "rich", "fresh": True})
    ['--temperature', '0.123456789', '--max-cost', '1', '--fresh']
    """
    given = [option for option in OPTIONS if values.get(option.name) not in (None, option.default)]
    return [word for option in given for word in _as_words(option, values[option.name])]


def _as_words(option: Option, value: Any) -> list[str]:
    if option.kind != "switch":
        written = str(value).removesuffix(".0") if option.kind == "number" else str(value)
        return [option.flag, shown_word(written)]
    yes, _, no = option.flag.partition("/")
    return [yes] if value else [no] * bool(no)


def deprecations(values: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each deprecated flag that was given."""
    return [option.deprecated for option in OPTIONS if option.deprecated and values.get(option.name) is not None]
