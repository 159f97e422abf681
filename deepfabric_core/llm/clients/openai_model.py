"""A fast client for every endpoint that speaks OpenAI's chat-completions protocol, without litellm."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
from collections.abc import Mapping
from typing import Any

import aiohttp
from yarl import URL

from deepfabric_core.chat.messages import Reply, Request, Usage
from deepfabric_core.config.llm import Llm
from deepfabric_core.errors import ConfigError, FailureKind, ModelError
from deepfabric_core.llm.api_keys import api_key
from deepfabric_core.llm.chat_completions import dollars, error_in, part, reply_in
from deepfabric_core.llm.clients.cache_markers import fewest_marked_bytes
from deepfabric_core.llm.clients.request_body import RequestShape, RequestWriter
from deepfabric_core.llm.clients.response_checks import (
    NOT_FOUND,
    REDIRECTS,
    V1,
    limit_for,
    redirected,
    says_nothing_served,
    unusable,
    with_path_advice,
)
from deepfabric_core.llm.error_mapping import Complaint, complaint_in, model_error, no_completion
from deepfabric_core.llm.prices import Prices
from deepfabric_core.redaction import redact
from deepfabric_core.web.addresses import fault_of
from deepfabric_core.web.bodies import ACCEPTED, BodyError, read
from deepfabric_core.web.certificates import trusted
from deepfabric_core.web.proxies import proxy_for

# Address of each provider: the variables that may name it, as litellm reads them, and the default.
_PLACES: Mapping[str, tuple[tuple[str, ...], str | None]] = {
    "openai": (("OPENAI_BASE_URL", "OPENAI_API_BASE"), "https://api.openai.com/v1"),
    "openrouter": (("OPENROUTER_API_BASE",), "https://openrouter.ai/api/v1"),
    "ollama": (("OLLAMA_API_BASE",), "http://localhost:11434"),
    "vllm": (("HOSTED_VLLM_API_BASE",), None),
    "hosted_vllm": (("HOSTED_VLLM_API_BASE",), None),
}
# OpenAI doesn't serve these by the chat-completions protocol.
_NOT_CHAT = re.compile(r"codex|deep-research|gpt-daybreak|(?:^o\d+|gpt-[\d.]+)-pro\b")
# These take max_completion_tokens, and a temperature only when they don't reason.
_REASONING = re.compile(r"(?:.*/)?o[1-9]\d*(?:-|$)|.*gpt-[5-9](?!-chat)")

_FEWEST_CONNECTIONS = 100
_SPARE_CONNECTIONS = 10
# In seconds. Usual servers close idle connections after 5 s; a request on a closing connection would fail.
_KEEP_ALIVE = 4.0
_DNS_CACHE = 300
_FINE = range(200, 300)
_BAD_REQUEST = 400
_CHUNK = 1 << 16
_SHOWN_CHARACTERS = 400
# More than is shown, so that a secret isn't cut in two before it is found.
_LOOKED_AT_BYTES = 1 << 14
_BUDGET_SPENT = "max_tokens or model output limit was reached"  # OpenAI's newer models report this as an error

_PATH = "/chat/completions"


def speaks_openai(settings: Llm) -> bool:
    """Return whether the model can be called by OpenAI's chat protocol."""
    elsewhere = settings.base_url or any(map(os.environ.get, _PLACES["openai"][0]))
    if settings.provider == "openai" and not elsewhere:
        return _NOT_CHAT.search(settings.model) is None
    return settings.provider in _PLACES


class OpenAIModel:
    """A chat model with its own HTTP client, which is bound to one event loop from its first call until `close`."""

    def __init__(self, settings: Llm, *, connections: int) -> None:
        self._settings = settings
        base = base_url(settings)
        self._url = URL(f"{base}{_PATH}")
        self._other = None if self._url.path != _PATH else URL(f"{base}{V1}{_PATH}")
        self._proxy = proxy_for(base)
        self._ssl = trusted() if self._url.scheme == "https" else True
        self._connections = max(connections, _FEWEST_CONNECTIONS) + _SPARE_CONNECTIONS
        self._session: aiohttp.ClientSession | None = None
        self._prices = Prices(settings.provider, settings.model, base, settings.prices)
        self._shape = _first_shape(settings, self._prices)
        self._writer = RequestWriter(settings, fewest_marked_bytes(settings, self._prices))

    @property
    def name(self) -> str:
        """Provider and model."""
        return self._settings.name

    async def complete(self, request: Request) -> Reply:
        """Answer one request; see `ChatModel`."""
        seconds = self._settings.timeout
        try:
            async with asyncio.timeout(seconds):
                return await self._answered(request)
        except TimeoutError as problem:
            text = f"no answer within {seconds:g} s"
            raise model_error(self.name, text, status=None, kind=FailureKind.TIMEOUT) from problem
        except (aiohttp.ClientError, OSError) as problem:
            failure = model_error(self.name, _trouble(problem), status=None, kind=FailureKind.CONNECTION)
            failure.never_sent = isinstance(problem, aiohttp.ClientConnectorError)
            raise failure from problem

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _answered(self, request: Request) -> Reply:
        """Return the reply, if need be after repeating the request without parameters that the model refuses."""
        tried = set()
        while True:
            shape = self._shape
            tried.add(shape)
            response, raw = await self._sent(self._writer.body(request, shape))
            if response.status in _FINE:
                return self._read(response, raw)
            said = _complaint(raw)
            if response.status == _BAD_REQUEST and _BUDGET_SPENT in said.message:
                return Reply("", self._settings.model, "length", Usage(), headers=response.headers)
            if response.status != _BAD_REQUEST or shape.after(said) == shape:
                raise self._refused(response, said)
            self._shape = self._shape.after(said) if self._shape == shape else self._shape
            if self._shape in tried:
                raise self._refused(response, said)

    async def _sent(self, body: bytes) -> tuple[aiohttp.ClientResponse, bytes]:
        """Post the request; if base_url has no path and nothing is served there, try below /v1."""
        url, other = self._url, self._other
        response, raw = await self._posted(url, body)
        if other is None or not _serves_nothing(response, raw):
            return response, raw
        found, content = await self._posted(other, body)
        if _serves_nothing(found, content):
            return response, raw
        self._url, self._other = other, None
        return found, content

    async def _posted(self, url: URL, body: bytes) -> tuple[aiohttp.ClientResponse, bytes]:
        session = self._session or self._opened()
        headers = self._headers()  # headers of the session would be sent to the proxy, too
        async with session.post(url, data=body, headers=headers, proxy=self._proxy, allow_redirects=False) as response:
            if response.status in REDIRECTS:
                raise redirected(self.name, response.status, response.headers, str(url))
            try:
                encoding = response.headers.get("Content-Encoding")
                return response, await read(response.content.iter_chunked(_CHUNK), encoding, limit_for(response.status))
            except BodyError as problem:
                response.close()
                raise unusable(self.name, problem, response.status, response.headers) from problem

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": ACCEPTED}
        key = api_key(self._settings)
        if key and self._url.user is None:
            headers["Authorization"] = f"Bearer {key}"
        return headers

    def _opened(self) -> aiohttp.ClientSession:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._connections, ssl=self._ssl, keepalive_timeout=_KEEP_ALIVE, ttl_dns_cache=_DNS_CACHE
            ),
            headers={"User-Agent": "deepfabric"},
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
        )
        return self._session

    def _read(self, response: aiohttp.ClientResponse, raw: bytes) -> Reply:
        headers = response.headers
        try:
            body = json.loads(raw)
            if (error := error_in(body)) is None:
                return reply_in(body, self._settings.model, self._cost(body, headers), headers)
        except (ValueError, RecursionError) as problem:
            shown = redact(raw[:_LOOKED_AT_BYTES].decode(errors="replace"))[:_SHOWN_CHARACTERS]
            raise no_completion(self.name, complaint_in(shown).message or shown, headers) from problem
        raise self._refused(response, complaint_in({"error": error}))

    def _cost(self, body: Any, headers: Mapping[str, str]) -> float | None:
        """Return what the call cost: by the config, as the provider or a LiteLLM proxy states it, or by the list."""
        usage = part(body, "usage")
        stated = None if self._prices.are_own else self._stated_cost(usage, headers)
        return self._prices.cost(part(body, "model"), usage, part(body, "service_tier")) if stated is None else stated

    def _stated_cost(self, usage: Any, headers: Mapping[str, str]) -> float | None:
        stated = dollars(part(usage, "cost")) if self._settings.provider == "openrouter" else None
        return dollars(headers.get("x-litellm-response-cost")) if stated is None else stated

    def _refused(self, response: aiohttp.ClientResponse, said: Complaint) -> ModelError:
        status = None if response.status in _FINE else response.status
        if self._other is not None and status == NOT_FOUND and says_nothing_served(said):
            said = with_path_advice(said)
        return model_error(self.name, said, status=status or said.status, headers=response.headers)


def base_url(settings: Llm) -> str:
    """Return the provider's address: from the config, the environment, or the default.

    Raises:
        ConfigError: no address is given and there is no default, or the environment names an unusable one.
    """
    variables, usual = _PLACES[settings.provider]
    if settings.address:
        base = settings.address
    elif named := next((name for name in variables if os.environ.get(name)), None):
        base = os.environ[named].strip()
        if fault := fault_of(base):
            raise ConfigError(f"{named} in the environment can't be used: {fault}.")
    elif usual:
        base = usual
    else:
        raise ConfigError(f"Provider {settings.provider} needs a base_url, or {variables[0]} in the environment.")
    base = base.strip().rstrip("/").removesuffix(_PATH)
    return f"{base}/v1" if settings.provider == "ollama" and not base.endswith("/v1") else base


def _first_shape(settings: Llm, prices: Prices) -> RequestShape:
    """Return the shape that the model's name suggests. Providers other than OpenAI accept all parameters."""
    if settings.provider != "openai" or not _REASONING.match(settings.model):
        return RequestShape()
    reasons = prices.reasons_by_default or "search" in settings.model
    return RequestShape(limit="max_completion_tokens", temperature=not reasons or settings.temperature == 1)


def _serves_nothing(response: aiohttp.ClientResponse, raw: bytes) -> bool:
    return response.status == NOT_FOUND and says_nothing_served(_complaint(raw))


def _complaint(raw: bytes) -> Complaint:
    return complaint_in(raw.decode(errors="replace"))


def _trouble(problem: aiohttp.ClientError | OSError) -> str:
    """Return what is wrong with a connection; the address once, where one couldn't be made."""
    if isinstance(problem, aiohttp.ClientPayloadError):
        return "the answer broke off"
    if not isinstance(problem, aiohttp.ClientConnectorError) or isinstance(problem, aiohttp.ClientSSLError):
        return str(problem) or type(problem).__name__
    number, said = problem.os_error.errno, problem.os_error.strerror
    reason = said if isinstance(problem.os_error, socket.gaierror) or not number else os.strerror(number)
    return f"can't connect to {problem.host}:{problem.port}" + (f" ({reason})" if reason else "")
