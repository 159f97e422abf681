"""The head of the page: what the dataset is, cards with its main figures, and what deserves a look."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from deepfabric_core.pictures.report.numbers import percent, short, size
from deepfabric_core.pictures.report.texts import escaped
from deepfabric_core.wording import counted, digits, money

_MILLION = 10**6

Card = tuple[str, str, str, str]


def head(document: dict[str, Any]) -> str:
    """Return the title with the facts about the file."""
    file, making = document["dataset"], document["making"]
    badges = "".join(
        f'<span class="chip {colour}">{said} {percent(making[flag], document["samples"])}</span>'
        for flag, said, colour in (("simulated", "simulated", "warn"), ("demonstration", "demonstration", "ok"))
        if making[flag]
    )
    facts = (
        f"{counted(document['samples'], 'sample')} · {size(file['bytes'])} · looked at on {document['made_at'][:10]}"
    )
    return (
        f'<header><p class="over">Report on a dataset</p><h1 dir="auto">{escaped(file["name"])} {badges}</h1>'
        f'<p class="dim" title="{escaped(file["path"])}">{facts}</p></header>'
    )


def cards(document: dict[str, Any]) -> str:
    """Return the cards with the main figures; each leads to its section."""
    body = "".join(
        f'<a class="figure" href="#{section}"><span>{name}</span><b>{value}</b><small>{more or "&nbsp;"}</small></a>'
        for section, name, value, more in _cards(document)
    )
    return f'<div class="figures">{body}</div>'


def _cards(document: dict[str, Any]) -> Iterator[Card]:
    samples, making, topics = document["samples"], document["making"], document["topics"]
    kinds = ", ".join(f"{short(one['samples'])} {escaped(one['name'])}" for one in making["kinds"][:2])
    yield "making", "Samples", digits(samples) if samples < _MILLION else short(samples), kinds
    if topics["covered"]:
        known = f"of {short(topics['known'])}" if topics["known"] is not None else ""
        covered = topics["covered"] if topics["known"] is None else topics["known"] - topics["missing"]
        yield "topics", "Topics covered", short(covered), known
    if length := document["lengths"]["sample"]:
        about = "" if document["tokens"]["exact"] else "about "
        yield "lengths", "Tokens", about + short(length["sum"]), f"median {digits(length['median'])}"
    yield from _quality_cards(document)
    if document["cost"]["total"] is not None:
        each = f"{money(document['cost']['per_accepted_sample'])} a sample"
        yield "making", "Cost", money(document["cost"]["total"]), each
    if making["calls"] and samples:
        yield "making", "Calls a sample", f"{making['calls'] / samples:.2f}", f"{short(making['calls'])} in all"


def _quality_cards(document: dict[str, Any]) -> Iterator[Card]:
    samples, copies, rejected = document["samples"], document["duplicates"], document["rejected"]
    if copies and samples:
        yield "duplicates", "Near-duplicates", percent(copies["samples"], samples), counted(copies["samples"], "sample")
    checks = document["checks"]
    if samples and (checks["known"] or checks["by_check"]):
        yield "checks", "Failed a check", percent(checks["failing"], samples), counted(checks["failing"], "sample")
    if judge := document["judge"]:
        yield "judge", "Judge's score", f"{judge['mean']:.2f}", f"{short(judge['judged'])} judged"
    if rejected and rejected["samples"]:
        made = rejected["samples"] + samples
        yield "rejected", "Rejected", percent(rejected["samples"], made), counted(rejected["samples"], "sample")
    if known := [one for one in document["languages"] if one["code"]]:
        yield "languages", "Language", escaped(known[0]["title"]), percent(known[0]["count"], samples)


def notes(document: dict[str, Any], sections: frozenset[str]) -> str:
    """Return what deserves a look, each with a link to its section if there is one."""
    items = "".join(
        f'<li class="{escaped(note["weight"])}">{_linked(note, sections)}</li>' for note in document["notes"]
    )
    if not items:
        return '<p class="notes good">Nothing stands out.</p>' if document["samples"] else ""
    return f'<section class="notes"><h2>What deserves a look</h2><ul>{items}</ul></section>'


def _linked(note: dict[str, str], sections: frozenset[str]) -> str:
    text = escaped(note["text"])
    return f'<a href="#{note["section"]}">{text}</a>' if note["section"] in sections else text
