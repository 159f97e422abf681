"""The simulated model: what it says, that it always says the same, and how it fails on demand."""

import asyncio
import json
import random
import re
import time
from typing import Any

import jsonschema
import pytest

from deepfabric_core.chat.messages import Message, Reply, ReplySchema, Request, Subject
from deepfabric_core.config.llm import Llm, Simulated
from deepfabric_core.errors import FailureKind, ModelError
from deepfabric_core.llm.simulated.model import SimulatedModel

EXCHANGE = {
    "type": "object",
    "properties": {key: {"type": "string", "pattern": r"\S"} for key in ("question", "reasoning", "answer")},
    "required": ["question", "reasoning", "answer"],
}
NASTY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["a", 2, None]},
        "version": {"const": {"x": [1]}},
        "count": {"type": "integer", "minimum": 5, "exclusiveMaximum": 7},
        "even": {"type": "integer", "exclusiveMinimum": 4, "multipleOf": 2},
        "score": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001},
        "above": {"type": "number", "exclusiveMinimum": 0.29, "maximum": 0.3},
        "below": {"type": "number", "maximum": -3},
        "free": {"type": "number"},
        "bounded": {"minimum": 10},
        "sure": {"type": "boolean"},
        "nothing": {"type": "null"},
        "maybe": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/Tree"}]},
        "listed_types": {"type": ["null", "string"], "minLength": 400},
        "short": {"type": "string", "minLength": 3, "maxLength": 8},
        "empty": {"type": "string", "maxLength": 0},
        "day": {"type": "string", "format": "date"},
        "moment": {"type": "string", "format": "date-time"},
        "mail": {"type": "string", "format": "email"},
        "link": {"type": "string", "format": "uri"},
        "id": {"type": "string", "format": "uuid"},
        "address": {"type": "string", "format": "ipv4"},
        "tags": {"type": "array", "items": {"type": "string"}, "minItems": 4, "maxItems": 4, "uniqueItems": True},
        "colours": {"type": "array", "items": {"enum": ["r", "g", "b"]}, "minItems": 3, "uniqueItems": True},
        "none": {"type": "array", "maxItems": 0},
        "pair": {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "boolean"}], "items": False},
        "scores": {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 3},
        "whole": {"allOf": [{"properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"$ref": "#/$defs/B~1b"}]},
        "either": {"type": "object", "oneOf": [{"$ref": "#/$defs/B~1b"}, {"type": "null"}]},
        "tree": {"$ref": "#/$defs/Tree"},
        "anything": True,
    },
    "required": ["kind", "unlisted"],
    "$defs": {
        "Tree": {
            "type": "object",
            "properties": {
                "label": {"type": "string"},
                "left": {"anyOf": [{"$ref": "#/$defs/Tree"}, {"type": "null"}]},
                "children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}},
            },
            "required": ["label", "left", "children"],
            "additionalProperties": False,
        },
        "B/b": {"type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"]},
    },
}


def model(seed: int | None = None, temperature: float = 0.7, **simulated: float) -> SimulatedModel:
    return SimulatedModel(Llm(model="m", seed=seed, temperature=temperature, simulated=Simulated(**simulated)))


def request(path: tuple[str, ...], schema: Any = EXCHANGE, name: str = "exchange", **subject: Any) -> Request:
    messages = (Message("system", "Be kind."), Message("user", f"Topic path, from the root: {' > '.join(path)}\n\nGo."))
    return Request(messages, 100, ReplySchema(name, schema), subject=Subject(path=path, **subject))


def reply(asked: Request, of: SimulatedModel | None = None) -> Reply:
    return asyncio.run((of or model()).complete(asked))


def answer(asked: Request) -> Any:
    return json.loads(reply(asked).text)


def subtopics(path: tuple[str, ...], **subject: Any) -> list[str]:
    names: list[str] = answer(request(path, {}, "subtopics", **subject))["subtopics"]
    return names


def sentences(exchange: dict[str, str]) -> list[str]:
    return [sentence for text in exchange.values() for sentence in re.split(r"(?<=[.?]) ", text)]


def test_no_two_of_2000_topics_nor_two_variations_share_a_sentence() -> None:
    paths: list[tuple[str, ...]] = [("Root", f"Part {n // 20}", f"Leaf {n}") for n in range(1000)]
    paths += [("Root", f"Part {n}", "Below", "The same leaf") for n in range(1000)]

    async def run() -> list[str]:
        simulated = model()
        asked = [request(path, variation=cycle) for path in paths for cycle in (0, 1, 2)]
        return [one for r in asked for one in sentences(json.loads((await simulated.complete(r)).text))]

    said = asyncio.run(run())
    assert len(said) >= 2000 * 3 * 7
    assert len(set(said)) == len(said)


@pytest.mark.parametrize(
    "leaf", ["Shaping a loaf", 'a "quoted" {leaf} {0} \\ %s', "酸种面包", "two\nlines", "{n} {topic}"]
)
def test_every_sentence_names_the_leaf_and_the_question_its_parent(leaf: str) -> None:
    exchange = answer(request(("Cooking", "Bread {a}", leaf)))
    assert all(" ".join(leaf.split()) in sentence for sentence in sentences(exchange))
    assert exchange["question"].endswith("?") and "Bread {a}" in exchange["question"]
    assert all(3 <= len(re.findall(r"[.](?: |$)", exchange[key])) <= 5 for key in ("answer", "reasoning"))


def test_the_same_request_gets_the_same_reply_in_any_order_at_any_temperature() -> None:
    asked = [request(("Root", f"Leaf {n}"), variation=n % 3) for n in range(50)]
    once = [reply(r).text for r in asked]

    async def shuffled() -> dict[int, str]:
        simulated = model(temperature=1.5, latency=0.001)
        order = random.Random(1).sample(range(50), 50)
        texts = await asyncio.gather(*(simulated.complete(asked[n]) for n in order))
        return dict(zip(order, (text.text for text in texts), strict=True))

    again = asyncio.run(shuffled())
    assert [again[n] for n in range(50)] == once
    assert reply(asked[0], model(seed=1)).text != once[0]


def test_what_is_taken_does_not_change_a_sample() -> None:
    assert answer(request(("Root", "Leaf"), taken=("A question?",))) == answer(request(("Root", "Leaf")))


def test_subtopics_are_as_many_as_wanted_and_never_taken() -> None:
    path = ("Create a dataset about sourdough baking for beginners",)
    first = subtopics(path, wanted=20)
    second = subtopics(path, wanted=20, taken=tuple(name.upper() + "!" for name in first))
    assert len(set(first + second)) == 40
    assert all(name.endswith("in sourdough baking for beginners") for name in first)
    assert len(set(subtopics((*path, first[0]), wanted=50))) == 50


def test_a_quarter_of_the_linked_subtopics_belong_under_the_first_candidate_too() -> None:
    linked = answer(request(("Root", "A"), {}, "linkedsubtopics", wanted=1000))["subtopics"]
    assert len({one["topic"] for one in linked}) == 1000
    assert 200 < sum(one["also_under"] == [1] for one in linked) < 300


def test_a_nasty_schema_is_satisfied_whatever_the_topic() -> None:
    validator = jsonschema.Draft202012Validator(NASTY, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    for n in range(100):
        record = answer(request(("Root", f"Leaf {n}"), NASTY, "record"))
        validator.validate(record)
        assert record.keys() == {*NASTY["properties"], "unlisted"}
        assert record["maybe"] is not None and record["tree"]["children"]


def test_without_a_path_the_prompt_names_the_topic_and_without_a_schema_prose_comes() -> None:
    plain = Request((Message("user", "Bees in winter\nmore"),), 100)
    listed = Request((Message("user", "Hello\nTopic path, from the root: Bees > Wasps\nmore"),), 100)
    assert "“Bees in winter”" in reply(plain).text
    assert "“Wasps”" in reply(listed).text


def test_a_reply_says_that_it_is_simulated_and_counts_tokens() -> None:
    asked = request(("Root", "Leaf"))
    answered = reply(asked)
    assert (answered.model, answered.finish_reason, answered.simulated) == ("m", "stop", True)
    assert answered.usage.prompt_tokens == sum(len(message.content) for message in asked.messages) // 4
    assert (answered.usage.completion_tokens, answered.usage.cost) == (len(answered.text) // 4, 0.0)
    assert model().name == "simulated/m"


def test_faults_come_in_their_shares_and_the_same_each_time() -> None:
    async def outcomes() -> list[str]:
        simulated, seen = model(rate_limited=0.2, server_errors=0.1, malformed=0.3), []
        whole = (await model().complete(request(("Root", "Leaf")))).text
        for _ in range(1000):
            try:
                text = (await simulated.complete(request(("Root", "Leaf")))).text
                seen.append("whole" if text == whole else "half" if text == whole[: len(whole) // 2] else "other")
            except ModelError as problem:
                retry = {FailureKind.RATE_LIMITED: (429, 0.05), FailureKind.SERVER_ERROR: (500, None)}
                assert (problem.status, problem.retry_after) == retry[problem.kind]  # noqa: PT017
                seen.append(str(problem.kind))
        return seen

    first = asyncio.run(outcomes())
    assert first == asyncio.run(outcomes())
    shares = {"rate limited": 0.2, "server error": 0.1, "half": 0.3, "whole": 0.4}
    assert {kind: round(first.count(kind) / 1000, 1) for kind in shares} == shares


def test_the_latency_is_waited_for() -> None:
    began = time.monotonic()
    reply(request(("Root", "Leaf")), model(latency=0.05))
    assert time.monotonic() - began >= 0.05
