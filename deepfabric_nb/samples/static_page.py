"""The static page of samples: what a saved notebook shows of them without a kernel, as HTML and as text.

It is shown in places that strip styles and scripts, so it uses plain tags that look right without them. Every text is
escaped.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from deepfabric_core.wording import counted
from deepfabric_nb.samples.index import UNREADABLE
from deepfabric_nb.samples.sources import RunSource

if TYPE_CHECKING:
    from deepfabric_nb.samples.channel import SampleChannel
    from deepfabric_nb.samples.protocol import CallShown, Card, FieldShown, MessageShown

MOST_SAMPLES = 10
_MOST_CHARACTERS = 200_000
_LONGEST_TEXT = 12_000

_CELL = "text-align:left;vertical-align:top"
_TEXT = "overflow-wrap:anywhere;margin:.2em 0 .8em"
# Without styles, a message begins with its role all the same; both colours suit light and dark notebooks.
_MESSAGE = "overflow-wrap:anywhere;margin:.3em 0 .8em;padding:.5em .8em;border-radius:8px;background:"
_USER, _OTHERS = "rgba(47,111,222,.12)", "rgba(128,128,128,.12)"
_FENCED = re.compile(r"(?ms)^```[^\n`]*\n(.*?)^```[ \t]*(?:\n|\Z)")
_ROLES = {"user": "User", "assistant": "Assistant", "system": "System", "tool": "Tool result"}
_VERDICTS = {"accepted": "✓ accepted", "rejected": "✗ rejected", "edited": "✎ edited"}


def samples_html(channel: SampleChannel, *, headline: bool = True) -> str:
    """Return the first samples in full, with a headline that counts all, and how to open them again."""
    places = _shown_first(channel)
    parts = [f'<p dir="auto"><b>{escape(samples_text(channel))}</b></p>'] if headline else []
    length = 0
    for number, place in enumerate(places):
        sample = _sample(channel, place)
        length += len(sample)
        if number and length > _MOST_CHARACTERS:
            places = places[:number]
            break
        parts.append(sample)
    parts.append(_rest(channel, places))
    return f'<div class="tex2jax_ignore mathjax_ignore">{"<hr>".join(filter(None, parts))}</div>'


def samples_text(channel: SampleChannel) -> str:
    """Return in a line how many samples there are, of what, what isn't among them, and how far the review is."""
    review, counts = channel.progress(), channel.index.counts()
    decided = [(review["accepted"] + review["edited"], "accepted"), (review["rejected"], "rejected")]
    said = ", ".join(f"{number:,} {what}" for number, what in decided if number)
    of = f" of {channel.title}" if channel.title else ""
    beside = "".join(f", {one}" for one in _beside(counts))
    return f"{counted(counts['sample'], 'sample')}{of}{beside}{'; reviewed: ' if said else ''}{said}"


def _beside(counts: Mapping[str, int]) -> Iterator[str]:
    """Yield what there is beside the samples."""
    for kind in ("rejected", "failed"):
        if counts[kind]:
            yield f"{counts[kind]:,} {kind}"
    if counts[UNREADABLE]:
        yield counted(counts[UNREADABLE], UNREADABLE)


def _shown_first(channel: SampleChannel) -> list[int]:
    rows = channel.index.rows
    done = [place for place, row in enumerate(rows) if row.status == "done"]
    return (done or list(range(len(rows))))[:MOST_SAMPLES]


def _rest(channel: SampleChannel, shown: Sequence[int]) -> str:
    """Return what isn't shown here, and how to see it."""
    counts = channel.index.counts()
    counts["sample"] -= sum(channel.index.rows[place].status == "done" for place in shown)
    left = [counted(counts["sample"], "more sample")] if counts["sample"] else []
    left += _beside(counts)
    told = f"Not shown here: {', '.join(left)}. " if left and len(shown) < len(channel.index) else ""
    again = reopening(channel)
    how = f"To read, search and review them: <code>{escape(again)}</code>" if again else ""
    return f'<p dir="auto">{told}{how}</p>' if told or how else ""


def reopening(channel: SampleChannel) -> str:
    """Return the line of a cell that opens the samples again; empty if they belong to no file and no run."""
    source = channel.source
    if isinstance(source, RunSource):
        name = channel.index.shown.line(source.run.name)
    elif source.dataset is not None:
        name = channel.index.shown.line(source.dataset.name)
    else:
        return ""
    return f"%deepfabric samples {shlex.quote(name)}"


def _sample(channel: SampleChannel, place: int) -> str:
    card, row = channel.card(place), channel.index.rows[place]
    facts = [" > ".join(card["path"]), *card["facts"], _score(card), _VERDICTS.get(row.verdict, "")]
    head = f"<b>{place + 1:,}</b>" + "".join(f" · {escape(fact)}" for fact in facts if fact)
    parts = [
        f'<p dir="auto">{head}</p>',
        _fold("System prompt", _text(card["system"])),
        *map(_message, card["messages"]),
        _fields(card["fields"]),
        *_said(card),
    ]
    return "".join(parts)


def _score(card: Card) -> str:
    return "" if card["score"] is None else f"score {card['score']:.3g}"


def _message(message: MessageShown) -> str:
    role = escape(_ROLES.get(message["role"], message["role"]))
    parts = [_reasoning(message["reasoning"])]
    if message["text"] or not message["calls"]:
        style = _MESSAGE + (_USER if message["role"] == "user" else _OTHERS)
        parts.append(f'<div dir="auto" style="{style}"><b>{role}:</b><br>{message_html(message["text"])}</div>')
    if message["calls"]:
        parts.append(f"<ul>{''.join(map(_call, message['calls']))}</ul>")
    return "".join(parts)


def _reasoning(steps: Sequence[str]) -> str:
    if len(steps) == 1:
        return _fold("Reasoning", _text(steps[0]))
    items = "".join(f'<li dir="auto">{text_html(step)}</li>' for step in steps)
    return _fold(f"Reasoning, {counted(len(steps), 'step')}", f"<ol>{items}</ol>") if steps else ""


def _call(call: CallShown) -> str:
    failed = " (failed)" if call["failed"] else ""
    came = "<p>no result</p>" if call["result"] is None else f"<pre>{escape(_cut(call['result']))}</pre>"
    return (
        f"<li><b>{escape(call['name'])}</b>{failed} <code>{escape(_on_one_line(call['arguments']))}</code>{came}</li>"
    )


def _on_one_line(arguments: str) -> str:
    """Return pretty JSON on one line; a text in it has no line breaks of its own."""
    return _cut(re.sub(r"\n\s*", " ", arguments))


def _fields(fields: Sequence[FieldShown]) -> str:
    rows = "".join(_field(field) for field in fields)
    return f"<table><tbody>{rows}</tbody></table>" if rows else ""


def _field(field: FieldShown) -> str:
    value = f"<pre>{escape(_cut(field['text']))}</pre>" if "\n" in field["text"] and field["is_json"] else None
    text = value or text_html(field["text"])
    return f'<tr><td style="{_CELL}"><b>{escape(field["name"])}</b></td><td style="{_CELL}" dir="auto">{text}</td></tr>'


def _said(card: Card) -> Iterator[str]:
    """Yield what the judge, checks and people said of a sample, and why it failed."""
    if card["error"]:
        what = "Unreadable" if UNREADABLE in card["facts"] else "Failed"
        yield f'<p dir="auto"><b>{what}:</b> {text_html(card["error"])}</p>'
    for check in card["checks"]:
        yield f'<p dir="auto"><b>{escape(check["check"])}:</b> {text_html(check["reason"])}</p>'
    if card["scores"]:
        items = "".join(
            f'<li dir="auto">{escape(one["criterion"])}: <b>{one["score"]:.3g}</b> {text_html(one["reason"])}</li>'
            for one in card["scores"]
        )
        yield _fold("Judge", f"<ul>{items}</ul>")
    for one in card["history"]:
        if one["said"]:
            yield f'<p dir="auto"><b>{escape(one["action"])}:</b> {text_html(one["said"])}</p>'


def _text(text: str) -> str:
    return f'<p dir="auto" style="{_TEXT}">{text_html(text)}</p>' if text else ""


def message_html(text: str) -> str:
    """Return the text of a message as HTML: what stands between fences is code."""
    pieces = _FENCED.split(_cut(text))
    texts = (f"<pre>{escape(piece)}</pre>" if number % 2 else text_html(piece) for number, piece in enumerate(pieces))
    return "".join(texts)


def text_html(text: str) -> str:
    """Return a text as HTML that keeps line breaks and indents without styles, cut if it is very long."""
    return re.sub(r"(?m)^ | (?= )", "&nbsp;", escape(_cut(text))).replace("\n", "<br>")


def _cut(text: str) -> str:
    left = len(text) - _LONGEST_TEXT
    return text if left <= 0 else f"{text[:_LONGEST_TEXT]} … ({counted(left, 'more character')})"


def _fold(title: str, content: str) -> str:
    """Return a part that can be opened, or nothing if it has no content."""
    return f"<details><summary>{escape(title)}</summary>{content}</details>" if content else ""
