"""Restrict litellm's HTTP requests: redirects aren't followed with the key, and response bodies have a size limit.

litellm has its own client for each provider, or uses the provider's package. They follow redirects with all headers
and read bodies of any size. All of them use httpx, so httpx's `send` is wrapped. The wrapper only acts within
`watched`; other users of httpx in the same process aren't affected.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from deepfabric_core.errors import ModelError
from deepfabric_core.llm.clients.response_checks import REDIRECTS, limit_for, redirected, unusable
from deepfabric_core.web.bodies import ACCEPTED, Body, BodyError, read

if TYPE_CHECKING:
    import httpx


_LOWEST_ERROR = 400
# The part of an error's body that litellm gets: its regular expressions would take a minute for a megabyte.
_GIVEN_BYTES = 1 << 16

_UNFOLLOWED = {"stream": True, "follow_redirects": False}


@dataclass
class HttpCall:
    """One call in progress. `refusal` is why its response is rejected; litellm raises an error of its own instead."""

    name: str
    refusal: ModelError | None = None

    def redirected(self, request: httpx.Request, response: httpx.Response | None) -> ModelError:
        """Return the error for a redirect; `response` is None where httpx can't parse the address in it."""
        status, headers = (response.status_code, response.headers) if response is not None else (None, {})
        self.refusal = redirected(self.name, status, headers, str(request.url))
        return self.refusal

    def unusable(self, problem: BodyError, response: httpx.Response) -> ModelError:
        """Return the error for a body that can't be used."""
        self.refusal = unusable(self.name, problem, response.status_code, response.headers)
        return self.refusal


_CALL: ContextVar[HttpCall | None] = ContextVar("call", default=None)


@contextmanager
def watched(name: str) -> Iterator[HttpCall]:
    """Restrict the HTTP requests of a call of the model `name`: no redirects, and a size limit for bodies."""
    _watch_httpx()
    call = HttpCall(name)
    token = _CALL.set(call)
    try:
        yield call
    finally:
        _CALL.reset(token)


@cache
def _watch_httpx() -> None:
    """Wrap httpx's `send`, once."""
    import httpx

    send, send_async = httpx.Client.send, httpx.AsyncClient.send

    def watched_send(client: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        if (call := _CALL.get()) is None:
            return send(client, request, **options)
        try:
            response = send(client, _asking(request), **{**options, **_UNFOLLOWED})
        except httpx.InvalidURL as problem:
            raise call.redirected(request, None) from problem
        try:
            return _answered(response, _read(call, response))
        finally:
            response.close()

    async def watched_send_async(client: httpx.AsyncClient, request: httpx.Request, **options: Any) -> httpx.Response:
        if (call := _CALL.get()) is None:
            return await send_async(client, request, **options)
        try:
            response = await send_async(client, _asking(request), **{**options, **_UNFOLLOWED})
        except httpx.InvalidURL as problem:
            raise call.redirected(request, None) from problem
        try:
            return _answered(response, await _read_async(call, response))
        finally:
            await response.aclose()

    httpx.Client.send = watched_send  # type: ignore[assignment, method-assign]
    httpx.AsyncClient.send = watched_send_async  # type: ignore[assignment, method-assign]


def _asking(request: httpx.Request) -> httpx.Request:
    request.headers["Accept-Encoding"] = ACCEPTED
    return request


async def _read_async(call: HttpCall, response: httpx.Response) -> bytes:
    if response.status_code in REDIRECTS:
        raise call.redirected(response.request, response)
    try:
        return await read(
            response.aiter_raw(), response.headers.get("Content-Encoding"), limit_for(response.status_code)
        )
    except BodyError as problem:
        raise call.unusable(problem, response) from problem


def _read(call: HttpCall, response: httpx.Response) -> bytes:
    if response.status_code in REDIRECTS:
        raise call.redirected(response.request, response)
    try:
        body = Body(response.headers.get("Content-Encoding"), limit_for(response.status_code))
        for piece in response.iter_raw():
            body.add(piece)
        return body.content()
    except BodyError as problem:
        raise call.unusable(problem, response) from problem


def _answered(response: httpx.Response, content: bytes) -> httpx.Response:
    """Return the response with the content that was read."""
    import httpx

    return httpx.Response(
        response.status_code,
        headers=[pair for pair in response.headers.raw if pair[0].lower() != b"content-encoding"],
        content=content if response.status_code < _LOWEST_ERROR else content[:_GIVEN_BYTES],
        request=response.request,
        extensions=response.extensions,
        default_encoding=response.default_encoding,
    )
