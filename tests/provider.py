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
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import asdict, dataclass, field, fields
from typing import get_args

from aiohttp import web

from tests.answers import Calls, Json, Writer, completion, tokens_asked, tokens_in
from tests.quotas import HEADER_STYLES, Headers, RemainingQuota, TokenQuotas, Told, Windows
from tests.served import Served

# The random faults, in the order in which a draw is matched against them; each is also the name of its count.
RANDOM_FAULTS = ("rate_limited", "server_error", "malformed", "schema_violation", "reset", "hang", "overloaded")

# OpenAI's own words, since clients tell some of these errors apart by their text.
MESSAGES = {
    "invalid_api_key": "Incorrect API key provided.",
    "model_not_found": "The model does not exist or you do not have access to it.",
    "insufficient_quota": "You exceeded your current quota, please check your plan and billing details.",
    "context_length_exceeded": "This model's maximum context length is 8192 tokens. Please reduce the length.",
}


@dataclass(frozen=True)
class Faults:
    """What goes wrong, and how often: rates are fractions (0 to 1) of all calls, times are in seconds.

    `requests_per_second` is a bucket of `burst` calls, or, with `rate_window`, a fixed number of calls in each window.
    Tokens are buckets of `token_seconds`: prompts and answers together, or input and output apart, as Anthropic does.

    The headers state what is left at the moment of the answer, or already when the call is let in, or only on a 429.
    What is left may be told wrong by `header_factor`, or be the same each time, and so may the reset.

    A call is looked at after `way`, and heard to be refused `refusal_latency` later; until then it takes up one of the
    places of `max_in_flight` if `refused_hold_place`. `jitter` is the sigma of a lognormal factor on all these times.
    Of the calls that are let in, so many are served `at_once`; the others wait for their turn.
    An overloaded server says so by 529, or by 429, whatever the limits are.
    A terse model answers null wherever the schema allows it, which is no fault but decides on what is accepted.
    """

    rate_limited: float = 0.0
    server_error: float = 0.0
    malformed: float = 0.0
    schema_violation: float = 0.0
    reset: float = 0.0
    hang: float = 0.0
    overloaded: float = 0.0
    overloaded_status: int = 529
    retry_after: float = 0.05
    latency: float = 0.0
    straggler_rate: float = 0.0
    straggler_factor: float = 10.0
    way: float = 0.0
    refusal_latency: float = 0.0
    jitter: float = 0.0
    refused_hold_place: bool = False
    max_in_flight: int | None = None
    at_once: int | None = None
    requests_per_second: float | None = None
    burst: int = 10
    rate_window: float | None = None
    refused_count: bool = False
    tokens_per_minute: int | None = None
    input_tokens_per_minute: int | None = None
    output_tokens_per_minute: int | None = None
    token_seconds: float = 10.0
    rate_headers: bool = False
    header_style: str = "openai"
    header_moment: str = "answer"
    header_factor: float = 1.0
    header_remaining: int | None = None
    header_reset: float | None = None
    retry_after_header: bool = True
    status: int | None = None
    error_code: str | None = None
    error_message: str | None = None
    reject_response_format: str | None = None
    reject_tools: bool = False
    terse: bool = False

    def __post_init__(self) -> None:
        rates = [getattr(self, name) for name in RANDOM_FAULTS]
        if min(rates) < 0 or sum(rates) > 1 + 1e-9 or not 0 <= self.straggler_rate <= 1:
            raise ValueError("the rates must be between 0 and 1, and those of faults at most 1 in sum")
        if self.requests_per_second is not None and (self.requests_per_second <= 0 or self.burst < 1):
            raise ValueError("requests_per_second must be more than 0, and burst at least 1")
        if self.rate_window is not None and (self.requests_per_second or 0) * self.rate_window < 1:
            raise ValueError("rate_window must be long enough for one call at requests_per_second")
        tokens = (self.tokens_per_minute, self.input_tokens_per_minute, self.output_tokens_per_minute)
        if any(limit is not None and limit < 1 for limit in tokens) or self.token_seconds <= 0:
            raise ValueError("the tokens of a minute must be at least 1, and token_seconds more than 0")
        if min(self.way, self.refusal_latency, self.jitter) < 0:
            raise ValueError("way, refusal_latency and jitter can't be less than 0")
        if self.header_moment not in ("answer", "arrival", "refusal"):
            raise ValueError("header_moment must be 'answer', 'arrival' or 'refusal'")
        if self.header_style not in HEADER_STYLES:
            raise ValueError("header_style must be 'openai' or 'anthropic'")
        if self.overloaded_status not in (429, 529):
            raise ValueError("overloaded_status must be 429 or 529")
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

    def headers(self, told: Mapping[str, Told]) -> Headers:
        """Write what is left of each quota, as rightly as is set."""
        write, written = HEADER_STYLES[self.header_style], Headers()
        for what, quota in told.items():
            left = quota.left * self.header_factor if self.header_remaining is None else self.header_remaining
            reset = quota.reset if self.header_reset is None else self.header_reset
            written |= write(what, Told(quota.limit * self.header_factor, left, reset))
        return written


@dataclass
class Counts:
    """How many calls came in, and how each of them ended: every call is under exactly one outcome.

    The times are of `time.monotonic`, so that rates can be told from the server's side; they don't make counts differ.
    """

    requests: int = 0
    answered: int = 0
    rate_limited: int = 0
    server_error: int = 0
    malformed: int = 0
    schema_violation: int = 0
    reset: int = 0
    hung: int = 0
    overloaded: int = 0
    abandoned: int = 0  # the client went away, or the server stopped, before the answer
    other_status: int = 0
    peak_in_flight: int = 0  # of calls let in: a refused call is never in flight
    seconds_of_latency: float = field(default=0.0, compare=False)  # the sum of the delays served to their end
    first_at: float | None = field(default=None, compare=False)
    last_at: float | None = field(default=None, compare=False)
    last_answer_at: float | None = field(default=None, compare=False)

    def came_in(self) -> None:
        """Count a call as it arrives."""
        self.requests += 1
        self.last_at = time.monotonic()
        self.first_at = self.last_at if self.first_at is None else self.first_at

    def ended(self, outcome: str) -> None:
        """Count how a call ended."""
        setattr(self, outcome, getattr(self, outcome) + 1)
        self.last_answer_at = time.monotonic()


def calls_allowed(faults: Faults) -> RemainingQuota:
    """Set up what `requests_per_second` allows; without it, more than is ever spent."""
    rate = faults.requests_per_second
    if rate is None:
        return RemainingQuota(10000 / 60, 10000)
    if faults.rate_window is None:
        return RemainingQuota(rate, faults.burst)
    return Windows(rate, int(rate * faults.rate_window + 1e-9), seconds=faults.rate_window)


def tokens_allowed(faults: Faults) -> TokenQuotas:
    """Set up what the limits on tokens allow: at once as many as accrue in `token_seconds`."""

    def bucket(per_minute: int | None) -> RemainingQuota | None:
        return RemainingQuota(per_minute / 60, per_minute / 60 * faults.token_seconds) if per_minute else None

    limits = (faults.tokens_per_minute, faults.input_tokens_per_minute, faults.output_tokens_per_minute)
    return TokenQuotas(*map(bucket, limits))


def refused(status: int, message: str, code: str | None = None, headers: Headers | None = None) -> web.Response:
    """Answer with an error in OpenAI's shape."""
    kind = "server_error" if status >= 500 else "requests" if status == 429 else "invalid_request_error"
    kind = "insufficient_quota" if code == "insufficient_quota" else kind
    error = {"message": message, "type": kind, "param": None, "code": code}
    return web.json_response({"error": error}, status=status, headers=headers)


def overloaded(status: int) -> web.Response:
    """Answer as Anthropic does when it has too much to do."""
    error = {"type": "overloaded_error", "message": "Overloaded"}
    return web.json_response({"type": "error", "error": error}, status=status)


def rejection(faults: Faults, body: Json) -> web.Response | None:
    """Refuse what this provider is set up, or unable, to serve."""
    if faults.status is not None:
        message = faults.error_message or MESSAGES.get(faults.error_code or "", "The call failed.")
        return refused(faults.status, message, faults.error_code)
    wanted = (body.get("response_format") or {}).get("type")
    if wanted and faults.reject_response_format in ("any", wanted):
        return refused(400, f"Invalid parameter: 'response_format' of type '{wanted}' is not supported by this model.")
    if faults.reject_tools and body.get("tools"):
        return refused(400, "This model does not support tools.")
    return refused(400, "This provider does not stream.") if body.get("stream") else None


class LocalProvider(Served):
    """The server: a context manager that runs it in a thread of its own, or `serve` to run it in this one."""

    def __init__(
        self,
        faults: Faults = Faults(),
        reply: Callable[[Json], str] | None = None,
        seed: int = 0,
        *,
        agent: Callable[[Json], Calls] | None = None,
        record: bool = True,
    ) -> None:
        self.faults = faults
        self.counts = Counts()
        self.requests: list[Json] = []
        self.bodies: list[bytes] = []
        self.authorizations: list[str | None] = []
        self.base_url = ""
        self._record = record
        self._random, self._jitter = random.Random(seed), random.Random(seed)
        self._writer = Writer(self._random, reply, agent)
        self._last_request: Json = {}
        self._in_flight = self._refused_in_place = 0

    @property
    def faults(self) -> Faults:
        """What goes wrong; to replace it while the server runs also fills the rate allowance anew."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._faults = faults
        self._allowance, self._tokens = calls_allowed(faults), tokens_allowed(faults)
        self._turns: AbstractAsyncContextManager[None] = nullcontext()
        if faults.at_once is not None:
            self._turns = asyncio.Semaphore(faults.at_once)

    async def serve(self, port: int, stop: asyncio.Event, started: Callable[[], None]) -> None:
        """Serve until `stop` is set; then whatever is under way ends without an answer."""
        app = web.Application(client_max_size=1 << 28)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/counts", self._show_counts)
        app.router.add_get("/last-request", self._show_last_request)
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

    async def _show_last_request(self, _: web.Request) -> web.Response:
        return web.json_response(self._last_request)

    async def _replace_faults(self, request: web.Request) -> web.Response:
        try:
            self.faults = Faults(**await request.json())
        except (TypeError, ValueError) as error:
            return refused(400, str(error))
        return web.json_response(asdict(self.faults))

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        """Count and record a call, refuse it or let it in, and answer it once its time is up."""
        raw = await request.read()
        self.counts.came_in()
        faults = self.faults
        outcome, delay = faults.outcome(self._random.random()), faults.delay(self._random.random())
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        if not isinstance(body, dict) or not body.get("messages"):
            return self._ended("other_status", refused(400, "The body must be a JSON object with messages."))
        self._last_request = body
        if self._record:
            self.requests.append(body)
            self.bodies.append(raw)
            self.authorizations.append(request.headers.get("Authorization"))
        rejected = rejection(faults, body)
        if rejected is not None:
            return self._ended("other_status", rejected)
        await self._take(self._spread(faults, faults.way))
        if outcome == "overloaded":
            return await self._refuse(faults, outcome, overloaded(faults.overloaded_status))
        asked = tokens_asked(body) if self._tokens else 0
        if self._over_limit(faults, outcome, asked):
            return await self._refuse(faults, "rate_limited", self._too_many(faults, asked))
        return await self._let_in(request, body, outcome, self._spread(faults, delay))

    def _ended(self, outcome: str, response: web.Response) -> web.Response:
        self.counts.ended(outcome)
        return response

    def _spread(self, faults: Faults, seconds: float) -> float:
        """Say how long a time is that varies."""
        return seconds * self._jitter.lognormvariate(0, faults.jitter) if faults.jitter else seconds

    async def _take(self, seconds: float, turn: AbstractAsyncContextManager[None] | None = None) -> None:
        """Let time pass, once it is its turn; a call whose client goes away meanwhile is abandoned."""
        try:
            if seconds:
                async with turn or nullcontext():
                    await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.counts.abandoned += 1
            raise

    async def _refuse(self, faults: Faults, outcome: str, response: web.Response) -> web.Response:
        """Answer with a refusal once it is heard."""
        self._refused_in_place += faults.refused_hold_place
        try:
            await self._take(self._spread(faults, faults.refusal_latency))
        finally:
            self._refused_in_place -= faults.refused_hold_place
        return self._ended(outcome, response)

    def _over_limit(self, faults: Faults, outcome: str, asked: int) -> bool:
        """Tell whether a call is refused, and take it off the allowances if it has to be."""
        self._allowance.refill()
        places = self._in_flight + self._refused_in_place
        too_many = faults.max_in_flight is not None and places >= faults.max_in_flight
        too_fast = faults.requests_per_second is not None and self._allowance.left < 1
        over = too_many or too_fast or outcome == "rate_limited" or self._tokens.wait(asked) > 0
        if faults.requests_per_second is not None and (not over or faults.refused_count):
            self._allowance.spend()
        if not over:
            self._tokens.spend(asked=asked)
        return over

    def _rate_headers(self, faults: Faults, *, on_refusal: bool = False) -> Headers:
        if not faults.rate_headers or (faults.header_moment == "refusal" and not on_refusal):
            return {}
        return faults.headers({"requests": self._allowance.told()} | self._tokens.told())

    def _too_many(self, faults: Faults, asked: int) -> web.Response:
        """Answer 429; the advised wait is at least as long as until the next call is allowed."""
        headers = self._rate_headers(faults, on_refusal=True)
        if faults.retry_after_header:
            until_next = self._allowance.wait() if faults.requests_per_second else 0.0
            until_next = max(until_next, self._tokens.wait(asked))
            headers["retry-after"] = f"{math.ceil(max(faults.retry_after, until_next) * 1000) / 1000:g}"
        return refused(429, "Rate limit reached for requests.", "rate_limit_exceeded", headers)

    async def _let_in(self, request: web.Request, body: Json, outcome: str, delay: float) -> web.Response:
        """Serve a call; this is cancelled when the client goes away and when the server stops."""
        headers = self._rate_headers(self.faults)
        self._in_flight += 1
        self.counts.peak_in_flight = max(self.counts.peak_in_flight, self._in_flight)
        try:
            if outcome == "hang":
                self.counts.hung += 1
                await asyncio.Event().wait()
            await self._take(delay, self._turns)
        finally:
            self._in_flight -= 1
        self.counts.seconds_of_latency += delay
        if outcome == "reset":
            if request.transport is not None:
                request.transport.abort()
            return self._ended(outcome, web.Response())
        if outcome == "server_error":
            return self._ended(outcome, refused(500, "The server had an error while processing your request."))
        content = self._writer.content(body, outcome, terse=self.faults.terse)
        return self._ended(outcome, self._completion(body, content, headers))

    def _completion(self, body: Json, content: str, headers: Headers) -> web.Response:
        """Answer a call, with the headers of its arrival where the faults say so."""
        self._tokens.spend(answered=tokens_in(content))
        if self.faults.header_moment == "answer":
            headers = self._rate_headers(self.faults)
        text = json.dumps(completion(body, content, self.counts.requests, self._writer.calls(body)))
        return web.Response(body=text.encode(), content_type="application/json", headers=headers)


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
