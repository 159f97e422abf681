"""Formats of the user's own: a Jinja template, or a function that a package brings under `deepfabric.exports`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from deepfabric_core.errors import ConfigError
from deepfabric_core.export.chat_template import ChatTemplate, TemplateRefusal
from deepfabric_core.export.columns import TEXT
from deepfabric_core.export.conversation import Conversation
from deepfabric_core.export.formats.format import Converted, Format, Reasoning, Row
from deepfabric_core.export.formats.messages import lost_in, messages_of
from deepfabric_core.samples.records import Record

_PLACES: tuple[Reasoning, ...] = ("reasoning_content", "think-tags", "thinking", "drop")


def template_format(name: str, template: ChatTemplate, *, makes_rows: bool) -> Format:
    """Return the format of a template: its text is a row's `text` or, if it `makes_rows`, the row itself as JSON."""

    def convert(item: Conversation, place: Reasoning) -> Converted:
        messages = messages_of(item.turns, place, named=True)
        lost = tuple(lost_in(item.turns, place))
        try:
            text = template.render(messages, item.tools)
            return Converted((_row(text) if makes_rows else {"text": text},), lost)
        except TemplateRefusal as problem:
            return Converted(left_out=f"the template refuses it: {str(problem).rstrip('.')}")
        except ValueError:
            return Converted(left_out="what the template makes of it isn't a JSON object")

    columns = None if makes_rows else {"text": TEXT}
    return Format(name, "a template of your own", "conversations", convert, columns, _PLACES)


def _row(text: str) -> Row:
    row = json.loads(text)
    if not isinstance(row, dict):
        raise ValueError("no JSON object")  # noqa: TRY004 - said of a text
    return row


def function_format(name: str, function: Callable[[Record], Any]) -> Format:
    """Return the format of a function that is given a record, and returns a row, several, or None for none."""

    def convert(record: Record, _: Reasoning) -> Converted:
        try:
            made = function(record)
        except Exception as problem:
            raise ConfigError(f"The format {name} of an installed package failed: {problem}.") from problem
        if made is None:
            return Converted(left_out=f"{name} makes nothing of it")
        rows: Iterable[Any] = (made,) if isinstance(made, Mapping) else made
        if isinstance(rows, str) or not isinstance(rows, Iterable):
            raise ConfigError(f"The format {name} of an installed package returns {type(made).__name__}, and no row.")
        return Converted(tuple(dict(row) for row in rows))

    return Format(name, "brought by an installed package", "records", convert, None, ("reasoning_content",))
