"""The static summary, as HTML and as text, that stays in the notebook when a run is over.

It is shown in places that strip styles and scripts, so it uses plain tags that look right without them. The few styles
only correct how notebooks show tables. Every text is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from deepfabric_nb.display.run_view import (
    BudgetView,
    ExampleView,
    FailureView,
    FileView,
    RunView,
    SampleView,
    StageView,
)

_CELL = "text-align:left;vertical-align:top"
_TEXT = "overflow-wrap:anywhere;margin:0 0 .6em"
_FOLD = "margin:.4em 0"

Row = tuple[str, str]


def summary_html(view: RunView) -> str:
    """Return the summary as self-contained HTML."""
    parts = [_head(view), _reason(view), _table(view), _notices(view), _failures(view), _samples(view["samples"])]
    return f'<div class="tex2jax_ignore mathjax_ignore">{"".join(parts)}</div>'


def frame_html(view: RunView, samples: str) -> str:
    """Return the frame of a run as it is saved: the headline, the summary to be opened, and HTML of its samples."""
    is_over = view["phase"] == "over"
    said = [view["head"]["totals"], *(chip["text"] for chip in view["head"]["chips"])] if is_over else []
    figures = f'<p dir="auto">{escape(" · ".join(filter(None, said)))}</p>' if any(said) else ""
    next_step = f"<p>Go on with: <code>{escape(view['resume'])}</code></p>" if view["resume"] else ""
    details = [_table(view), _notices(view), _failures(view)] if is_over else []
    head = _head(view if is_over else {**view, "headline": "A run that was under way when this was saved"})
    parts = [head, figures, _reason(view), next_step, _fold("Summary", "".join(details)), samples]
    return f'<div class="tex2jax_ignore mathjax_ignore">{"".join(parts)}</div>'


def summary_text(view: RunView) -> str:
    """Return the summary as a few plain lines."""
    rows = [(label, value) for label, value in _rows(view) if value]
    rows += [(file["role"], file["path"]) for file in view["files"]]
    if view["trouble"]:
        rows.insert(len(view["stages"]), ("Failures", view["trouble"]))
    width = max((len(label) for label, _ in rows), default=0)
    head = [text for text in (view["headline"], view["reason"]) if text]
    return "\n".join([*head, *(f"  {label:<{width}}  {value}" for label, value in rows)])


def _rows(view: RunView) -> Iterator[Row]:
    for stage in view["stages"]:
        yield stage["label"], _stage(stage)
    yield "Budget", _budget(view["budget"])
    for fact in view["facts"]:
        yield fact["label"], fact["value"]
    yield "Time", view["elapsed"]


def _stage(stage: StageView) -> str:
    return ", ".join(part for part in (stage["count"], stage["lost"], stage["rate"], f"in {stage['elapsed']}") if part)


def _budget(budget: BudgetView) -> str:
    return "; ".join(filter(None, (", ".join(limit["told"] for limit in budget["limits"]), budget["shared"])))


def _head(view: RunView) -> str:
    name = f" <code>{escape(view['name'])}</code>" if view["name"] else ""
    return f'<p dir="auto"><b>{escape(view["headline"])}</b>{name}</p>'


def _reason(view: RunView) -> str:
    return f'<p dir="auto">{escape(view["reason"])}</p>' if view["reason"] else ""


def _table(view: RunView) -> str:
    rows = [_row(label, escape(value)) for label, value in _rows(view) if value]
    rows += [_row(file["role"], _link(file)) for file in view["files"]]
    return f"<table><tbody>{''.join(rows)}</tbody></table>"


def _row(label: str, value: str) -> str:
    return f'<tr><td style="{_CELL}">{escape(label)}</td><td style="{_CELL}">{value}</td></tr>'


def _link(file: FileView) -> str:
    path = f"<code>{escape(file['path'])}</code>"
    return f'<a href="{escape(file["link"])}" target="_blank">{path}</a>' if file["link"] else path


def _notices(view: RunView) -> str:
    lines = "".join(f'<li dir="auto">{escape(notice)}</li>' for notice in view["notices"])
    return f"<ul>{lines}</ul>" if lines else ""


def _failures(view: RunView) -> str:
    failed = _fold(f"Failures: {view['trouble']}", "".join(map(_failure, view["failures"])))
    repaired = _fold(f"Replies asked again: {view['repairs']}", "".join(map(_failure, view["repaired"])))
    rejected = "".join(_failure(one, ("Question and answer", "Answer")) for one in view["rejected"])
    return failed + _fold(f"Rejected samples: {view['refusals']}", rejected) + repaired


def _failure(failure: FailureView, labels: tuple[str, str] = ("Request and reply", "Reply")) -> str:
    examples = "".join(f'<li dir="auto">{_example(example, labels)}</li>' for example in failure["examples"])
    return f"<p><b>{escape(failure['kind'])}</b>: {failure['count']:,}</p>" + (
        f"<ul>{examples}</ul>" if examples else ""
    )


def _example(example: ExampleView, labels: tuple[str, str]) -> str:
    return f"<code>{escape(example['path'])}</code>: {escape(example['message'])}{_exchange(example, *labels)}"


def _exchange(example: ExampleView, title: str, label: str) -> str:
    """Return the two texts of an example, to be opened; the second one has a label."""
    if not example["request"]:
        return ""
    reply = example["reply"] or "(none)"
    texts = f"<pre>{escape(example['request'])}</pre><p>{label}:</p><pre>{escape(reply)}</pre>"
    return f"<details><summary>{title}</summary>{texts}</details>"


def _samples(samples: list[SampleView]) -> str:
    title = "The latest sample" if len(samples) == 1 else f"The latest {len(samples):,} samples"
    return _fold(title, "<hr>".join(map(_sample, samples)))


def _sample(sample: SampleView) -> str:
    attempts = f", {sample['attempts']} attempts" if sample["attempts"] > 1 else ""
    return (
        f'<p dir="auto">{sample["number"]:,}: {escape(sample["path"])}{attempts}</p>'
        f'<p dir="auto" style="{_TEXT}"><b>{_lines(sample["question"])}</b></p>'
        f'<p dir="auto" style="{_TEXT}">{_lines(sample["answer"])}</p>'
    )


def _lines(text: str) -> str:
    """Return a text as HTML that keeps line breaks and indents without styles."""
    return re.sub(r"(?m)^ | (?= )", "&nbsp;", escape(text)).replace("\n", "<br>")


def _fold(title: str, content: str) -> str:
    """Return a part that can be opened, or nothing if it has no content."""
    if not content:
        return ""
    return f'<details style="{_FOLD}"><summary>{escape(title)}</summary>{content}</details>'
