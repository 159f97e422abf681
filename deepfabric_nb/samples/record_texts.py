"""The texts in a record of any shape: what is searched, how long it is, and what it is called in the list."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from deepfabric_core.samples.foreign.places import foreign_conversation
from deepfabric_core.samples.reading import JournalLine, messages_of, question_of
from deepfabric_nb.samples.other_format import in_other_format

# As many levels of a record are read; nothing that people or models write is deeper.
DEEPEST = 60
# Fields of a conversation that repeat its messages, or hold nothing that is read.
NOT_READ = frozenset({"metadata", "tools", "tool_context", "agent_context", "messages"})
_REPEATED = ("question", "final_answer", "answer")
# As many characters of a text are read for its title, of which less is shown.
_READ_FOR_TITLE = 2_000
_MAY_BE_MARK = re.compile(r"[*_`~\[>#]|^ {0,3}[-+] ", re.MULTILINE)
_MARKS = (
    (re.compile(r"^ {0,3}(?:```|~~~).*$", re.MULTILINE), ""),
    (re.compile(r"^ {0,3}(?:(?:#{1,6}|>|[-+*]) +)+", re.MULTILINE), ""),
    (re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)"), r"\1"),
    (re.compile(r"(\*{2,3})(?=\S)([^*\n]*[^*\s])\1"), r"\2"),
    (re.compile(r"(?<![\w*])\*(?=[^\s*])([^*\n]*[^*\s])\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<!\w)(_{1,2})(?=[^_\s])([^_\n]* [^_\n]*[^_\s])\1(?!\w)"), r"\2"),
    (re.compile(r"~~(?=\S)([^~\n]*\S)~~"), r"\1"),
    (re.compile(r"(`+)([^`\n]+)\1"), r"\2"),
)


class TooDeepError(ValueError):
    """A record is nested deeper than it can be shown."""


def texts_of(record: JournalLine) -> list[str]:
    """Return all texts of a record that people read, each once, and its numbers.

    Raises:
        TooDeepError: it is nested too deep.
    """
    messages = messages_of(record)
    if (shown := in_other_format(record)) is not None:
        unread = [value for name, value in record.items() if name != "metadata" and name not in shown.taken]
        return [*texts_of(shown.record), *_texts_below(unread)]
    if (other := foreign_conversation(record)) is not None:
        beside = [value for name, value in record.items() if name != "metadata" and name not in other.keys]
        return [*(turn.text for turn in other.turns), *_texts_below(beside)]
    if messages is None:
        return list(_texts_below([value for name, value in record.items() if name != "metadata"]))
    found: list[str] = []
    rest: list[Any] = []
    for message in messages:
        content = message.get("content")
        if isinstance(content, str):
            found.append(content)
        elif (parts := text_parts(content)) is not None:
            found += parts
        else:
            rest.append(content)
        if len(message) > 2:  # noqa: PLR2004 - more than role and content
            rest += [message.get(name) for name in ("name", "reasoning", "reasoning_content")]
            rest += _calls_of(message)
    rest += [value for name, value in record.items() if name not in NOT_READ and name not in _REPEATED]
    said = set(found)
    named = (record.get(name) for name in _REPEATED)
    rest += [value for value in named if not (isinstance(value, str) and value in said)]
    return [*found, *_texts_below(rest)]


def text_parts(content: object) -> list[str] | None:
    """Return the texts of a content in parts, other parts by their type in brackets; None if it isn't one."""
    if not isinstance(content, list) or not content or not all(isinstance(part, Mapping) for part in content):
        return None
    if not all(isinstance(part.get("text", part.get("type")), str) for part in content):
        return None
    return [part["text"] if "text" in part else f"[{part['type']}]" for part in content]


def _calls_of(message: Mapping[str, Any]) -> list[Any]:
    calls = message.get("tool_calls")
    made = [one for one in calls if isinstance(one, Mapping)] if isinstance(calls, list) else []
    return [one.get("function") for one in made]


def _texts_below(level: list[Any]) -> Iterator[str]:
    """Yield the texts and numbers in some values, those of each level before those within them."""
    for _ in range(DEEPEST):
        within: list[Any] = []
        for value in level:
            if isinstance(value, str):
                yield value
            elif isinstance(value, Mapping):
                within += value.values()
            elif isinstance(value, list | tuple):
                within += value
            elif isinstance(value, int | float) and not isinstance(value, bool):
                yield str(value)
        if not within:
            return
        level = within
    raise TooDeepError


def title_of(record: JournalLine, texts: list[str]) -> str:
    """Return the text that a sample is known by in a list, without Markdown: its question, or else its first text."""
    said = question_of(record) or _first_said(record)
    return without_markdown(said or next((text for text in texts if text.strip()), ""))


def without_markdown(text: str) -> str:
    """Return the beginning of a text without the marks of Markdown; code and what only looks like a mark stay.

    >>> without_markdown("## What does **`len(x)`** do in [Python](https://python.org)?")
    'What does len(x) do in Python?'
    """
    beginning = text[:_READ_FOR_TITLE]
    if not _MAY_BE_MARK.search(beginning):
        return beginning
    for marks, kept in _MARKS:
        beginning = marks.sub(kept, beginning)
    return beginning.strip() or text[:_READ_FOR_TITLE]


def _first_said(record: JournalLine) -> str:
    """Return what a user says first, in parts or in a conversation of another shape."""
    if (shown := in_other_format(record)) is not None:
        record = shown.record
    other = foreign_conversation(record)
    if other is not None:
        return next((turn.text for turn in other.turns if turn.role == "user" and turn.text.strip()), "")
    asked = (one.get("content") for one in messages_of(record) or () if one.get("role") == "user")
    return next((text for content in asked if (text := "\n".join(text_parts(content) or ()).strip())), "")
