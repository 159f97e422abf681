"""An HTTP client for tool services: answers are limited in time and size, and error messages hold no secrets."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping
from typing import Any

import aiohttp
from yarl import URL

from deepfabric_core.errors import ConfigError, FailureKind, ModelError
from deepfabric_core.web import addresses
from deepfabric_core.web.bodies import BodyError, read
from deepfabric_core.web.certificates import trusted

# The largest answer, in bytes: results go into prompts, which are smaller.
ANSWER_BYTES = 1 << 20

_KEEP_ALIVE = 4.0  # seconds: less than servers keep idle connections open
_GOODBYE = 5.0  # seconds at most for deleting a session
_CHUNK = 1 << 16
FINE = range(200, 300)
_REDIRECTS = range(300, 400)


class Service:
    """The connections that all sessions share, opened by the first call; `timeout` is for each call, in seconds."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._client: aiohttp.ClientSession | None = None

    async def post(self, address: URL, body: Mapping[str, Any], *, tool: str) -> tuple[int, bytes]:
        """Send a tool call; return the status and the body of the answer.

        Raises:
            ModelError: of kind TOOL: there is no answer, or none that can be used.
        """
        try:
            async with asyncio.timeout(self._timeout):
                client = self._client or self._opened(address)
                async with client.post(address, json=body, allow_redirects=False) as response:
                    raw = await _content(response)
        except TimeoutError as problem:
            raise failure(address, f"gave no answer to {tool} within {self._timeout:g} s") from problem
        except (aiohttp.ClientError, OSError) as problem:
            raise failure(address, f"can't be reached for {tool} ({_cause(problem)})") from problem
        except BodyError as problem:
            raise failure(address, f"gave {tool} an answer that {problem}") from problem
        if response.status in _REDIRECTS:
            raise failure(address, f"answered {tool} with {_redirect(response)}", response.status)
        return response.status, raw

    async def delete(self, address: URL) -> None:
        """Ask the service to delete something; errors are ignored."""
        if self._client is not None:
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                async with (
                    asyncio.timeout(min(self._timeout, _GOODBYE)),
                    self._client.delete(address, allow_redirects=False),
                ):
                    pass

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _opened(self, address: URL) -> aiohttp.ClientSession:
        self._client = _client(address)
        return self._client


async def got(address: URL, seconds: float, advice: str) -> bytes:
    """Return the body at an address, within `seconds`.

    Raises:
        ConfigError: it can't be fetched; the message ends with the advice.
    """
    where = shown(address)
    try:
        async with (
            asyncio.timeout(seconds),
            _client(address) as client,
            client.get(address, allow_redirects=False) as response,
        ):
            raw = await _content(response)
    except TimeoutError as problem:
        raise ConfigError(f"{where}: no answer within {seconds:g} s; {advice}.") from problem
    except (aiohttp.ClientError, OSError) as problem:
        raise ConfigError(f"{where}: it can't be reached ({_cause(problem)}); {advice}.") from problem
    except BodyError as problem:
        raise ConfigError(f"{where}: the answer {problem}; {advice}.") from problem
    if response.status not in FINE:
        answer = _redirect(response) if response.status in _REDIRECTS else f"HTTP {response.status}"
        raise ConfigError(f"{where}: it answers {answer}; {advice}.")
    return raw


def address_of(text: str, key: str) -> URL:
    """Return the address in a key of generation.tools.

    Raises:
        ConfigError: it isn't an address.
    """
    if addresses.fault_of(text.strip()):
        raise ConfigError(f"generation.tools.{key} is no address: write one like http://localhost:3000.")
    return URL(text.strip())


def shown(address: URL) -> str:
    """Return an address without user, password and query, which may be secret."""
    return addresses.shown(str(address))


def failure(address: URL, text: str, status: int | None = None) -> ModelError:
    """Return the error for a failure of the service; `text` follows its name."""
    return ModelError(f"The tool service at {shown(address)} {text}.", kind=FailureKind.TOOL, status=status)


def _client(address: URL) -> aiohttp.ClientSession:
    verified = trusted() if address.scheme == "https" else True
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE, ssl=verified),
        headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "deepfabric"},
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        auto_decompress=False,  # bodies are decompressed with a size limit in `read`
    )


async def _content(response: aiohttp.ClientResponse) -> bytes:
    """Return the body; if it is too large, the rest isn't read."""
    encoding = response.headers.get("Content-Encoding")
    try:
        return await read(response.content.iter_chunked(_CHUNK), encoding, ANSWER_BYTES)
    except BodyError:
        response.close()
        raise


def _redirect(response: aiohttp.ClientResponse) -> str:
    place = addresses.destination(response.headers.get("Location"), str(response.url))
    return f"HTTP {response.status} and redirects to {place}, which isn't followed"


def _cause(problem: Exception) -> str:
    """Return why a connection failed, without any address."""
    if isinstance(problem, aiohttp.ClientConnectorError):
        number = problem.os_error.errno or 0
        return os.strerror(number) if number > 0 else problem.os_error.strerror or "no connection"
    return "the answer broke off" if isinstance(problem, aiohttp.ClientPayloadError) else type(problem).__name__
