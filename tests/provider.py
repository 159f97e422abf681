"""A chat provider on 127.0.0.1 that speaks OpenAI's protocol and fails on demand, for tests and benchmarks.

In a test::

    with LocalProvider(Faults(rate_limited=0.2)) as provider:
        ...  # send calls to provider.base_url, then look at provider.counts and provider.requests

In a process of its own: ``python -m tests.provider --port 0 --latency 0.2``; GET /counts and POST /faults steer it.
"""

import argparse
import asyncio
import json
import math
import random
import re
import signal
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from threading import Thread
from types import TracebackType
from typing import Any, Self, get_args

from aiohttp import web

Json = dict[str, Any]
Headers = dict[str, str]

# The random faults, in the order in which a draw is matched against them; each is also the name of its count.
RANDOM_FAULTS = ("rate_limited", "server_error", "malformed", "schema_violation", "reset", "hang")

# OpenAI's own words, since clients tell some of these errors apart by their text.
MESSAGES = {
    "invalid_api_key": "Incorrect API key provided.",
    "model_not_found": "The model does not exist or you do not have access to it.",
    "insufficient_quota": "You exceeded your current quota, please check your plan and billing details.",
    "context_length_exceeded": "This model's maximum context length is 8192 tokens. Please reduce the length.",
}


@dataclass(frozen=True)
class Faults:
    """What goes wrong, and how often: rates are fractions (0 to 1) of all calls, times are in seconds."""

    rate_limited: float = 0.0
    server_error: float = 0.0
    malformed: float = 0.0
    schema_violation: float = 0.0
    reset: float = 0.0
    hang: float = 0.0
    retry_after: float = 0.05
    latency: float = 0.0
    straggler_rate: float = 0.0
    straggler_factor: float = 10.0
    max_in_flight: int | None = None
    requests_per_second: float | None = None
    burst: int = 10
    refused_count: bool = False
    rate_headers: bool = False
    retry_after_header: bool = True
    status: int | None = None
    error_code: str | None = None
    error_message: str | None = None
    reject_response_format: str | None = None

    def __post_init__(self) -> None:
        rates = [getattr(self, name) for name in RANDOM_FAULTS]
        if min(rates) < 0 or sum(rates) > 1 + 1e-9 or not 0 <= self.straggler_rate <= 1:
            raise ValueError("the rates must be between 0 and 1, and those of faults at most 1 in sum")
        if self.requests_per_second is not None and (self.requests_per_second <= 0 or self.burst < 1):
            raise ValueError("requests_per_second must be more than 0, and burst at least 1")
        if self.reject_response_format not in (None, "json_schema", "any"):
            raise ValueError("reject_response_format must be None, 'json_schema' or 'any'")

    def outcome(self, draw: float) -> str:
        """Name what happens to a call, by a number drawn from 0 to 1."""
        for name in RANDOM_FAULTS:
            draw -= getattr(self, name)
            if draw < 0:
                return name
        return "answered"

    def delay(self, draw: float) -> float:
        """Say how long a call takes, by a number drawn from 0 to 1."""
        return self.latency * self.straggler_factor if draw < self.straggler_rate else self.latency


@dataclass
class Counts:
    """How many calls came in, and how each of them ended: every call is under exactly one outcome."""

    requests: int = 0
    answered: int = 0
    rate_limited: int = 0
    server_error: int = 0
    malformed: int = 0
    schema_violation: int = 0
    reset: int = 0
    hung: int = 0
    abandoned: int = 0  # the client went away, or the server stopped, before the answer
    other_status: int = 0
    peak_in_flight: int = 0  # of calls let in: a refused call is never in flight


@dataclass
class Allowance:
    """The token bucket behind `requests_per_second`: full at first, it holds at most `burst` calls."""

    rate: float
    burst: int
    left: float = field(init=False)
    as_of: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.left = float(self.burst)

    def refill(self) -> None:
        """Add what has accrued since the last call."""
        now = time.monotonic()
        self.left = min(float(self.burst), self.left + (now - self.as_of) * self.rate)
        self.as_of = now

    def spend(self) -> None:
        """Use up one call; the debt of refused calls is at most one burst, so that it can be paid off."""
        self.left = max(self.left - 1, -float(self.burst))

    def headers(self) -> Headers:
        """State it as OpenAI does: the limit is per minute, the reset is the time until it is full again."""
        self.refill()
        return {
            "x-ratelimit-limit-requests": str(round(self.rate * 60)),
            "x-ratelimit-remaining-requests": str(max(0, int(self.left))),
            "x-ratelimit-reset-requests": duration((self.burst - self.left) / self.rate),
        }


def duration(seconds: float) -> str:
    """Write a time as OpenAI's headers do: 6ms, 1.5s, 2m3s."""
    if seconds < 1:
        return f"{math.ceil(seconds * 1000)}ms"
    return f"{seconds:.3g}s" if seconds < 60 else f"{int(seconds // 60)}m{int(seconds % 60)}s"


# Stands for a string in a skeleton, with its least and greatest length (0: no limit); JSON leaves these signs alone.
HOLE = re.compile("\ue000(\\d+),(\\d+)\ue001")

EXACTLY = re.compile(r"exactly (\d+)", re.IGNORECASE)


@lru_cache(maxsize=512)
def skeleton(schema_text: str, items: int) -> str:
    """Write the JSON text of a value that fits a schema, with a HOLE in place of each string."""
    schema = json.loads(schema_text)
    return json.dumps(Example(schema, items).build(schema), ensure_ascii=False)


@dataclass(frozen=True)
class Example:
    """Builds a value that fits a schema (`pattern` and `format` aside), arrays having `items` items by default."""

    root: Json
    items: int

    def build(self, schema: Any, index: int = 0, depth: int = 0) -> Any:
        """Build the value for a part of the schema: at an index of its array, inside so many references."""
        if not isinstance(schema, dict):  # true: anything goes
            schema = {}
        if "$ref" in schema:
            return self.build(self.followed(schema), index, depth + 1)
        for part in schema.get("allOf", []):
            schema = {**self.followed(part), **schema}
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][index % len(schema["enum"])]
        options = schema.get("anyOf") or schema.get("oneOf")
        if options:
            ends = [option for option in options if "$ref" not in option] if depth > 2 else []
            later = options[max(0, min(depth - 2, len(options) - 1))]  # the deeper, the later: so that recursion ends
            return self.build(ends[0] if ends else later, index, depth)
        return self.of_type(schema, index, depth)

    def followed(self, part: Json) -> Json:
        """Take what a part refers to, such as #/$defs/Step, or the part itself if it is no reference."""
        found = self.root if "$ref" in part else part
        for step in part.get("$ref", "").split("/")[1:]:
            found = found[step.replace("~1", "/").replace("~0", "~")]
        return found

    def of_type(self, schema: Json, index: int, depth: int) -> Any:
        """Build the value by the schema's type, guessed from its keywords if there is none."""
        guess = "object" if "properties" in schema else "array" if "items" in schema else "string"
        kind = schema.get("type", guess)
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "object":
            names = schema.get("properties", {}) if depth <= 2 else schema.get("required", [])
            return {name: self.build(schema["properties"][name], 0, depth) for name in names}
        if kind == "array":
            return self.array(schema, depth)
        if kind in ("integer", "number"):
            return number({**schema, "type": kind}, index)
        if kind == "string":
            return f"\ue000{schema.get('minLength', 0)},{schema.get('maxLength', 0)}\ue001"
        return index % 2 == 0 if kind == "boolean" else None

    def array(self, schema: Json, depth: int) -> list[Any]:
        """Build an array; deep inside references it is as short as may be, which ends recursion."""
        first = schema.get("prefixItems", [])
        wanted = schema.get("minItems", len(first) or (self.items if depth <= 2 else 0))
        wanted = min(wanted, schema.get("maxItems", wanted))
        parts = [*first, *[schema.get("items", {})] * wanted][:wanted]
        return [self.build(part, index, depth) for index, part in enumerate(parts)]


def number(schema: Json, index: int) -> float:
    """Pick a number within the bounds, counting up along an array as far as they allow."""
    bottom, above = schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf)
    top, below = schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf)
    step, whole = schema.get("multipleOf", 1), schema["type"] == "integer"
    if not whole and "multipleOf" not in schema:
        step = min(1, (min(top, below) - max(bottom, above)) / 10)
    low, high = max(bottom, above + step), min(top, below - step)
    low = min(1, high) if low == -math.inf else low
    if whole or "multipleOf" in schema:
        low = math.ceil(low / step) * step
    value = low + index * step if low + index * step <= high else low
    return int(value) if whole else float(value)


@lru_cache(maxsize=512)
def schema_in(text: str) -> str | None:
    """Find the last JSON Schema of an object that is spelled out in a message."""
    found, start, decoder = None, text.find("{") if '"properties"' in text else -1, json.JSONDecoder()
    while start >= 0:
        end = start + 1
        try:
            value, stop = decoder.raw_decode(text, start)
        except ValueError:
            value, stop = None, end
        if isinstance(value, dict) and isinstance(value.get("properties"), dict):
            found, end = text[start:stop], stop
        start = text.find("{", end)
    return found


def text_of(message: Json) -> str:
    """Take the text of a message, whose content may be a list of parts."""
    content = message.get("content") or ""
    return content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)


def schema_of(body: Json) -> str | None:
    """Find the schema that the answer has to fit, as JSON text: in the request, else in its messages."""
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        return json.dumps(wanted["json_schema"].get("schema", {}))
    found = (schema_in(text_of(message)) for message in reversed(body["messages"]))
    return next((schema for schema in found if schema), None)


def lacking_a_key(content: str, schema_text: str | None) -> str:
    """Remove the first required key (without a schema: the first key) from an object."""
    try:
        value = json.loads(content)
    except ValueError:
        value = None
    if not isinstance(value, dict) or not value:
        return "{}"
    required = json.loads(schema_text or "{}").get("required", [])
    value.pop(next((key for key in value if key in required), next(iter(value))))
    return json.dumps(value)


def refused(status: int, message: str, code: str | None = None, headers: Headers | None = None) -> web.Response:
    """Answer with an error in OpenAI's shape."""
    kind = "server_error" if status >= 500 else "requests" if status == 429 else "invalid_request_error"
    kind = "insufficient_quota" if code == "insufficient_quota" else kind
    error = {"message": message, "type": kind, "param": None, "code": code}
    return web.json_response({"error": error}, status=status, headers=headers)


def rejection(faults: Faults, body: Json) -> web.Response | None:
    """Refuse what this provider is set up, or unable, to serve."""
    if faults.status is not None:
        message = faults.error_message or MESSAGES.get(faults.error_code or "", "The call failed.")
        return refused(faults.status, message, faults.error_code)
    wanted = (body.get("response_format") or {}).get("type")
    if wanted and faults.reject_response_format in ("any", wanted):
        return refused(400, f"Invalid parameter: 'response_format' of type '{wanted}' is not supported by this model.")
    return refused(400, "This provider does not stream.") if body.get("stream") else None


class LocalProvider:
    """The server: a context manager that runs it in a thread of its own, or `serve` to run it in this one."""

    def __init__(
        self,
        faults: Faults = Faults(),
        reply: Callable[[Json], str] | None = None,
        seed: int = 0,
        *,
        record: bool = True,
    ) -> None:
        self.faults = faults
        self.counts = Counts()
        self.requests: list[Json] = []
        self.authorizations: list[str | None] = []
        self.base_url = ""
        self._reply = reply
        self._record = record
        self._random = random.Random(seed)
        self._in_flight = 0
        self._strings = 0

    @property
    def faults(self) -> Faults:
        """What goes wrong; to replace it while the server runs also fills the rate allowance anew."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._faults = faults
        rate = faults.requests_per_second
        self._allowance = Allowance(rate, faults.burst) if rate else Allowance(10000 / 60, 10000)  # never spent

    def __enter__(self) -> Self:
        self._started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = Thread(target=self._run, name="local provider", daemon=True)
        self._thread.start()
        self._started.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        loop, stop = self._started.result()
        loop.call_soon_threadsafe(stop.set)
        self._thread.join()

    def _run(self) -> None:
        stop = asyncio.Event()
        try:
            asyncio.run(self.serve(0, stop, lambda: self._started.set_result((asyncio.get_running_loop(), stop))))
        except Exception as error:
            if self._started.done():
                raise
            self._started.set_exception(error)

    async def serve(self, port: int, stop: asyncio.Event, started: Callable[[], None]) -> None:
        """Serve until `stop` is set; then whatever is under way ends without an answer."""
        app = web.Application(client_max_size=1 << 28)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/counts", self._show_counts)
        app.router.add_post("/faults", self._replace_faults)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.01)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
            self.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
            started()
            await stop.wait()
        finally:
            await runner.cleanup()

    async def _models(self, _: web.Request) -> web.Response:
        model = {"id": "local-model", "object": "model", "created": 0, "owned_by": "tests"}
        return web.json_response({"object": "list", "data": [model]})

    async def _show_counts(self, _: web.Request) -> web.Response:
        return web.json_response(asdict(self.counts))

    async def _replace_faults(self, request: web.Request) -> web.Response:
        try:
            self.faults = Faults(**await request.json())
        except (TypeError, ValueError) as error:
            return refused(400, str(error))
        return web.json_response(asdict(self.faults))

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        """Count and record a call, refuse it or let it in, and answer it once its time is up."""
        raw = await request.read()
        self.counts.requests += 1
        faults = self.faults
        outcome, delay = faults.outcome(self._random.random()), faults.delay(self._random.random())
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        if not isinstance(body, dict) or not body.get("messages"):
            return self._ended("other_status", refused(400, "The body must be a JSON object with messages."))
        if self._record:
            self.requests.append(body)
            self.authorizations.append(request.headers.get("Authorization"))
        rejected = rejection(faults, body)
        if rejected is not None:
            return self._ended("other_status", rejected)
        if self._over_limit(faults, outcome):
            return self._ended("rate_limited", self._too_many(faults))
        return await self._let_in(request, body, outcome, delay)

    def _ended(self, outcome: str, response: web.Response) -> web.Response:
        setattr(self.counts, outcome, getattr(self.counts, outcome) + 1)
        return response

    def _over_limit(self, faults: Faults, outcome: str) -> bool:
        """Tell whether a call is refused, and take it off the allowance if it has to be."""
        self._allowance.refill()
        too_many = faults.max_in_flight is not None and self._in_flight >= faults.max_in_flight
        too_fast = faults.requests_per_second is not None and self._allowance.left < 1
        over = too_many or too_fast or outcome == "rate_limited"
        if faults.requests_per_second is not None and (not over or faults.refused_count):
            self._allowance.spend()
        return over

    def _rate_headers(self, faults: Faults) -> Headers:
        return self._allowance.headers() if faults.rate_headers else {}

    def _too_many(self, faults: Faults) -> web.Response:
        """Answer 429; the advised wait is at least as long as until the next call is allowed."""
        headers = self._rate_headers(faults)
        if faults.retry_after_header:
            until_next = (1 - self._allowance.left) / self._allowance.rate if faults.requests_per_second else 0.0
            headers["retry-after"] = f"{math.ceil(max(faults.retry_after, until_next) * 1000) / 1000:g}"
        return refused(429, "Rate limit reached for requests.", "rate_limit_exceeded", headers)

    async def _let_in(self, request: web.Request, body: Json, outcome: str, delay: float) -> web.Response:
        """Serve a call; this is cancelled when the client goes away and when the server stops."""
        self._in_flight += 1
        self.counts.peak_in_flight = max(self.counts.peak_in_flight, self._in_flight)
        try:
            if outcome == "hang":
                self.counts.hung += 1
                await asyncio.Event().wait()
            if delay:
                await asyncio.sleep(delay)
        except asyncio.CancelledError:
            self.counts.abandoned += outcome != "hang"
            raise
        finally:
            self._in_flight -= 1
        if outcome == "reset":
            if request.transport is not None:
                request.transport.abort()
            return self._ended(outcome, web.Response())
        if outcome == "server_error":
            return self._ended(outcome, refused(500, "The server had an error while processing your request."))
        return self._ended(outcome, self._completion(body, self._content(body, outcome)))

    def _completion(self, body: Json, content: str) -> web.Response:
        asked, answered = sum(len(text_of(message)) for message in body["messages"]) // 4 + 1, len(content) // 4 + 1
        completion = {
            "id": f"chatcmpl-{self.counts.requests}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": body.get("model"),
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"},
            ],
            "usage": {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered},
        }
        headers = self._rate_headers(self.faults)
        return web.Response(body=json.dumps(completion).encode(), content_type="application/json", headers=headers)

    def _content(self, body: Json, outcome: str) -> str:
        """Write what the model says, spoiled if that is the outcome."""
        schema_text = schema_of(body)
        content = self._reply(body) if self._reply else self._good_content(body, schema_text)
        if outcome == "schema_violation":
            return lacking_a_key(content, schema_text)
        if outcome == "malformed":
            cut_off = content.startswith(("{", "[")) and self._random.random() < 0.5
            return content[: len(content) * 2 // 3] if cut_off else self._string("Sorry, I can't help with", 0, 0)
        return content

    def _good_content(self, body: Json, schema_text: str | None) -> str:
        """Fit the schema, or write plain text without one, on what the last message of the user starts with."""
        asked = next((text_of(message) for message in reversed(body["messages"]) if message.get("role") == "user"), "")
        subject = asked.strip().partition("\n")[0][-60:]
        if schema_text is None:
            return self._string(subject, 0, 0)
        items = EXACTLY.search(asked)
        text = skeleton(schema_text, int(items[1]) if items else 3)
        return HOLE.sub(lambda hole: json.dumps(self._string(subject, int(hole[1]), int(hole[2])))[1:-1], text)

    def _string(self, subject: str, least: int, most: int) -> str:
        """Write a string that no other answer has; a limit on its length cuts off its beginning."""
        self._strings += 1
        text = f"{subject} {self._strings}".rjust(least, ".")
        return text[-most:] if most else text


def options() -> argparse.ArgumentParser:
    """Make a flag of every field of Faults."""
    parser = argparse.ArgumentParser(prog="python -m tests.provider", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    for fault in fields(Faults):
        flag, kind = "--" + fault.name.replace("_", "-"), (get_args(fault.type) or (fault.type,))[0]
        if kind is bool:
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=fault.default)
        else:
            parser.add_argument(flag, type=kind, default=fault.default)
    return parser


async def main() -> None:
    """Serve in the foreground until SIGTERM or SIGINT; calls are not recorded."""
    given = vars(options().parse_args())
    port, seed = given.pop("port"), given.pop("seed")
    provider, stop = LocalProvider(Faults(**given), seed=seed, record=False), asyncio.Event()
    for end in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(end, stop.set)
    await provider.serve(port, stop, lambda: print(f"listening on {provider.base_url}", flush=True))


if __name__ == "__main__":
    asyncio.run(main())
