"""The connection to an MCP server, run in a task of its own, since it must be closed in the task that opened it."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp_types import CONNECTION_CLOSED

from deepfabric_core.config.secret_values import Holds, secrets_of
from deepfabric_core.redaction import Redactor
from deepfabric_core.tools.mcp.http import HttpServer
from deepfabric_core.tools.mcp.result_schemas import ResultSchemas
from deepfabric_core.tools.mcp.stdio import ServerProcess
from deepfabric_core.web.addresses import shown

if TYPE_CHECKING:
    from mcp.client._transport import TransportStreams

_log = logging.getLogger(__name__)

_MOST_PAGES = 100
_GOODBYE_SECONDS = 4.0
_REASON_SECONDS = 2.0
_SHORTEST_SECRET = 4
_SHOWN_CHARACTERS = 300

# The handshake first: servers from before 2026 support nothing else, and some exit at any other first message.
_HANDSHAKES = ("legacy", "auto")


class Unreachable(Exception):
    """The server can't be reached, or isn't an MCP server; the message is a sentence without its full stop."""


@dataclass(frozen=True, slots=True)
class Target:
    """How to reach a server, with its secrets filled in.

    `seconds` is the timeout of a call, `patience` that of a start, in seconds. `proxy` is the address of the proxy for
    `url`, or None.
    """

    command: str | None
    args: tuple[str, ...] = field(repr=False)
    env: Mapping[str, str] = field(repr=False)
    url: str | None = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    seconds: float
    patience: float
    proxy: str | None = None

    @property
    def shown(self) -> str:
        """Its name in messages, without arguments, user and query, since those may be secret."""
        if self.command is not None:
            return self.command
        return shown(self.url or "")

    def hide(self, text: str) -> str:
        """Return a text from the server without the values of `env` and `headers`, and without other secrets."""
        values = [*self.env.values(), *self.headers.values()]
        words = {word for value in values for word in (value, *value.split()) if len(word) >= _SHORTEST_SECRET}
        others = [*secrets_of(list(self.args), Holds.WORDS), *secrets_of(self.url, Holds.ADDRESS)]
        return Redactor({*words, *others})(text)


class Connection:
    """A connection, opened by `open` and closed by `close`. All methods, and the client's, work in any task."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.definitions: list[dict[str, Any]] = []
        self._client: Client | None = None
        self._lost = asyncio.Event()
        self._reason = ""
        self._settled = asyncio.Event()
        self._leave = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def client(self) -> Client | None:
        """The client that calls the server's tools; None if there is no connection."""
        return None if self._lost.is_set() or self._leave.is_set() else self._client

    async def open(self) -> Client:
        """Connect to the server and list its tools.

        Raises:
            Unreachable: it can't be reached, or isn't an MCP server.
        """
        _keep_quiet()
        self._task = asyncio.create_task(self._live())
        try:
            async with asyncio.timeout(self.target.patience):
                await self._settled.wait()
        except TimeoutError:
            await self._end()
            raise Unreachable(
                f"{self.target.shown} didn't answer as an MCP server within {self.target.patience:g} seconds; "
                "check that it is one, or allow it a longer timeout"
            ) from None
        except BaseException:
            await self._end()
            raise
        if self._client is None:
            await asyncio.wait({self._task})
            raise Unreachable(self._reason)
        return self._client

    async def reason(self) -> str:
        """Return why the connection ended, as a sentence without its full stop; "" if it hasn't."""
        if self.client is None and self._task is not None:
            await asyncio.wait({self._task}, timeout=_REASON_SECONDS)
        return self._reason

    async def close(self) -> None:
        """Close the connection, and end the server if it was started here."""
        self._leave.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=_GOODBYE_SECONDS)
        await self._end()

    async def _end(self) -> None:
        while self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=_GOODBYE_SECONDS)

    # ---- in the connection's own task

    async def _live(self) -> None:
        try:
            for handshake in _HANDSHAKES:
                if await self._try(handshake):
                    break
        finally:
            self._client = None
            self._settled.set()

    async def _try(self, handshake: str) -> bool:
        """Keep a connection with this handshake open until it ends; return False if the server refused it."""
        target = self.target
        server: ServerProcess | HttpServer
        transport: AbstractAsyncContextManager[TransportStreams]
        if target.command is not None:
            server = ServerProcess(target.hide)
            transport = server.run(target.command, target.args, target.env)
        else:
            server = HttpServer(target.headers, target.seconds, target.proxy)
            transport = server.run(target.url or "")
        self._lost = server.lost
        try:
            async with Client(transport, mode=handshake, cache=None) as client:
                self.definitions = await _definitions(client)
                client.session.validate_tool_result = ResultSchemas(self.definitions).check  # type: ignore[method-assign]
                self._client, self._reason = client, ""
                self._settled.set()
                await _either(server.lost, self._leave)
                lost = server.lost.is_set()
        except Exception as problem:  # noqa: BLE001 - the package doesn't document what it raises
            first = _first(problem)
            _log.debug("%s: %s: %s", target.shown, type(first).__name__, target.hide(str(first)))
            self._reason = f"{target.shown} {_said(first, server, target.hide)}"
            return self._client is not None or not isinstance(first, MCPError) or first.code == CONNECTION_CLOSED
        self._reason = f"{target.shown} {server.end if lost else 'was ended'}"
        return True


def _said(problem: BaseException, server: ServerProcess | HttpServer, hide: Callable[[str], str]) -> str:
    """Return why the connection failed, as the end of a sentence."""
    closed = isinstance(problem, MCPError) and problem.code == CONNECTION_CLOSED
    if isinstance(server, ServerProcess):
        if isinstance(problem, OSError):
            return f"can't be started ({(problem.strerror or str(problem)).lower()}); check the command"
        if closed:
            return f"{server.end} and didn't answer as an MCP server; run it by hand to see what is wrong"
    elif closed:
        return f"{hide(str(problem))}; check the address, the headers, and that the server runs"
    said = hide(re.sub(r"\s+", " ", str(problem)))[:_SHOWN_CHARACTERS] or type(problem).__name__
    return f"doesn't answer as an MCP server ({said}); check that it is one"


async def fetch_definitions(target: Target) -> list[dict[str, Any]]:
    """Return the definitions of a server's tools, in MCP's format, and close the connection.

    Raises:
        Unreachable: the server can't be reached, or isn't an MCP server.
    """
    connection = Connection(target)
    try:
        await connection.open()
        return connection.definitions
    finally:
        await connection.close()


async def _definitions(client: Client) -> list[dict[str, Any]]:
    """Return the definitions of all tools, which the server lists page by page."""
    found: list[dict[str, Any]] = []
    cursor = None
    for _ in range(_MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        found += [tool.model_dump(by_alias=True, mode="json", exclude_none=True) for tool in page.tools]
        cursor = page.next_cursor
        if not cursor:
            break
    return found


async def _either(*events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


def _first(problem: BaseException) -> BaseException:
    """Return the first exception inside nested exception groups."""
    while isinstance(problem, BaseExceptionGroup):
        problem = problem.exceptions[0]
    return problem


class _AsDebug(logging.Handler):
    """Logs the mcp package's records as debug messages, since its warnings would be printed on the terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        _log.debug("%s: %s", record.name, record.getMessage())


def _keep_quiet() -> None:
    logger = logging.getLogger("mcp")
    if not any(isinstance(handler, _AsDebug) for handler in logger.handlers):
        logger.addHandler(_AsDebug())
        logger.propagate = False
