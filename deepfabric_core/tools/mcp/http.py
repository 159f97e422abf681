"""Connect to an MCP server over HTTP; a failed request fails only its call, and the connection stays open."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import httpx2
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CONNECTION_CLOSED

from deepfabric_core.tools.mcp.stdio import LARGEST_MESSAGE_BYTES
from deepfabric_core.web.addresses import destination
from deepfabric_core.web.bodies import ACCEPTED, Body, BodyError, read

if TYPE_CHECKING:
    from mcp.client._transport import TransportStreams

_CONNECT_SECONDS = 10.0
_GOODBYE_SECONDS = 1.0
# A stream may be silent for longer than a call may take, so that the call's own timeout comes first.
_SILENCE_SECONDS = 60.0
_REDIRECTS = range(300, 400)
_REFUSED, _NOT_FOUND = 400, 404


class _Transport(httpx2.AsyncHTTPTransport):
    """The HTTP connections. Bodies that aren't event streams are read here, up to the largest size of a message."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request and read the answer; of an event stream only the head, as its events are limited later."""
        request.headers["Accept-Encoding"] = ACCEPTED
        response = await super().handle_async_request(request)
        try:
            return await _read(response)
        except BaseException:
            await response.aclose()
            raise


class HttpServer(httpx2.AsyncClient):
    """The HTTP client that sends the messages. `lost` is set once the server doesn't know our session any more.

    The mcp package ends the whole connection, with every call in flight, if one request can't be sent. So such a
    request is answered here, with an MCP error.
    """

    def __init__(self, headers: Mapping[str, str], call_seconds: float, proxy: str | None = None) -> None:
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=100)
        super().__init__(
            headers=dict(headers),
            timeout=httpx2.Timeout(min(call_seconds, _CONNECT_SECONDS), read=call_seconds + _SILENCE_SECONDS),
            transport=_Transport(limits=limits, proxy=proxy),
        )
        self.lost = asyncio.Event()

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send a request; a message that can't be sent, or is refused, is answered with an MCP error."""
        if request.method != "POST":
            async with asyncio.timeout(_GOODBYE_SECONDS if request.method == "DELETE" else None):
                return await super().send(request, **options)
        try:
            response = await super().send(request, **options)
        except httpx2.TransportError as problem:
            return _error(request, f"can't be reached ({_cause(problem)})")
        except BodyError as problem:
            return _error(request, f"gave an answer that {problem}")
        if response.status_code in _REDIRECTS and _leads_away(response):
            place = destination(response.headers.get("Location"), str(request.url))
            return _error(
                request, f"answered HTTP {response.status_code} and redirects to {place}; that isn't followed"
            )
        if response.status_code < _REFUSED:
            return response
        if response.status_code == _NOT_FOUND:
            self.lost.set()
        return (
            response if b'"jsonrpc"' in response.content else _error(request, f"answered HTTP {response.status_code}")
        )

    @property
    def end(self) -> str:
        """How it was lost, as the end of a sentence."""
        return "has forgotten our session"

    @asynccontextmanager
    async def run(self, url: str) -> AsyncIterator[TransportStreams]:
        """Open the connection, and close it at the end."""
        async with (
            self,
            streamable_http_client(url, http_client=self, max_sse_event_size=LARGEST_MESSAGE_BYTES) as streams,
        ):
            yield streams


async def _read(response: httpx2.Response) -> httpx2.Response:
    encoding = response.headers.get("Content-Encoding")
    events = response.headers.get("Content-Type", "").lower().startswith("text/event-stream")
    if events and response.status_code < _REDIRECTS.start:
        Body(encoding, LARGEST_MESSAGE_BYTES)  # refuses compressions whose size can't be limited
        return response
    content = await read(cast("httpx2.AsyncByteStream", response.stream), encoding, LARGEST_MESSAGE_BYTES)
    await response.aclose()
    headers = [pair for pair in response.headers.raw if pair[0].lower() != b"content-encoding"]
    return httpx2.Response(response.status_code, headers=headers, content=content, extensions=response.extensions)


def _leads_away(response: httpx2.Response) -> bool:
    """Return whether a redirect leads to another server or drops the message; the mcp package follows others."""
    asked, following = response.request, response.next_request
    if following is None or following.method != asked.method:
        return True
    return (following.url.host, following.url.port) != (asked.url.host, asked.url.port)


def _error(request: httpx2.Request, reason: str) -> httpx2.Response:
    error = {"jsonrpc": "2.0", "id": None, "error": {"code": CONNECTION_CLOSED, "message": reason}}
    return httpx2.Response(503, json=error, request=request)


def _cause(problem: BaseException) -> str:
    """Return why a request failed; the operating system's reason if there is one."""
    inner: BaseException | None = problem
    while inner is not None:
        if isinstance(inner, ssl.SSLError):
            return str(inner)
        if isinstance(inner, OSError) and inner.strerror:
            code = inner.errno or 0
            return (os.strerror(code) if code > 0 else inner.strerror).lower()
        inner = inner.__cause__ or inner.__context__
    return str(problem) or type(problem).__name__
