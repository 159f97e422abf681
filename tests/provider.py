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
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from typing import get_args

from aiohttp import web

from tests.answers import Calls, Json, Writer, completion, tokens_asked, tokens_in
from tests.served import Served

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
    """What goes wrong, and how often: rates are fractions (0 to 1) of all calls, times are in seconds.

    `requests_per_second` is a bucket of `burst` calls, or, with `rate_window`, a fixed number of calls in each window.
    The headers state what is left at the moment of the answer, or already when the call is let in.
    A terse model answers null wherever the schema allows it, which is no fault but decides on what is accepted.
    """

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
    rate_window: float | None = None
    refused_count: bool = False
    tokens_per_minute: int | None = None
    rate_headers: bool = False
    header_moment: str = "answer"
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
        if self.tokens_per_minute is not None and self.tokens_per_minute < 1:
            raise ValueError("tokens_per_minute must be at least 1")
        if self.header_moment not in ("answer", "arrival"):
            raise ValueError("header_moment must be 'answer' or 'arrival'")
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


@dataclass
class RemainingQuota:
    """A token bucket: full at first, it holds at most `burst`, and `rate` accrues each second."""

    rate: float
    burst: float
    left: float = field(init=False)
    as_of: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.left = float(self.burst)

    @property
    def limit(self) -> int:
        """What the headers call the limit: the most of a minute."""
        return round(self.rate * 60)

    def refill(self) -> None:
        """Add what has accrued since the last call."""
        now = time.monotonic()
        self.left = min(float(self.burst), self.left + (now - self.as_of) * self.rate)
        self.as_of = now

    def spend(self, amount: float = 1) -> None:
        """Use up some; the debt is at most one burst, so that it can be paid off."""
        self.left = max(self.left - amount, -float(self.burst))

    def wait(self, amount: float = 1) -> float:
        """Seconds until so much is allowed; what is more than a burst is allowed once the bucket is full."""
        return max(0.0, (min(amount, self.burst) - self.left) / self.rate)

    def reset(self) -> float:
        """Seconds until it is as at first."""
        return (self.burst - self.left) / self.rate

    def headers(self, what: str) -> Headers:
        """State it as OpenAI does."""
        self.refill()
        return {
            f"x-ratelimit-limit-{what}": str(self.limit),
            f"x-ratelimit-remaining-{what}": str(max(0, int(self.left))),
            f"x-ratelimit-reset-{what}": duration(self.reset()),
        }


@dataclass
class Windows(RemainingQuota):
    """A number of calls in each window of `seconds`; the first window begins with the first call."""

    seconds: float = 1.0
    begun: bool = False

    @property
    def limit(self) -> int:
        """What the headers call the limit: the most of a window."""
        return int(self.burst)

    def refill(self) -> None:
        """Begin a new window if the last one is over."""
        now = time.monotonic()
        over = (now - self.as_of) // self.seconds
        if over or not self.begun:
            self.as_of = self.as_of + over * self.seconds if self.begun else now
            self.left, self.begun = float(self.burst), True

    def wait(self, amount: float = 1) -> float:
        """Seconds until so much is allowed."""
        return self.reset() if self.left < amount else 0.0

    def reset(self) -> float:
        """Seconds until the window ends."""
        return max(0.0, self.as_of + self.seconds - time.monotonic())


def calls_allowed(faults: Faults) -> RemainingQuota:
    """Set up what `requests_per_second` allows; without it, more than is ever spent."""
    rate = faults.requests_per_second
    if rate is None:
        return RemainingQuota(10000 / 60, 10000)
    if faults.rate_window is None:
        return RemainingQuota(rate, faults.burst)
    return Windows(rate, int(rate * faults.rate_window + 1e-9), seconds=faults.rate_window)


def tokens_allowed(faults: Faults) -> RemainingQuota | None:
    """Set up what `tokens_per_minute` allows: ten seconds' worth at once."""
    per_second = (faults.tokens_per_minute or 0) / 60
    return RemainingQuota(per_second, per_second * 10) if per_second else None


def duration(seconds: float) -> str:
    """Write a time as OpenAI's headers do: 6ms, 1.5s, 2m3s."""
    if seconds < 1:
        return f"{math.ceil(seconds * 1000)}ms"
    return f"{seconds:.3g}s" if seconds < 60 else f"{int(seconds // 60)}m{int(seconds % 60)}s"


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
        self.authorizations: list[str | None] = []
        self.base_url = ""
        self._record = record
        self._random = random.Random(seed)
        self._writer = Writer(self._random, reply, agent)
        self._last_request: Json = {}
        self._in_flight = 0

    @property
    def faults(self) -> Faults:
        """What goes wrong; to replace it while the server runs also fills the rate allowance anew."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._faults = faults
        self._allowance, self._tokens = calls_allowed(faults), tokens_allowed(faults)

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
            self.authorizations.append(request.headers.get("Authorization"))
        rejected = rejection(faults, body)
        if rejected is not None:
            return self._ended("other_status", rejected)
        asked = tokens_asked(body) if self._tokens else 0
        if self._over_limit(faults, outcome, asked):
            return self._ended("rate_limited", self._too_many(faults, asked))
        return await self._let_in(request, body, outcome, delay)

    def _ended(self, outcome: str, response: web.Response) -> web.Response:
        self.counts.ended(outcome)
        return response

    def _over_limit(self, faults: Faults, outcome: str, asked: int) -> bool:
        """Tell whether a call is refused, and take it off the allowances if it has to be."""
        self._allowance.refill()
        too_many = faults.max_in_flight is not None and self._in_flight >= faults.max_in_flight
        too_fast = faults.requests_per_second is not None and self._allowance.left < 1
        over = too_many or too_fast or outcome == "rate_limited" or self._over_tokens(asked)
        if faults.requests_per_second is not None and (not over or faults.refused_count):
            self._allowance.spend()
        if self._tokens is not None and not over:
            self._tokens.spend(asked)
        return over

    def _over_tokens(self, asked: int) -> bool:
        if self._tokens is None:
            return False
        self._tokens.refill()
        return self._tokens.wait(asked) > 0

    def _rate_headers(self, faults: Faults) -> Headers:
        if not faults.rate_headers:
            return {}
        return self._allowance.headers("requests") | (self._tokens.headers("tokens") if self._tokens else {})

    def _too_many(self, faults: Faults, asked: int) -> web.Response:
        """Answer 429; the advised wait is at least as long as until the next call is allowed."""
        headers = self._rate_headers(faults)
        if faults.retry_after_header:
            until_next = self._allowance.wait() if faults.requests_per_second else 0.0
            until_next = max(until_next, self._tokens.wait(asked) if self._tokens else 0.0)
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
            if delay:
                await asyncio.sleep(delay)
        except asyncio.CancelledError:
            self.counts.abandoned += outcome != "hang"
            raise
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
        if self._tokens is not None:
            self._tokens.spend(tokens_in(content))
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
