"""Requests as they arrive: what all of a kind share stands first, so that a provider's cache takes effect."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import ROOT
from tests.provider import Faults, LocalProvider

RUN = """
import asyncio, sys
import deepfabric_core as d
from pathlib import Path
for name in sys.argv[1:]:
    config = d.load(Path(name).read_text(), source=name).config
    asyncio.run(d.generate(d.Job(config), emit=lambda _: None, stop=d.Stop()))
"""
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
TOOLS = {"tools": {"available": ["read_file", "write_file"]}}
KINDS: dict[str, dict[str, Any]] = {
    "basic": {"conversation": {"type": "basic"}},
    "reasoning": {"conversation": {"type": "cot", "reasoning_style": "freetext"}},
    "agent": {"conversation": {"type": "cot", "reasoning_style": "agent"}},
    "own schema": {"output_schema": SCHEMA},
}
Kind = tuple[str, str]


def config_of(kind: str, topic: str, base_url: str) -> dict[str, Any]:
    llm = {"provider": "openai", "model": kind, "base_url": base_url, "seed": 7}
    form = {"format": "custom"} if kind == "own schema" else {}
    judge = {"judge": {"llm": {"model": "judge"}}} if kind == "basic" else {}
    return {
        "llm": llm,
        "topics": {
            "prompt": topic,
            "depth": 2 if kind == "basic" else 1,
            "degree": 2,
            "save_as": f"{kind}/topics.jsonl",
        },
        "generation": {"system_prompt": "You teach.", "instructions": "Use plain words.", **KINDS[kind]},
        "output": {"save_as": f"{kind}/dataset.jsonl", "num_samples": 6 if kind == "basic" else 4, **form},
        "quality": {"duplicates": False, **judge},
    }


def kind_of(body: Mapping[str, Any]) -> Kind:
    form = body.get("response_format", {}).get("json_schema", {}).get("name", "")
    return body["model"], form or ("with tools" if body.get("tools") else "without tools")


def sent_by(place: Path, topic: str) -> dict[Kind, list[bytes]]:
    """The bodies that a run of each kind sends, made in one process with its own seed for hashes."""
    place.mkdir()
    sent = defaultdict(list)
    with LocalProvider(Faults()) as provider:
        for kind in KINDS:
            config = config_of(kind, topic, provider.base_url)
            (place / f"{kind}.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        own = {name: str(place / name) for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME")}
        subprocess.run(
            [sys.executable, "-c", RUN, *(f"{kind}.yaml" for kind in KINDS)],
            cwd=place,
            env={**os.environ, **own, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": str(len(topic))},
            check=True,
        )
        for body, raw in zip(provider.requests, provider.bodies, strict=True):
            sent[kind_of(body)].append(raw)
    return sent


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> dict[Kind, list[bytes]]:
    """What two runs about different topics sent, together."""
    place = tmp_path_factory.mktemp("runs")
    one, other = sent_by(place / "one", "Bees"), sent_by(place / "other", "Sailing in a storm")
    assert one.keys() == other.keys()
    return {kind: one[kind] + other[kind] for kind in one}


def paragraphs(raw: bytes) -> list[str]:
    messages = json.loads(raw)["messages"]
    return [part for message in messages for part in (message["content"] or "").split("\n\n")]


ASKED: dict[Kind, list[str]] = {
    ("basic", "subtopics"): ["You name the subtopics of a topic", "list of names."],
    ("basic", "exchange"): ["You teach.", "Use plain words.", "complete answer.", '\\"question\\" and \\"answer\\".'],
    ("reasoning", "reasonedexchange"): ["You teach.", "Use plain words.", '\\"reasoning\\" and \\"answer\\".'],
    ("agent", "task"): ["You teach.", "Use plain words.", "without the tools below.", "read_file", '\\"question\\".'],
    ("agent", "with tools"): ['"tools":[', "write_file", "You teach.", "Carry out the user's task", "without a call."],
    ("own schema", "record"): ["You teach.", "Use plain words.", '\\"required\\": [\\"name\\"]'],
    ("judge", "verdict"): ["You judge samples", "- correctness:", "from the sample itself.", '\\"score\\".'],
}


@pytest.mark.parametrize("kind", ASKED, ids=" ".join)
def test_two_runs_begin_with_all_that_their_requests_share(sent: dict[Kind, list[bytes]], kind: Kind) -> None:
    bodies = sent[kind]
    assert len(bodies) > 2
    first, last = min(bodies), max(bodies)
    alike = next(place for place, (one, other) in enumerate(zip(first, last, strict=False)) if one != other)
    text = first[:alike].decode(errors="ignore")
    places = [text.find(part) for part in ASKED[kind]]
    assert -1 not in places, (places, text)
    assert "tools" in text or '"response_format":{' in text


@pytest.mark.parametrize("kind", ASKED, ids=" ".join)
def test_nothing_that_all_requests_share_stands_behind_what_differs(sent: dict[Kind, list[bytes]], kind: Kind) -> None:
    asked = [paragraphs(raw) for raw in sent[kind]]
    first = next(place for place, parts in enumerate(zip(*asked, strict=False)) if len(set(parts)) > 1)
    assert not set.intersection(*(set(parts[first:]) for parts in asked))


def test_what_is_no_part_of_the_prompt_stands_after_it(sent: dict[Kind, list[bytes]]) -> None:
    for raw in sent["basic", "exchange"]:
        assert list(json.loads(raw)) == ["model", "response_format", "messages", "max_tokens", "temperature", "seed"]
