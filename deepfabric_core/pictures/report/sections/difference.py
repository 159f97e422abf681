"""The section on the difference to another dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from deepfabric_core.pictures.report.numbers import percent, short
from deepfabric_core.pictures.report.sections.duplicates import pairs
from deepfabric_core.pictures.report.sections.section import Section
from deepfabric_core.pictures.report.texts import escaped, table, trails
from deepfabric_core.wording import are, counted, digits, money

_WRITTEN: Mapping[str, Callable[[float], str]] = {"share": percent, "cost": money}


def difference(document: dict[str, Any]) -> Section | None:
    """Return the section; None if there is nothing to compare with."""
    found = document["difference"]
    if not found:
        return None
    rows = [
        [one["what"], _figure(one["old"], one["unit"]), _figure(one["new"], one["unit"]), _change(one)]
        for one in found["figures"]
    ]
    parts = [table(["", "then", "now", "change"], rows)]
    parts += [_topics(found["topics_gained"], "gained"), _topics(found["topics_lost"], "lost"), _shared(found)]
    about = f"What differs from <code>{escaped(found['dataset'])}</code>."
    return Section("difference", "Difference", about, "".join(parts))


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    if unit in _WRITTEN:
        return _WRITTEN[unit](value)
    return digits(value) if isinstance(value, int) else f"{value:.4g}"


def _change(one: dict[str, Any]) -> str:
    old, new = one["old"], one["new"]
    if old is None or new is None or old == new:
        return '<span class="dim">=</span>' if old == new else "-"
    share = f" ({(new - old) / old * 100:+.0f} %)" if old else ""
    sign = "+" if new > old else "-"
    written = _WRITTEN.get(one["unit"], short)
    return f"{sign}{written(round(abs(new - old), 8))}{share}"


def _topics(found: dict[str, Any], what: str) -> str:
    if not found["count"]:
        return ""
    more = found["count"] - len(found["paths"])
    head = f"{counted(found['count'], 'topic')} {what}"
    return f'<details class="card"><summary>{head}</summary>{trails(found["paths"], more)}</details>'


def _shared(found: dict[str, Any]) -> str:
    shared = found.get("shared")
    if not shared:
        return ""
    number = shared["samples"]
    exact = f"{digits(shared['exact'])} word for word"
    said = f"<p class=apart>{counted(number, 'sample')} {are(number)} nearly one of the other dataset, {exact}.</p>"
    return said + pairs(shared["pairs"], "then", "now")
