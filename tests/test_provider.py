"""The local provider: what it answers, how it fails, and that it ends without a trace."""

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import jsonschema
import pytest

from tests.answers import Json
from tests.provider import Counts, Faults, LocalProvider

STEPS: Json = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "steps": {"type": "array", "items": {"$ref": "#/$defs/Step"}},
    },
    "required": ["title", "steps"],
    "$defs": {"Step": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}},
}

EVERYTHING: Json = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["a", "b"]},
        "version": {"const": 2},
        "count": {"type": "integer", "minimum": 5, "maximum": 6},
        "even": {"type": "integer", "exclusiveMinimum": 4, "multipleOf": 2},
        "score": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        "share": {"type": "number", "minimum": 0.5, "maximum": 0.5},
        "below": {"type": "number", "maximum": -3},
        "sure": {"type": "boolean"},
        "nothing": {"type": "null"},
        "maybe": {"type": ["string", "null"]},
        "either": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "whole": {"allOf": [{"$ref": "#/$defs/Node"}], "description": "as pydantic used to write it"},
        "short": {"type": "string", "maxLength": 8},
        "long": {"type": "string", "minLength": 200},
        "pair": {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2},
        "many": {"type": "array", "items": {"type": "integer"}, "minItems": 7, "uniqueItems": True},
        "few": {"type": "array", "items": {"type": "boolean"}, "maxItems": 2},
        "anything": {},
        "tree": {"$ref": "#/$defs/Node"},
        "branch": {"$ref": "#/$defs/Branch"},
    },
    "additionalProperties": False,
    "$defs": {
        "Node": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
                "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
            },
            "required": ["name", "next", "children"],
        },
        "Branch": {
            "type": "object",
            "properties": {
                "parts": {
                    "type": "array",
                    "items": {"oneOf": [{"$ref": "#/$defs/Branch"}, {"$ref": "#/$defs/Leaf"}]},
                    "minItems": 1,
                },
            },
            "required": ["parts"],
        },
        "Leaf": {"type": "integer"},
    },
}
EVERYTHING["required"] = list(EVERYTHING["properties"])


PARTS = ("limit", "remaining", "reset")


class Answer(NamedTuple):
    """What came back for a call; status 0: the connection was dropped; status -1: nothing came in time."""

    status: int
    body: Json
    headers: dict[str, str]

    @property
    def content(self) -> str:
        """The text of the model."""
        text: str = self.body["choices"][0]["message"]["content"]
        return text


def question(text: str = "Write about whales", schema: Json | None = None, **more: Any) -> Json:
    """Write the body of a request."""
    body: Json = {"model": "some-model", "messages": [{"role": "user", "content": text}], **more}
    if schema is not None:
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}}
    return body


async def post(session: aiohttp.ClientSession, url: str, body: object) -> Answer:
    """Make one call."""
    try:
        async with session.post(url, json=body, headers={"Authorization": "Bearer key"}) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, await response.json(), headers)
    except aiohttp.ClientConnectionError:
        return Answer(0, {}, {})
    except TimeoutError:
        return Answer(-1, {}, {})


def ask(provider: LocalProvider, *bodies: object, at_once: bool = False, patience: float = 5.0) -> list[Answer]:
    """Make calls, one after the other or all at once."""

    async def calls() -> list[Answer]:
        url, wait = f"{provider.base_url}/chat/completions", aiohttp.ClientTimeout(total=patience)
        async with aiohttp.ClientSession(timeout=wait) as session:
            if at_once:
                return await asyncio.gather(*[post(session, url, body) for body in bodies])
            return [await post(session, url, body) for body in bodies]

    return asyncio.run(calls())


def outcomes(counts: Counts) -> int:
    """Add up the outcomes, each call being under exactly one."""
    apart = {"requests", "peak_in_flight", "seconds_of_latency", "first_at", "last_at", "last_answer_at"}
    return sum(count for name, count in vars(counts).items() if name not in apart)


def strings(value: object) -> list[str]:
    """Collect the strings in an answer."""
    if isinstance(value, dict):
        return [text for part in value.values() for text in strings(part)]
    if isinstance(value, list):
        return [text for part in value for text in strings(part)]
    return [value] if isinstance(value, str) else []


def test_a_good_answer_is_a_chat_completion_that_echoes_the_model() -> None:
    with LocalProvider() as provider:
        [answer] = ask(provider, question())
    assert answer.status == 200
    assert answer.body["object"] == "chat.completion"
    assert answer.body["model"] == "some-model"
    assert answer.body["id"].startswith("chatcmpl-")
    assert answer.body["choices"][0]["finish_reason"] == "stop"
    usage = answer.body["usage"]
    assert usage["prompt_tokens"] > 0
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert answer.content == "Write about whales 1"
    assert provider.counts == Counts(requests=1, answered=1, peak_in_flight=1)


def test_the_models_are_listed() -> None:
    async def listed() -> Any:
        async with aiohttp.ClientSession() as session, session.get(f"{provider.base_url}/models") as response:
            return await response.json()

    with LocalProvider() as provider:
        models = asyncio.run(listed())
    assert [model["id"] for model in models["data"]] == ["local-model"]
    assert provider.counts == Counts()


def test_an_answer_fits_the_schema_of_the_response_format() -> None:
    with LocalProvider() as provider:
        answers = ask(provider, question(schema=EVERYTHING), question(schema=STEPS))
    jsonschema.validate(json.loads(answers[0].content), EVERYTHING)
    jsonschema.validate(json.loads(answers[1].content), STEPS)


def test_every_string_is_unique_and_says_what_was_asked() -> None:
    first_line = "x" * 100 + ' about "quoted" whales\\ und Flöße'
    with LocalProvider() as provider:
        answers = ask(provider, *[question(first_line + "\nMore.", STEPS)] * 20)
    found = [text for answer in answers for text in strings(json.loads(answer.content))]
    assert len(found) == 20 * 4
    assert len(set(found)) == len(found)
    assert all(first_line[-60:] in text for text in found)
    assert not any("More." in text for text in found)


def test_a_terse_model_answers_null_wherever_the_schema_allows_it() -> None:
    with LocalProvider(Faults(terse=True)) as provider:
        [answer] = ask(provider, question(schema=EVERYTHING))
    value = json.loads(answer.content)
    jsonschema.validate(value, EVERYTHING)
    assert (value["either"], value["tree"]["next"]) == (None, None)


def test_the_messages_of_a_conversation_take_turns() -> None:
    role = {"enum": ["system", "user", "assistant"]}
    message = {"type": "object", "properties": {"role": role, "content": {"type": "string"}}}
    with LocalProvider() as provider:
        schema = {"properties": {"messages": {"type": "array", "items": message}}}
        [answer] = ask(provider, question("Write exactly 4 messages", schema))
    roles = [message["role"] for message in json.loads(answer.content)["messages"]]
    assert roles == ["user", "assistant", "user", "assistant"]


@pytest.mark.parametrize(
    ("text", "bounds", "expected"),
    [
        ("Name some whales", {}, 3),
        ("Name whales\nGive Exactly 5 of them.", {}, 5),
        ("Generate 4 subtopics", {}, 4),
        ("Name exactly 5 whales", {"minItems": 2}, 2),
        ("Name exactly 5 whales", {"minItems": 1}, 5),
        ("Name some whales", {"minItems": 1}, 1),
        ("Name exactly 5 whales", {"maxItems": 4}, 4),
    ],
)
def test_an_array_has_as_many_items_as_asked_for(text: str, bounds: Json, expected: int) -> None:
    schema = {"properties": {"names": {"type": "array", "items": {"type": "string"}, **bounds}}}
    with LocalProvider() as provider:
        [answer] = ask(provider, question(text, schema))
    assert len(json.loads(answer.content)["names"]) == expected


@pytest.mark.parametrize("more", [{}, {"response_format": {"type": "json_object"}}])
def test_a_schema_spelled_out_in_a_message_is_followed(more: Json) -> None:
    other = json.dumps({"properties": {"no": {"type": "string"}}})
    prompt = f'Not {other} nor {{this}} but\n```json\n{json.dumps(STEPS, indent=2)}\n```\nso {{"no": "thanks"}}.'
    parts = [{"type": "text", "text": prompt}]
    with LocalProvider() as provider:
        answers = ask(provider, question(prompt, **more), question(messages=[{"role": "user", "content": parts}]))
    for answer in answers:
        jsonschema.validate(json.loads(answer.content), STEPS)


def test_a_reply_function_decides_on_the_content() -> None:
    with LocalProvider(reply=lambda body: body["model"].upper()) as provider:
        [answer] = ask(provider, question())
    assert answer.content == "SOME-MODEL"


def test_requests_are_recorded_with_their_keys_apart() -> None:
    with LocalProvider() as provider, LocalProvider(record=False) as forgetful:
        ask(provider, question("one"), question("two", temperature=0.5))
        ask(forgetful, question("one"))
    assert provider.requests == [question("one"), question("two", temperature=0.5)]
    assert provider.authorizations == ["Bearer key"] * 2
    assert not forgetful.requests
    assert not forgetful.authorizations


def test_a_rate_limited_call_is_told_when_to_come_back() -> None:
    with LocalProvider(Faults(rate_limited=1, retry_after=0.25)) as provider:
        [answer] = ask(provider, question())
        provider.faults = Faults(rate_limited=1, retry_after_header=False)
        [silent] = ask(provider, question())
    assert answer.status == silent.status == 429
    assert answer.headers["retry-after"] == "0.25"
    assert answer.body["error"]["code"] == "rate_limit_exceeded"
    assert set(answer.body["error"]) >= {"message", "type", "code"}
    assert "retry-after" not in silent.headers
    assert provider.counts == Counts(requests=2, rate_limited=2)


def test_a_server_error_is_a_500_in_the_shape_of_openai() -> None:
    with LocalProvider(Faults(server_error=1)) as provider:
        [answer] = ask(provider, question())
    assert answer.status == 500
    assert answer.body["error"]["type"] == "server_error"
    assert provider.counts.server_error == 1


def test_malformed_content_never_parses() -> None:
    with LocalProvider(Faults(malformed=1)) as provider:
        answers = ask(provider, *[question(schema=STEPS)] * 20)
    for answer in answers:
        with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
            json.loads(answer.content)
    assert len({answer.content[0] for answer in answers}) == 2  # both cut off and no JSON at all
    assert provider.counts.malformed == 20


def test_a_schema_violation_parses_but_lacks_a_required_key() -> None:
    late = {**STEPS, "required": ["steps"]}
    with LocalProvider(Faults(schema_violation=1)) as provider:
        answers = ask(provider, question(schema=STEPS), question(schema=late), question("no schema"))
    for answer, schema in zip(answers, [STEPS, late, STEPS], strict=True):
        with pytest.raises(jsonschema.ValidationError, match="is a required property"):
            jsonschema.validate(json.loads(answer.content), schema)
    assert provider.counts.schema_violation == 3


def test_a_reset_drops_the_connection_without_an_answer() -> None:
    with LocalProvider(Faults(reset=1)) as provider:
        answers = ask(provider, question(), question())
        provider.faults = Faults()
        [after] = ask(provider, question())
    assert [answer.status for answer in answers] == [0, 0]
    assert after.status == 200
    assert provider.counts == Counts(requests=3, reset=2, answered=1, peak_in_flight=1)


def test_a_hung_call_gives_its_place_back_when_the_client_leaves() -> None:
    with LocalProvider(Faults(hang=1, max_in_flight=1)) as provider:
        [answer] = ask(provider, question(), patience=0.1)
        time.sleep(0.05)
        provider.faults = Faults(max_in_flight=1)
        [after] = ask(provider, question())
    assert (answer.status, after.status) == (-1, 200)
    assert provider.counts == Counts(requests=2, hung=1, answered=1, peak_in_flight=1)


def test_shutdown_releases_hung_and_slow_calls_and_leaves_no_thread(caplog: pytest.LogCaptureFixture) -> None:
    before = threading.active_count()
    answers: list[Answer] = []
    with LocalProvider(Faults(hang=0.5, latency=60)) as provider:
        client = threading.Thread(target=lambda: answers.extend(ask(provider, *[question()] * 20, at_once=True)))
        client.start()
        while provider.counts.peak_in_flight < 20:
            time.sleep(0.005)
        started = time.monotonic()
    assert time.monotonic() - started < 1
    client.join()
    assert [answer.status for answer in answers] == [0] * 20
    assert provider.counts.hung > 0
    assert provider.counts.hung + provider.counts.abandoned == 20
    assert threading.active_count() == before
    assert caplog.records == []


def test_a_call_the_client_gave_up_on_is_abandoned() -> None:
    with LocalProvider(Faults(latency=60)) as provider:
        ask(provider, question(), patience=0.1)
        time.sleep(0.05)
        assert provider.counts == Counts(requests=1, abandoned=1, peak_in_flight=1)


def test_stragglers_take_several_times_the_latency() -> None:
    def seconds(faults: Faults) -> float:
        provider.faults = faults
        started = time.monotonic()
        ask(provider, *[question()] * 20, at_once=True)
        return time.monotonic() - started

    with LocalProvider() as provider:
        assert 0.05 <= seconds(Faults(latency=0.05)) < 0.3
        assert seconds(Faults(latency=0.05, straggler_rate=0.5, straggler_factor=8)) >= 0.4
    assert provider.counts.peak_in_flight == 20


def test_calls_beyond_those_that_are_served_at_once_wait_for_their_turn() -> None:
    with LocalProvider(Faults(latency=0.1, at_once=2)) as provider:
        started = time.monotonic()
        answers = ask(provider, *[question()] * 6, at_once=True)
    assert time.monotonic() - started >= 0.3
    assert [answer.status for answer in answers] == [200] * 6


def test_calls_beyond_the_greatest_number_in_flight_are_refused() -> None:
    with LocalProvider(Faults(latency=0.2, max_in_flight=4)) as provider:
        answers = ask(provider, *[question()] * 10, at_once=True)
    assert sorted(answer.status for answer in answers) == [200] * 4 + [429] * 6
    assert provider.counts == Counts(requests=10, answered=4, rate_limited=6, peak_in_flight=4)


def test_calls_beyond_the_rate_are_refused_until_the_allowance_refills() -> None:
    with LocalProvider(Faults(requests_per_second=5, burst=3)) as provider:
        answers = ask(provider, *[question()] * 5)
        time.sleep(float(answers[-1].headers["retry-after"]) + 0.02)
        [later] = ask(provider, question())
    assert [answer.status for answer in answers] == [200] * 3 + [429] * 2
    assert 0.1 < float(answers[-1].headers["retry-after"]) <= 0.2
    assert later.status == 200


def test_refused_calls_use_up_the_allowance_if_set_so() -> None:
    with LocalProvider(Faults(requests_per_second=5, burst=3, refused_count=True)) as provider:
        answers = ask(provider, *[question()] * 20)
    assert [answer.status for answer in answers] == [200] * 3 + [429] * 17
    assert 0.7 < float(answers[-1].headers["retry-after"]) <= 0.8  # a whole burst in debt, and one call more


def test_rate_headers_state_the_allowance_as_openai_does() -> None:
    with LocalProvider(Faults(requests_per_second=1, burst=90, rate_headers=True)) as provider:
        first, *_, last = ask(provider, *[question()] * 70)
        provider.faults = Faults(rate_limited=1, rate_headers=True)
        [unlimited] = ask(provider, question())
        provider.faults = Faults()
        [silent] = ask(provider, question())
    shown = [first.headers[f"x-ratelimit-{name}-requests"] for name in ("limit", "remaining", "reset")]
    assert shown[:2] == ["60", "89"]
    assert shown[2] == "1s" or shown[2].endswith("ms")
    assert last.headers["x-ratelimit-reset-requests"].startswith("1m")
    assert unlimited.headers["x-ratelimit-limit-requests"] == "10000"
    assert unlimited.headers["x-ratelimit-remaining-requests"] == "10000"
    assert not [name for name in silent.headers if name.startswith("x-ratelimit")]


def rate_header(answer: Answer, name: str, what: str = "requests") -> str:
    """Look up one of OpenAI's rate-limit headers."""
    return answer.headers[f"x-ratelimit-{name}-{what}"]


def test_fixed_windows_allow_so_many_calls_each_and_headers_tell_when_one_ends() -> None:
    with LocalProvider(Faults(requests_per_second=10, rate_window=0.4, rate_headers=True)) as provider:
        answers = ask(provider, *[question()] * 6)
        time.sleep(float(answers[-1].headers["retry-after"]) + 0.02)
        later = ask(provider, *[question()] * 5)
    assert [answer.status for answer in answers] == [200] * 4 + [429] * 2
    assert [answer.status for answer in later] == [200] * 4 + [429]
    assert {rate_header(answer, "limit") for answer in answers} == {"4"}
    assert [rate_header(answer, "remaining") for answer in answers] == ["3", "2", "1", "0", "0", "0"]
    assert 0 < int(rate_header(answers[-1], "reset").removesuffix("ms")) <= 400
    assert 0.05 <= float(answers[-1].headers["retry-after"]) <= 0.4


def test_a_pause_does_not_save_up_windows() -> None:
    with LocalProvider(Faults(requests_per_second=20, rate_window=0.1)) as provider:
        ask(provider, question())
        time.sleep(0.25)
        answers = ask(provider, *[question()] * 4, at_once=True)
    assert sorted(answer.status for answer in answers) == [200, 200, 429, 429]


@pytest.mark.parametrize(("moment", "expected"), [("answer", ["7", "7", "7"]), ("arrival", ["9", "8", "7"])])
def test_headers_are_of_the_answer_or_of_the_arrival(moment: str, expected: list[str]) -> None:
    faults = Faults(requests_per_second=0.01, rate_headers=True, header_moment=moment, latency=0.1)
    with LocalProvider(faults) as provider:
        answers = ask(provider, *[question()] * 3, at_once=True)
    assert sorted((rate_header(answer, "remaining") for answer in answers), reverse=True) == expected


def test_a_refusal_for_too_many_in_flight_says_when_to_come_back() -> None:
    with LocalProvider(Faults(latency=0.1, max_in_flight=1, retry_after=0.25)) as provider:
        answers = ask(provider, *[question()] * 2, at_once=True)
    assert [answer.headers["retry-after"] for answer in answers if answer.status == 429] == ["0.25"]


def test_calls_are_refused_once_the_tokens_of_prompts_and_answers_are_spent() -> None:
    body = question("x" * 396)  # 100 tokens, and 17 in the answer
    with LocalProvider(Faults(tokens_per_minute=1800, rate_headers=True)) as provider:
        answers = ask(provider, *[body] * 3)
        time.sleep(float(answers[-1].headers["retry-after"]) + 0.02)
        [later] = ask(provider, body)
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert [rate_header(answer, "limit", "tokens") for answer in answers] == ["1800"] * 3
    assert 183 <= int(rate_header(answers[0], "remaining", "tokens")) <= 190
    assert 65 <= int(rate_header(answers[1], "remaining", "tokens")) <= 75
    assert rate_header(answers[0], "reset", "tokens").endswith("s")
    assert 0.5 < float(answers[-1].headers["retry-after"]) <= 1.2
    assert later.status == 200


def test_a_call_of_more_tokens_than_the_bucket_holds_is_let_in_when_it_is_full() -> None:
    with LocalProvider(Faults(tokens_per_minute=60)) as provider:
        answers = ask(provider, *[question("x" * 400)] * 2)
    assert [answer.status for answer in answers] == [200, 429]


def test_tokens_may_be_limited_by_the_second() -> None:
    body = question("x" * 396)
    with LocalProvider(Faults(tokens_per_minute=6000, token_seconds=1)) as provider:
        answers = ask(provider, *[body] * 2, at_once=True)
    assert sorted(answer.status for answer in answers) == [200, 429]


@pytest.mark.parametrize(("limits", "refused"), [((600, 60_000), "input"), ((60_000, 60), "output")])
def test_input_and_output_tokens_are_limited_apart_with_headers_as_anthropic_writes_them(
    limits: tuple[int, int], refused: str
) -> None:
    body = question("x" * 356)  # 90 tokens, and 17 in the answer
    asked, answered = limits
    faults = Faults(input_tokens_per_minute=asked, output_tokens_per_minute=answered)
    with LocalProvider(replace(faults, rate_headers=True, header_style="anthropic")) as provider:
        answers = ask(provider, *[body] * 2)
    assert [answer.status for answer in answers] == [200, 429]
    shown = {name: value for name, value in answers[1].headers.items() if name.startswith("anthropic-ratelimit-")}
    parts = [f"{what}-{part}" for what in ("requests", "input-tokens", "output-tokens") for part in PARTS]
    assert sorted(shown) == sorted(f"anthropic-ratelimit-{part}" for part in parts)
    assert shown["anthropic-ratelimit-input-tokens-limit"] == str(limits[0])
    assert shown["anthropic-ratelimit-output-tokens-limit"] == str(limits[1])
    assert int(shown[f"anthropic-ratelimit-{refused}-tokens-remaining"]) <= 11
    back = datetime.fromisoformat(shown[f"anthropic-ratelimit-{refused}-tokens-reset"])
    assert 5 < (back - datetime.now(UTC)).total_seconds() < 20
    assert shown[f"anthropic-ratelimit-{refused}-tokens-reset"].endswith("Z")


def test_headers_may_come_only_with_a_refusal_and_always_say_the_same() -> None:
    limit = Faults(requests_per_second=0.5, burst=2, retry_after_header=False, rate_headers=True)
    with LocalProvider(replace(limit, header_moment="refusal", header_remaining=0, header_reset=1)) as provider:
        *answered, refused = ask(provider, *[question()] * 3)
    assert [answer.status for answer in answered] == [200, 200]
    assert not [name for answer in answered for name in answer.headers if name.startswith("x-ratelimit")]
    assert (rate_header(refused, "remaining"), rate_header(refused, "reset")) == ("0", "1s")
    assert "retry-after" not in refused.headers


def test_headers_may_be_wrong_by_a_factor() -> None:
    with LocalProvider(Faults(requests_per_second=1, burst=20, rate_headers=True, header_factor=3)) as provider:
        [answer] = ask(provider, question())
    assert (rate_header(answer, "limit"), rate_header(answer, "remaining")) == ("180", "57")


def seconds_of(provider: LocalProvider, *bodies: object) -> tuple[float, list[Answer]]:
    """Make calls at once, and take the time."""
    began = time.monotonic()
    answers = ask(provider, *bodies, at_once=True)
    return time.monotonic() - began, answers


def test_a_refusal_and_the_way_to_the_server_take_time() -> None:
    with LocalProvider(Faults(rate_limited=1, refusal_latency=0.2)) as provider:
        refusal, _ = seconds_of(provider, question())
        provider.faults = Faults(way=0.2)
        way, _ = seconds_of(provider, question())
        provider.faults = Faults(rate_limited=1, way=0.2, refusal_latency=0.2)
        both, _ = seconds_of(provider, question())
    assert 0.2 <= refusal < 0.4 and 0.2 <= way < 0.4 and 0.4 <= both < 0.7


def test_times_vary_and_the_same_seed_gives_the_same_ones() -> None:
    def taken(seed: int) -> float:
        with LocalProvider(Faults(latency=0.02, jitter=0.5), seed=seed) as provider:
            ask(provider, *[question()] * 5)
            return provider.counts.seconds_of_latency

    assert taken(1) == taken(1) != taken(2)
    assert 0.03 < taken(1) < 0.4


@pytest.mark.parametrize(("hold", "status"), [(True, 429), (False, 200)])
def test_a_refused_call_may_hold_a_place_until_it_is_answered(hold: bool, status: int) -> None:
    async def calls() -> list[Answer]:
        async with aiohttp.ClientSession() as session:

            async def later(seconds: float) -> Answer:
                await asyncio.sleep(seconds)
                return await post(session, f"{provider.base_url}/chat/completions", question())

            return await asyncio.gather(*map(later, (0, 0.1, 0.4, 0.8)))

    faults = Faults(latency=0.3, max_in_flight=1, refusal_latency=0.6, refused_hold_place=hold)
    with LocalProvider(faults) as provider:
        answers = asyncio.run(calls())
    assert [answer.status for answer in answers] == [200, 429, status, 200 if not hold else 429]
    assert provider.counts.peak_in_flight == 1


def test_a_refusal_that_nobody_waits_for_is_abandoned_and_frees_its_place() -> None:
    faults = Faults(rate_limited=1, refusal_latency=60, refused_hold_place=True, max_in_flight=1)
    with LocalProvider(faults) as provider:
        ask(provider, question(), patience=0.1)
        time.sleep(0.05)
        provider.faults = Faults(max_in_flight=1)
        [after] = ask(provider, question())
    assert after.status == 200
    assert provider.counts == Counts(requests=2, abandoned=1, answered=1, peak_in_flight=1)


@pytest.mark.parametrize("status", [429, 529])
def test_an_overloaded_server_says_so_whatever_the_limits_are(status: int) -> None:
    with LocalProvider(Faults(overloaded=1, overloaded_status=status)) as provider:
        [answer] = ask(provider, question())
    assert answer.status == status
    assert answer.body["error"]["type"] == "overloaded_error"
    assert "retry-after" not in answer.headers
    assert provider.counts == Counts(requests=1, overloaded=1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"token_seconds": 0},
        {"output_tokens_per_minute": 0},
        {"way": -1},
        {"header_moment": "never"},
        {"header_style": "google"},
        {"overloaded_status": 500},
    ],
)
def test_faults_that_can_not_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong)).partition("_per")[0].split("_")[-1]):
        Faults(**wrong)


def test_counts_tell_when_calls_came_and_were_answered_and_how_long_they_took() -> None:
    with LocalProvider(Faults(latency=0.1)) as provider:
        began = time.monotonic()
        ask(provider, question(), question())
        ended = time.monotonic()
    counts = provider.counts
    assert counts.first_at and counts.last_at and counts.last_answer_at
    assert began < counts.first_at <= counts.last_at - 0.1 <= counts.last_answer_at - 0.2 < ended
    assert counts.seconds_of_latency == pytest.approx(0.2)


def test_the_last_request_can_be_looked_up() -> None:
    async def looked_up() -> Any:
        url = provider.base_url.removesuffix("/v1")
        async with aiohttp.ClientSession() as session, session.get(f"{url}/last-request") as response:
            return await response.json()

    with LocalProvider(record=False) as provider:
        ask(provider, question("one"), question("two"))
        assert asyncio.run(looked_up()) == question("two")


@pytest.mark.parametrize(
    ("status", "code", "kind", "message"),
    [
        (401, "invalid_api_key", "invalid_request_error", "Incorrect API key"),
        (404, "model_not_found", "invalid_request_error", "does not exist"),
        (429, "insufficient_quota", "insufficient_quota", "exceeded your current quota"),
        (400, "context_length_exceeded", "invalid_request_error", "maximum context length"),
        (503, None, "server_error", "The call failed"),
    ],
)
def test_every_call_can_be_answered_with_one_status(status: int, code: str | None, kind: str, message: str) -> None:
    with LocalProvider(Faults(status=status, error_code=code)) as provider:
        [answer] = ask(provider, question())
        provider.faults = Faults(status=status, error_message="in other words")
        [reworded] = ask(provider, question())
    error = answer.body["error"]
    assert (answer.status, error["code"], error["type"]) == (status, code, kind)
    assert message in error["message"]
    assert reworded.body["error"]["message"] == "in other words"
    assert provider.counts == Counts(requests=2, other_status=2)


def test_a_response_format_can_be_rejected() -> None:
    bodies = [question(schema=STEPS), question(response_format={"type": "json_object"}), question()]
    with LocalProvider(Faults(reject_response_format="json_schema")) as provider:
        some = ask(provider, *bodies)
        provider.faults = Faults(reject_response_format="any")
        none = ask(provider, *bodies)
    assert [answer.status for answer in some] == [400, 200, 200]
    assert [answer.status for answer in none] == [400, 400, 200]
    assert "response_format" in some[0].body["error"]["message"]
    assert "json_schema" in some[0].body["error"]["message"]
    assert provider.counts == Counts(requests=6, answered=3, other_status=3, peak_in_flight=1)


@pytest.mark.parametrize("body", ["text", {}, [], question(stream=True)])
def test_a_request_it_cannot_serve_is_a_bad_request(body: object) -> None:
    with LocalProvider() as provider:
        [answer] = ask(provider, body)
    assert answer.status == 400
    assert provider.counts == Counts(requests=1, other_status=1)


def test_faults_come_at_their_rates_and_the_same_for_a_seed() -> None:
    faults = Faults(rate_limited=0.2, server_error=0.1, malformed=0.1, schema_violation=0.1, reset=0.1)
    counts = []
    for seed in (1, 1, 2):
        with LocalProvider(faults, seed=seed, record=False) as provider:
            ask(provider, *[question(schema=STEPS)] * 500)
        counts.append(provider.counts)
    assert counts[0] == counts[1] != counts[2]
    for count in counts:
        assert count.requests == outcomes(count) == 500
        assert 60 < count.rate_limited < 140
        assert 20 < min(count.server_error, count.malformed, count.schema_violation, count.reset) < 80
        assert 150 < count.answered < 250


@pytest.mark.parametrize(
    "wrong",
    [
        {"hang": 1.1},
        {"reset": -0.1},
        {"malformed": 0.6, "hang": 0.6},
        {"requests_per_second": 0},
        {"reject_response_format": "all"},
        {"rate_window": 1},
        {"rate_window": 0.1, "requests_per_second": 5},
        {"tokens_per_minute": 0},
        {"header_moment": "now"},
    ],
)
def test_faults_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Faults(**wrong)


def test_a_process_of_its_own_serves_counts_and_takes_faults_until_sigterm() -> None:
    async def steer(root: str) -> tuple[list[Answer], Json]:
        async with aiohttp.ClientSession() as session:
            refused = await post(session, f"{root}/v1/chat/completions", question())
            wrong = await post(session, f"{root}/faults", {"no_such_fault": 1})
            replaced = await post(session, f"{root}/faults", {"latency": 0.01})
            answered = await post(session, f"{root}/v1/chat/completions", question())
            async with session.get(f"{root}/counts") as response:
                return [refused, wrong, replaced, answered], await response.json()

    flags = ["--port", "0", "--status", "401", "--error-code", "invalid_api_key", "--rate-headers", "--latency", "0"]
    command = [sys.executable, "-m", "tests.provider", *flags]
    root = Path(__file__).parent.parent
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=root, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:")
        answers, counts = asyncio.run(steer(line.split()[-1].removesuffix("/v1")))
        process.send_signal(signal.SIGTERM)
        rest = process.communicate(timeout=5)
    assert [answer.status for answer in answers] == [401, 400, 200, 200]
    assert answers[2].body == asdict(Faults(latency=0.01))
    assert Counts(**counts) == Counts(requests=2, answered=1, other_status=1, peak_in_flight=1)
    assert counts["first_at"] < counts["last_at"] < counts["last_answer_at"]
    assert rest == ("", "")
    assert process.returncode == 0
