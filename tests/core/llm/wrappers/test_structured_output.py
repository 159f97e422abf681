"""Tests of how JSON is asked for: in the strongest way that a server takes, found by one call and remembered."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from deepfabric_core.chat.messages import Message, PlainParts, Reply, ReplySchema, Request
from deepfabric_core.errors import FailureKind, ModelError
from deepfabric_core.events import Event, Notice
from deepfabric_core.llm.wrappers.structured_output import StructuredOutput
from tests.answers import topic_line
from tests.core.conftest import Run, local_llm, write_config
from tests.model_servers import (
    LLAMA_CPP,
    LLAMA_CPP_OF_OLD,
    LLAMA_CPP_PYTHON,
    LM_STUDIO,
    OLLAMA,
    OLLAMA_OF_OLD,
    PLAIN_TEXT_ONLY,
    REFUSES_FORMATS,
    STRIPS_ALL,
    STRIPS_FORMATS,
    TGI_OF_OLD,
    VLLM,
    Imitation,
    ModelServer,
    no_schema,
)
from tests.provider import Faults, LocalProvider

# The prose of these servers is nearly the same each time.
REPEATED = {"duplicates": "off"}
TOPICS = {"prompt": "Repairing bicycles", "depth": 2, "degree": 2, "save_as": "out/topics.jsonl"}
# The root and its two subtopics are expanded, and each of the four leaves gets a sample.
NEEDED = 7


def way_of(body: dict[str, Any]) -> str:
    """The way in which a request asks for JSON."""
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_object":
        return "json_object_schema" if "schema" in wanted else "json_object"
    if wanted:
        return str(wanted["type"])
    if body.get("tool_choice"):
        return "tool"
    return "words" if "JSON" in body["messages"][-1]["content"] else "plain_text"


def run_on(server: ModelServer, deepfabric: Run, place: Path, *flags: str, **llm: str) -> list[dict[str, Any]]:
    """Make a dataset on a server; answers its records."""
    calls = {"provider": "openai", "model": "some-model", "base_url": server.base_url, **llm}
    config = write_config(place, llm=calls, topics=TOPICS, quality=REPEATED)
    done = deepfabric("generate", config, "--tui", "simple", *flags, OPENAI_API_KEY="a-key-of-sixteen")
    assert done.returncode == 0, done.stderr
    run_on.said = done.stdout + done.stderr  # type: ignore[attr-defined]
    lines = (place / "out/dataset.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


STRONGEST = {
    "llama-cpp-python": (LLAMA_CPP_PYTHON, "json_object_schema"),
    "llama.cpp": (LLAMA_CPP, "json_schema"),
    "llama.cpp of old": (LLAMA_CPP_OF_OLD, "json_object_schema"),
    "Ollama": (OLLAMA, "json_schema"),
    "LM Studio": (LM_STUDIO, "json_schema"),
    "vLLM": (VLLM, "json_schema"),
    "TGI of old": (TGI_OF_OLD, "json_object_schema"),
    "a proxy that strips response_format": (STRIPS_FORMATS, "tool"),
    "a router that refuses response_format": (REFUSES_FORMATS, "tool"),
    "404 with words": (Imitation(no_schema(404, "No endpoints found that can handle the requested parameters."),
        enforces=("json_object_schema",)), "json_object_schema"),
    "415 with words": (Imitation(no_schema(415, "Unsupported response_format"), enforces=("tool",)), "tool"),
    "422 of FastAPI": (Imitation(no_schema(422, "body.response_format.type: Input should be 'json_object'"),
        enforces=("json_object_schema",)), "json_object_schema"),
    "400 without a reason": (Imitation(no_schema(400, ""), enforces=("json_object_schema",)), "json_object_schema"),
}  # fmt: skip


THROUGH_LITELLM = ("llama-cpp-python", "TGI of old", "a proxy that strips response_format")


@pytest.mark.parametrize(
    ("server", "client"),
    [
        *((server, "direct") for server in STRONGEST),
        *(pytest.param(server, "litellm", marks=pytest.mark.slow) for server in THROUGH_LITELLM),
    ],
)
def test_each_server_is_asked_in_its_strongest_way_after_one_call_at_most(
    server: str, client: str, deepfabric: Run, place: Path
) -> None:
    imitation, way = STRONGEST[server]
    with ModelServer(imitation) as running:
        records = run_on(running, deepfabric, place, client=client)
        assert len(records) == 4
        assert len(running.requests) <= NEEDED + 1
        assert [way_of(body) for body in running.requests[-NEEDED:]] == [way] * NEEDED
        assert "given up" not in run_on.said.lower()  # type: ignore[attr-defined]

        running.requests.clear()
        run_on(running, deepfabric, place, client=client)
        assert [way_of(body) for body in running.requests] == [way] * NEEDED, "the next run knows the way"


def test_a_server_that_ignores_a_schema_but_has_json_mode_is_asked_so(deepfabric: Run, place: Path) -> None:
    with ModelServer(OLLAMA_OF_OLD) as running:
        assert len(run_on(running, deepfabric, place)) == 4
        assert [way_of(body) for body in running.requests[-NEEDED:]] == ["json_object"] * NEEDED


def test_a_model_that_only_follows_words_costs_one_call(deepfabric: Run, place: Path) -> None:
    with ModelServer(STRIPS_ALL) as running:
        assert len(run_on(running, deepfabric, place)) == 4
        assert len(running.requests) == NEEDED + 1
        assert [way_of(body) for body in running.requests[-NEEDED + 1 :]] == ["words"] * (NEEDED - 1)


def test_a_model_that_never_writes_json_is_asked_in_plain_text(deepfabric: Run, place: Path) -> None:
    with ModelServer(PLAIN_TEXT_ONLY) as running:
        records = run_on(running, deepfabric, place)
        assert len(records) == 4
        for record in records:
            assert record["question"].endswith("?") and not record["question"].startswith("Question")
            assert record["messages"][-1]["content"] == record["final_answer"]
        assert "plain text" in run_on.said  # type: ignore[attr-defined]
        running.requests.clear()
        run_on(running, deepfabric, place)
        assert {way_of(body) for body in running.requests} == {"plain_text"}
        assert len(running.requests) == 3 + 2 * 4


def test_reasoning_in_plain_text_takes_a_third_call_where_the_answer_is_not_marked(
    deepfabric: Run, place: Path
) -> None:
    with ModelServer(PLAIN_TEXT_ONLY) as running:
        calls = {"provider": "openai", "model": "m", "base_url": running.base_url, "structured_output": "plain_text"}
        generation = {"conversation": {"type": "cot", "reasoning_style": "freetext"}}
        config = write_config(place, llm=calls, topics=TOPICS, generation=generation, quality=REPEATED)
        done = deepfabric("generate", config, "--tui", "simple", OPENAI_API_KEY="a-key-of-sixteen")
        assert done.returncode == 0, done.stderr
        record = json.loads((place / "out/dataset.jsonl").read_text(encoding="utf-8").splitlines()[0])
        assert record["reasoning"]["content"] and record["final_answer"]
        assert record["metadata"]["attempts"] == 3
        assert len(running.requests) == 3 + 3 * 4


def test_a_refusal_is_remembered_though_the_next_way_has_not_proven_itself_yet() -> None:
    """Small models often have their first replies cut off, which says nothing of a way that is enforced."""
    ways: list[str] = []
    notices: list[Event] = []

    class CutOff:
        name = "a model"

        async def complete(self, request: Request) -> Reply:
            ways.append(request.schema_mode)
            if request.schema_mode == "json_schema":
                raise ModelError("response_format json_schema is not supported", kind=FailureKind.BAD_REQUEST)
            return Reply('{"question": "Wh', "m", "length") if len(ways) < 4 else Reply('{"question": "Why?"}', "m")

        async def close(self) -> None: ...

    async def ask() -> None:
        for _ in range(3):
            await model.complete(Request((Message("user", "Ask."),), 100, schema=schema))

    schema = ReplySchema("question", {"type": "object", "required": ["question"]})
    model = StructuredOutput(CutOff(), notices.append)
    asyncio.run(ask())
    assert ways == ["json_schema", "json_object_schema", "json_object_schema", "json_object_schema"]
    assert [notice.message for notice in notices if isinstance(notice, Notice)] == [
        "a model takes no JSON Schema or doesn't keep to it: it is asked by JSON mode with a schema"
    ]


def test_a_part_in_plain_text_that_ran_in_circles_is_asked_for_once_more_with_repetition_penalized() -> None:
    asked: list[Request] = []

    class Circling:
        name = "a model"

        async def complete(self, request: Request) -> Reply:
            asked.append(request)
            circles = request.messages[0].content == "answer it" and not request.penalized
            return Reply("and so on, " * 200, "m", "length") if circles else Reply(f"part {len(asked)}", "m")

        async def close(self) -> None: ...

    def parts() -> PlainParts:
        question = yield (Message("user", "ask"),)
        answer = yield (Message("user", "answer it"),)
        return {"question": question, "answer": answer}

    request = Request((), 100, schema=ReplySchema("exchange", {"type": "object"}), plain=parts)
    model = StructuredOutput(Circling(), lambda _: None, forced="plain_text")
    reply = asyncio.run(model.complete(request))
    assert json.loads(reply.text) == {"question": "part 1", "answer": "part 3"}
    assert reply.calls == 3 and [one.redraw for one in asked] == [0, 0, 1]


@pytest.mark.parametrize("way", ["json_schema", "json_object_schema", "tool", "json_object", "prompt"])
def test_a_way_can_be_forced(way: str, deepfabric: Run, place: Path) -> None:
    imitation = Imitation(enforces=("json_schema", "json_object_schema", "tool"), understands=("json_object", "words"))
    with ModelServer(imitation) as running:
        run_on(running, deepfabric, place, structured_output=way)
        assert {way_of(body) for body in running.requests} == {"words" if way == "prompt" else way}


def test_the_first_call_finds_the_way_while_all_others_wait(deepfabric: Run, place: Path) -> None:
    with ModelServer(LLAMA_CPP_PYTHON, seconds=0.2) as running:
        run_on(running, deepfabric, place)  # grows the topics
        (place / ".cache").mkdir()
        running.requests.clear()
        running.refused = 0
        calls = {"provider": "openai", "model": "another-model", "base_url": running.base_url}
        config = write_config(place, llm=calls, topics=TOPICS, output={"batch_size": 50, "save_as": "out/2.jsonl"})
        done = deepfabric(
            "generate", config, "--tui", "simple", "--topics-load", "out/topics.jsonl", OPENAI_API_KEY="k" * 16
        )
        assert done.returncode == 0, done.stderr
        assert running.refused == 1


def test_many_do_not_wait_for_an_answer_that_takes_long(deepfabric: Run, place: Path) -> None:
    with LocalProvider(Faults(latency=2.0)) as server:
        topics = {"llm": {"provider": "simulated"}, "save_as": "out/topics.jsonl"}
        output = {"num_samples": 64, "batch_size": 64, "save_as": "out/dataset.jsonl"}
        done = deepfabric("generate", write_config(place, llm=local_llm(server), topics=topics, output=output))
        assert done.returncode == 0, done.stderr
        assert server.counts.answered == 64
        assert (server.counts.last_answer_at or 0) - (server.counts.first_at or 0) < 3.5


def test_small_mistakes_in_json_are_mended_and_counted(deepfabric: Run, place: Path) -> None:
    def spoiled(body: dict[str, Any]) -> str:
        asked = body["messages"][-1]["content"]
        leaf = topic_line(asked).split(" > ")[-1].split(": ")[-1]
        if "subtopics" in asked:
            return json.dumps({"subtopics": [f"{leaf} one", f"{leaf} two"]})
        return (
            f'Sure:\n{{"question": "What of {leaf},\nthen?", "answer": "First {leaf},\n\nthen \'the rest\' of it.",}}'
        )

    with LocalProvider(reply=spoiled) as server:
        calls = {"provider": "openai", "model": "m", "base_url": server.base_url}
        config = write_config(place, llm=calls, topics=TOPICS, quality=REPEATED)
        done = deepfabric("generate", config, "--tui", "simple", OPENAI_API_KEY="a-key-of-sixteen")
        assert done.returncode == 0, done.stderr
        assert re.search(r"[Mm]ended.*4 replies", done.stdout), done.stdout
        assert server.counts.requests == NEEDED


def test_a_key_in_an_address_is_not_in_what_is_remembered(deepfabric: Run, place: Path) -> None:
    with ModelServer(LLAMA_CPP_PYTHON) as running:
        password = "hunter2hunter2"  # noqa: S105
        address = running.base_url.replace("http://", f"http://user:{password}@")
        run_on(running, deepfabric, place, base_url=address)
    kept = [file for file in (place / "cache").rglob("*") if file.is_file()]
    assert kept and all(password not in file.read_text(encoding="utf-8") for file in kept)


# ---- what is remembered


@pytest.mark.slow
def test_a_damaged_or_an_old_memory_is_no_memory(place: Path, monkeypatch: pytest.MonkeyPatch, deepfabric: Run) -> None:
    with ModelServer(LLAMA_CPP_PYTHON) as running:
        run_on(running, deepfabric, place)
        (memory,) = (place / "cache").rglob("structured_output.json")
        for content in ("{", "[1]", memory.read_text().replace('"at": 1', '"at": 0.1'), '{"a": {"way": "x", "at": 1}}'):
            memory.write_text(content)
            running.refused = 0
            run_on(running, deepfabric, place)
            assert running.refused == 1, content


def test_where_nothing_can_be_remembered_a_run_finds_the_way_anew(deepfabric: Run, place: Path) -> None:
    (place / "cache").write_text("a file where the folder would be")
    with ModelServer(LLAMA_CPP_PYTHON) as running:
        assert len(run_on(running, deepfabric, place)) == 4
        running.refused = 0
        assert len(run_on(running, deepfabric, place)) == 4
        assert running.refused == 1


# ---- replies that are no use in a way that only asks


def test_a_model_that_only_echoes_the_form_is_asked_in_plain_text(deepfabric: Run, place: Path) -> None:
    """JSON that holds nothing but the placeholders of the form is no answer, though it is JSON."""

    def echo(body: dict[str, Any]) -> str:
        asked = body["messages"][-1]["content"]
        if "in this form" in asked:
            return str(asked[asked.rindex("{") if '"question"' in asked else asked.index("{") :])
        if "titles, one a line" in asked:
            return "1. Chains\n2. Brakes"
        if "Write one question" in asked:
            return "What of the chain?" if '"Chains"' in asked else "What of the brakes?"
        return "Clean it well."

    with LocalProvider(Faults(reject_response_format="any", reject_tools=True), reply=echo) as server:
        calls = {"provider": "openai", "model": "m", "base_url": server.base_url}
        config = write_config(place, llm=calls, topics={**TOPICS, "depth": 1})
        done = deepfabric("generate", config, "--tui", "simple", OPENAI_API_KEY="a-key-of-sixteen")
        assert done.returncode == 0, done.stdout
        assert "doesn't keep to words: it is asked by plain text" in done.stdout + done.stderr
