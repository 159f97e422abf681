"""Samples for the view of samples on a page of its own, without Jupyter: good ones, ugly ones, and many."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

JS = Path(__file__).parents[2] / "deepfabric_nb" / "js"
STATIC = JS.parent / "static"

Json = dict[str, Any]

_PAGE = """<!doctype html><meta charset="utf-8"><title>Samples</title><link rel="stylesheet" href="samples.css">
<style>body {{ margin: 12px; background: light-dark(#fff, #111418); color-scheme: {scheme} }}</style>
<main id="place"></main>
<script type="module">
import {{ modelOf }} from "./samples_kernel.js";
import widget from "./samples.js";
const {{ index, cards }} = await (await fetch("samples.json")).json();
window.model = modelOf(index, cards, {{ soon: (answer) => setTimeout(answer, {latency}) }});
const began = performance.now();
window.end = widget().render({{ model: window.model, el: document.getElementById("place") }});
const row = setInterval(() => {{
  if (!document.querySelector(".dfs-row") && index.rows.title.length) return;
  clearInterval(row);
  requestAnimationFrame(() => requestAnimationFrame(() => {{ window.painted = performance.now() - began; }}));
}}, 4);
</script>"""


def files(index: Json, cards: dict[int, Json], *, scheme: str = "light", latency: int = 0) -> dict[str, str]:
    """Return the files of the page by name: the built widget, a kernel in JavaScript, and the samples."""
    return {
        "index.html": _PAGE.format(scheme=scheme, latency=latency),
        "samples.json": json.dumps({"index": index, "cards": cards}),
        "samples.js": (STATIC / "samples.js").read_text(encoding="utf-8"),
        "samples.css": (STATIC / "samples.css").read_text(encoding="utf-8"),
        "samples_kernel.js": (JS / "test" / "samples_kernel.js").read_text(encoding="utf-8"),
    }


def message(role: str, text: str, at: int, **more: Any) -> Json:
    return {"role": role, "text": text, "reasoning": [], "calls": [], "at": ["messages", at, "content"], **more}


def card(row: int, messages: list[Json], **more: Any) -> Json:
    base: Json = {
        "row": row, "path": ["Repairing bicycles", "Brakes", "Rim brakes", "Noise"], "messages": messages,
        "facts": ["gpt-4o-mini", "412 tokens", "$0.0003"], "system": "", "fields": [], "tools": [], "score": None,
        "scores": [], "checks": [], "error": "", "request": "", "reply": "", "history": [], "before": [],
    }  # fmt: skip
    return base | more


def index(cards: list[Json], **columns: list[Any]) -> Json:
    """Return the index of some cards."""
    topics = list(dict.fromkeys(tuple(one["path"]) for one in cards))
    count = len(cards)

    def all_of(value: Any) -> list[Any]:
        return [value] * count

    rows: Json = {
        "title": [_title(one) for one in cards],
        "topic": [topics.index(tuple(one["path"])) for one in cards],
        "status": ["failed" if one["error"] else "done" for one in cards],
        "verdict": all_of(""),
        "reason": all_of(-1),
        "score": [one["score"] for one in cards],
        "length": [sum(len(each["text"]) for each in one["messages"] + one["fields"]) for one in cards],
        "model": all_of(0),
        "cycle": all_of(0),
        "attempts": all_of(1),
        "cost": all_of(0.0003),
        "calls": [sum(len(each["calls"]) for each in one["messages"]) for one in cards],
        "problems": [len(one["checks"]) for one in cards],
    } | columns
    return {
        "title": "bicycles", "topics": [list(path) for path in topics], "models": ["gpt-4o-mini"], "reasons": [],
        "rows": rows, "review": review(count), "can_review": True,
    }  # fmt: skip


def review(total: int) -> Json:
    return {
        "accepted": 0, "rejected": 0, "edited": 0, "total": total, "agrees": 0, "compared": 0, "to_make_again": 0,
        "can_undo": "", "can_make_again": True, "why_not_again": "", "file": "bicycles.reviews.jsonl",
    }  # fmt: skip


def _title(one: Json) -> str:
    texts: list[str] = [each["text"] for each in one["messages"] + one["fields"]]
    return (texts or [str(one["error"])])[0][:160]


def many(count: int) -> tuple[Json, dict[int, Json]]:
    """Return the index of many rows. Their cards are made by the page's kernel when they are read."""
    branches = ["Brakes", "Drivetrain", "Wheels", "Cockpit", "Frames"]
    topics = [["Repairing bicycles", branch, f"Part {n % 40}", f"Fault {n}"] for branch in branches for n in range(100)]
    all_rows = range(count)
    rows = {
        "title": [f"Why does part {n % 40} of my bicycle make noise number {n} only when it is wet?" for n in all_rows],
        "topic": [n % len(topics) for n in all_rows],
        "status": ["failed" if n % 97 == 0 else "done" for n in all_rows],
        "verdict": [("", "", "", "accepted", "", "rejected", "", "edited")[n % 8] for n in all_rows],
        "reason": [n % 3 if n % 8 == 5 else -1 for n in all_rows],
        "score": [1 + n * 7 % 9 / 2 for n in all_rows],
        "length": [200 + n * 37 % 9000 for n in all_rows],
        "model": [n % 2 for n in all_rows],
        "cycle": [n // (count // 2 + 1) for n in all_rows],
        "attempts": [1 + (n % 11 == 0) for n in all_rows],
        "cost": [0.0001 * (n % 17) for n in all_rows],
        "calls": [n % 4 for n in all_rows],
        "problems": [int(n % 23 == 0) for n in all_rows],
    }
    made: Json = {
        "title": "bicycles", "topics": topics, "models": ["gpt-4o-mini", "claude-haiku"],
        "reasons": ["wrong", "off topic", "too vague"], "rows": rows, "review": review(count), "can_review": True,
    }  # fmt: skip
    return made, {}
