"""The section on topics: samples by branch, to be opened, and topics without samples."""

from __future__ import annotations

from typing import Any

from deepfabric_core.pictures.report.charts import Bar, axis_end, bars, rows
from deepfabric_core.pictures.report.numbers import percent
from deepfabric_core.pictures.report.sections.section import Section
from deepfabric_core.pictures.report.texts import trails
from deepfabric_core.wording import counted, digits

_MOST_ROWS = 30
_COLOURS = ("h1", "h2", "h3", "h4")

Node = dict[str, Any]


def topics(document: dict[str, Any]) -> Section | None:
    """Return the section; None if nothing is known of topics."""
    found, samples = document["topics"], document["samples"]
    if not found["covered"] and not found["known"]:
        return None
    nodes = found["branches"]
    root = nodes[0] if len(nodes) == 1 and nodes[0]["branches"] else None
    branches = root["branches"] if root else nodes
    parts = [_chart(branches, samples, root)] if branches else []
    parts += [_missing(found)] if found["missing"] else []
    return Section("topics", "Topics", _about(found), "".join(parts))


def _about(found: dict[str, Any]) -> str:
    covered = counted(found["covered"], "topic")
    parts = [f"{covered} have samples" if found["covered"] != 1 else f"{covered} has samples"]
    if found["known"] is not None:
        named = found["known"] - found["missing"]
        parts = [f"{digits(named)} of {counted(found['known'], 'topic')} have samples"]
        if others := max(0, found["covered"] - named):
            parts.append(f"{counted(others, 'topic')} that the topics file doesn't have, too")
    if found["median_per_topic"] and found["covered"] > 1:
        most = found["most_per_topic"]
        parts.append(f"half of those at most {digits(found['median_per_topic'])}, the largest {digits(most)}")
    if found["samples_without_topic"]:
        parts.append(f"{counted(found['samples_without_topic'], 'sample')} name no topic")
    return "; ".join(parts) + "."


def _chart(branches: list[Node], samples: int, root: Node | None) -> str:
    most = axis_end(branch["samples"] for branch in branches)
    shown, rest = branches[:_MOST_ROWS], branches[_MOST_ROWS:]
    found = [
        _bar(branch, samples, most, _COLOURS[place % len(_COLOURS)], inner=True) for place, branch in enumerate(shown)
    ]
    found += _rest(rest)
    title = f"Samples by branch of {root['name']}" if root else "Samples by topic"
    return bars(found, title=title, unit="samples")


def _bar(branch: Node, samples: int, most: float, colour: str, *, inner: bool) -> Bar:
    inside = branch["branches"]
    below = ""
    if inside:
        part = [_bar(one, samples, most, f"{colour} soft", inner=False) for one in inside[:_MOST_ROWS]]
        below = rows([*part, *_rest(inside[_MOST_ROWS:])], most)
    said = f"{digits(branch['samples'])}"
    tip = f"{branch['name']}: {counted(branch['samples'], 'sample')} ({percent(branch['samples'], samples)})"
    if branch["score"] is not None:
        tip += f", judged {branch['score']:g} on average"
    return Bar(branch["name"], branch["samples"], said, tip, below, colour if inner else f"{colour}")


def _rest(branches: list[Node]) -> list[Bar]:
    if not branches:
        return []
    samples = sum(branch["samples"] for branch in branches)
    return [Bar(f"{counted(len(branches), 'other topic')}", samples, digits(samples), colour="rest")]


def _missing(found: dict[str, Any]) -> str:
    paths = found["missing_paths"]
    more = found["missing"] - len(paths)
    head = f"{counted(found['missing'], 'topic')} without a sample"
    opened = " open" if found["missing"] <= 10 else ""  # noqa: PLR2004 - a short list needs no click
    return f'<details class="card"{opened}><summary>{head}</summary>{trails(paths, more)}</details>'
