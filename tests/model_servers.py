"""Servers that imitate what people run their models on: what each takes, refuses, ignores, and in which words."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web

from tests.answers import Json, Writer, completion, topic_line
from tests.served import Served

# What a server does with a request: an answer of its own, or None to let the model speak.
Quirk = Callable[[Json], "web.Response | None"]

PROSE = "Well, there is a lot to say about that, and where should one begin?"


def format_of(body: Json) -> str | None:
    """Take the type of the response format that is asked for."""
    return (body.get("response_format") or {}).get("type")


def error(status: int, message: str, **more: object) -> web.Response:
    """Answer with an error in OpenAI's shape."""
    return web.json_response({"error": {"message": message, "param": None, "code": None, **more}}, status=status)


def llama_cpp_python(body: Json) -> web.Response | None:
    """Refuse like llama-cpp-python 0.3: a type that its class doesn't know is a server error."""
    if format_of(body) not in (None, "text", "json_object"):
        mistake = {
            "type": "literal_error",
            "loc": ("body", "response_format", "type"),
            "msg": "Input should be 'text' or 'json_object'",
            "input": format_of(body),
            "ctx": {"expected": "'text' or 'json_object'"},
        }
        return error(500, str([mistake]), type="internal_server_error")
    return None


def llama_cpp_of_old(body: Json) -> web.Response | None:
    """Refuse like builds of llama.cpp's server from before it took a JSON Schema by that name."""
    if format_of(body) not in (None, "text", "json_object"):
        message = f'response_format type must be one of "text" or "json_object", but got: {format_of(body)}'
        return web.json_response({"error": {"code": 500, "message": message, "type": "server_error"}}, status=500)
    return None


def lm_studio(body: Json) -> web.Response | None:
    """Refuse like LM Studio: errors are plain texts, JSON mode isn't known, a tool can't be chosen by name."""
    if format_of(body) not in (None, "text", "json_schema"):
        return web.json_response({"error": "'response_format.type' must be 'json_schema' or 'text'"}, status=400)
    if isinstance(body.get("tool_choice"), dict):
        said = "Invalid tool_choice type: 'object'. Supported string values: none, auto, required"
        return web.json_response({"error": said}, status=400)
    return None


def ollama(body: Json) -> web.Response | None:
    """Refuse like Ollama: a model without a template for tools takes none."""
    if body.get("tools"):
        return error(400, "registry.ollama.ai/library/smollm2:135m does not support tools", type="api_error")
    return None


def vllm(body: Json) -> web.Response | None:
    """Refuse like vLLM: tools need flags at the start of the server, unless one is chosen by its name."""
    if body.get("tools") and not isinstance(body.get("tool_choice"), dict):
        message = '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'
        said = {"object": "error", "message": message, "type": "BadRequestError", "param": None, "code": 400}
        return web.json_response(said, status=400)
    return None


def tgi_of_old(body: Json) -> web.Response | None:
    """Refuse like an older TGI: a text, and the schema has to stand under `value`."""
    wanted = body.get("response_format")
    if wanted is None:
        return None
    fault = "missing field `value`"
    if wanted["type"] not in ("json", "json_object", "regex"):
        fault = f"unknown variant `{wanted['type']}`, expected one of `json`, `json_object`, `regex`"
    elif "value" in wanted:
        return None
    said = f"Failed to deserialize the JSON body into the target type: response_format: {fault} at line 1 column 409"
    return web.Response(text=said, status=422)


def no_formats(body: Json) -> web.Response | None:
    """Refuse every format, as routers do for models that know none."""
    if body.get("response_format"):
        return error(400, "response_format is not supported for this model", type="invalid_request_error")
    return None


def no_schema(status: int, message: str) -> Quirk:
    """Refuse a JSON Schema with some status and words; JSON mode is taken, whatever stands beside it."""

    def quirk(body: Json) -> web.Response | None:
        return error(status, message) if format_of(body) == "json_schema" else None

    return quirk


def takes_all(body: Json) -> web.Response | None:
    """Refuse nothing."""
    return None


@dataclass(frozen=True)
class Imitation:
    """A server: what it refuses, which keys it drops unseen, in which ways it makes the model keep to a schema.

    The model writes JSON when it is made to, and also when it is asked to in `understands`; else it rambles.
    """

    refuses: Quirk = takes_all
    drops: tuple[str, ...] = ()
    enforces: tuple[str, ...] = ()
    understands: tuple[str, ...] = ()


LLAMA_CPP_PYTHON = Imitation(llama_cpp_python, enforces=("json_object_schema",))
LLAMA_CPP = Imitation(enforces=("json_schema", "json_object_schema"))
LLAMA_CPP_OF_OLD = Imitation(llama_cpp_of_old, enforces=("json_object_schema",))
OLLAMA = Imitation(ollama, enforces=("json_schema",))
OLLAMA_OF_OLD = Imitation(ollama, understands=("json_object",))
LM_STUDIO = Imitation(lm_studio, enforces=("json_schema",))
VLLM = Imitation(vllm, enforces=("json_schema", "tool"))
TGI_OF_OLD = Imitation(tgi_of_old, enforces=("json_object_schema", "tool"))
STRIPS_FORMATS = Imitation(drops=("response_format",), enforces=("tool",))
STRIPS_ALL = Imitation(drops=("response_format", "tools", "tool_choice"), understands=("words",))
REFUSES_FORMATS = Imitation(no_formats, enforces=("tool",))
PLAIN_TEXT_ONLY = Imitation(drops=("response_format", "tools", "tool_choice"))


@dataclass
class ModelServer(Served):
    """A server that behaves like an imitation: it answers after `seconds`; `requests` holds what it was asked."""

    imitation: Imitation
    seconds: float = 0.05
    requests: list[Json] = field(default_factory=list)
    refused: int = 0
    base_url: str = ""

    def __post_init__(self) -> None:
        self._writer = Writer(random.Random(1))

    async def serve(self, port: int, stop: asyncio.Event, started: Callable[[], None]) -> None:
        """Serve until `stop` is set."""
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/v1/chat/completions", self._chat)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            self.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
            started()
            await stop.wait()
        finally:
            await runner.cleanup()

    async def _chat(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.requests.append(body)
        await asyncio.sleep(self.seconds)
        if (refusal := self.imitation.refuses(body)) is not None:
            self.refused += 1
            return refusal
        seen = {key: value for key, value in body.items() if key not in self.imitation.drops}
        return web.json_response(self._answer(seen))

    def _answer(self, body: Json) -> Json:
        """Let the model speak: by a tool that it has to call, in JSON, or in prose."""
        number, tools = len(self.requests), body.get("tools") or ()
        if tools and "tool" in self.imitation.enforces:
            calls = self._writer.calls(body)
            return completion(body, self._writer.content(body, "ok"), number, calls)
        return completion(
            body, self._writer.content(_as_asked(body), "ok") if self._keeps(body) else _talk(body), number
        )

    def _keeps(self, body: Json) -> bool:
        """Return whether the model writes JSON."""
        wanted = body.get("response_format") or {}
        kind = wanted.get("type")
        ways = {kind} if kind else set()
        if kind == "json_object" and (wanted.get("schema") or wanted.get("value")):
            ways.add("json_object_schema")
        if ways & {*self.imitation.enforces, *self.imitation.understands}:
            return True
        return "words" in self.imitation.understands and "JSON" in body["messages"][-1]["content"]


def _as_asked(body: Mapping[str, object]) -> Json:
    """Return the request with the schema under the key where the writer looks for it."""
    wanted = body.get("response_format")
    if isinstance(wanted, dict) and "value" in wanted and "schema" not in wanted:
        return {**body, "response_format": {**wanted, "schema": wanted["value"]}}
    return dict(body)


def _talk(body: Json) -> str:
    """Answer in plain text: a list where names are asked for one a line, a question where one is wanted, else prose."""
    asked = body["messages"][-1]["content"]
    about = json.dumps(asked)[-60:-2]
    if "titles, one a line" in asked or "title, one a line" in asked:
        return "\n".join(f"{number}. {name}" for number, name in enumerate(_names(asked), 1))
    if "Write one question" in asked:
        return f"Question: What about {_leaf(asked)} should I know first, and why ({len(about)})?"
    return f"{PROSE} Of all that you ask, {_leaf(asked)} is what I would look at first."


def _names(asked: str) -> list[str]:
    chance = random.Random(asked)
    adjectives, nouns = (
        ["worn", "bent", "loose", "dirty", "seized", "cracked"],
        ["chain", "brake", "wheel", "saddle", "fork", "pedal"],
    )
    return [f"{chance.choice(adjectives)} {noun}".capitalize() for noun in chance.sample(nouns, 4)]


def _leaf(asked: str) -> str:
    return topic_line(asked).split(" > ")[-1]
