"""Run an MCP server as a child process that speaks over its standard input and output, and end it reliably."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Self, cast

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client.stdio import get_default_environment
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from deepfabric_core.tools.mcp.process_guard import guarding

_log = logging.getLogger(__name__)

LARGEST_MESSAGE_BYTES = 64 << 20
_GRACE_SECONDS = 1.0
_LAST_OUTPUT_SECONDS = 0.2
_POLL_SECONDS = 0.01
_MOST_STRAY_LINES = 100
_SHOWN_CHARACTERS = 200
# More than is shown, so that a secret isn't cut before it is found.
_LOOKED_AT_BYTES = 1 << 14

_STDIN, _STDOUT, _STDERR = 0, 1, 2


class _Lines:
    """Joins the pieces read from a pipe into lines; `size` is the length of the unfinished line in bytes."""

    def __init__(self) -> None:
        self._begun: list[bytes] = []
        self.size = 0

    def add(self, data: bytes) -> list[bytes]:
        """Add a piece, and return the lines that end in it."""
        first, *others = data.split(b"\n")
        self._begun.append(first)
        self.size += len(first)
        if not others:
            return []
        lines = [b"".join(self._begun), *others[:-1]]
        self._begun, self.size = [others[-1]], len(others[-1])
        return lines


class _Input:
    """The stream of messages to the server. Sending never waits, even if the server doesn't read."""

    def __init__(self, pipe: asyncio.WriteTransport) -> None:
        self._pipe = pipe

    async def send(self, item: SessionMessage, /) -> None:
        if self._pipe.is_closing():
            raise anyio.BrokenResourceError
        text = item.message.model_dump_json(by_alias=True, exclude_unset=True)
        self._pipe.write(text.encode() + b"\n")

    async def aclose(self) -> None:
        self._pipe.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class ServerProcess(asyncio.SubprocessProtocol):
    """An MCP server process. `lost` is set once it can't answer any more; `hide` removes secrets from texts."""

    def __init__(self, hide: Callable[[str], str]) -> None:
        self.lost = asyncio.Event()
        self._hide = hide
        self._why = ""
        self._last_words = b""
        self._exited = asyncio.Event()
        self._lines = {_STDOUT: _Lines(), _STDERR: _Lines()}
        self._stray = 0
        self._transport: asyncio.SubprocessTransport | None = None
        self._deliver: MemoryObjectSendStream[SessionMessage | Exception] | None = None

    @property
    def end(self) -> str:
        """How it was lost, as the end of a sentence."""
        code = self._transport.get_returncode() if self._transport else None
        if self._why or code is None:
            return self._why or "stopped answering"
        last_words = self._shown(self._last_words)
        said = f", saying '{last_words}'" if last_words else ""
        if code >= 0:
            return f"exited with code {code}{said}"
        with suppress(ValueError):
            return f"was ended by {signal.Signals(-code).name}{said}"
        return f"was ended by signal {-code}{said}"

    @asynccontextmanager
    async def run(
        self, command: str, args: Sequence[str], env: Mapping[str, str]
    ) -> AsyncIterator[tuple[MemoryObjectReceiveStream[SessionMessage | Exception], _Input]]:
        """Run the server in a process group of its own, and end the whole group afterwards.

        The group is also ended if this process is killed, even if the server ignores the end of its input. The server
        gets only those of our environment variables that the mcp package considers safe, so no provider's key.
        """
        start = partial(asyncio.get_running_loop().subprocess_exec, lambda: self, command, *args)
        self._deliver, messages = anyio.create_memory_object_stream[SessionMessage | Exception](math.inf)
        async with guarding() as guard:
            with self._deliver, messages:
                self._transport, _ = await start(env={**get_default_environment(), **env}, start_new_session=True)
                guard(self._transport.get_pid())
                pipe = cast("asyncio.WriteTransport", self._transport.get_pipe_transport(_STDIN))
                try:
                    yield messages, _Input(pipe)
                finally:
                    await self._finish(self._transport, pipe)

    # ---- what asyncio calls

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Read messages from its standard output, and lines for the log from its standard error."""
        lines = self._lines[fd]
        for line in lines.add(data):
            if fd == _STDOUT:
                if self.lost.is_set():
                    return
                self._take_line(line)
            else:
                self._note(line)
        if lines.size > LARGEST_MESSAGE_BYTES:
            self._lose(f"said more than {LARGEST_MESSAGE_BYTES >> 20} MiB in one line")

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """Mark the server as lost if its output or its input is closed."""
        if fd != _STDERR:
            self._lose()

    def process_exited(self) -> None:
        """End its child processes, and wait a moment for its last output."""
        self._exited.set()
        self._signal(signal.SIGTERM)
        asyncio.get_running_loop().call_later(_LAST_OUTPUT_SECONDS, self._lose)

    def _take_line(self, line: bytes) -> None:
        try:
            message = SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
        except ValueError:
            if _log.isEnabledFor(logging.DEBUG):
                _log.debug("not a message: %s", self._shown(line))
            self._stray += 1
            if self._stray > _MOST_STRAY_LINES:
                self._lose("writes to its standard output what isn't MCP")
            return
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            cast("MemoryObjectSendStream[SessionMessage | Exception]", self._deliver).send_nowait(message)

    def _note(self, line: bytes) -> None:
        self._last_words = line.strip() or self._last_words
        if line.strip() and _log.isEnabledFor(logging.DEBUG):
            _log.debug("stderr: %s", self._shown(line))

    def _shown(self, line: bytes) -> str:
        """Return a line without secrets. Call it only for lines that are shown, since it is slow."""
        return self._hide(line[:_LOOKED_AT_BYTES].decode(errors="replace").strip())[:_SHOWN_CHARACTERS]

    def _lose(self, why: str = "") -> None:
        if not self.lost.is_set():
            self._why = why
        self.lost.set()
        if self._deliver is not None:
            self._deliver.close()

    # ---- its end

    async def _finish(self, transport: asyncio.SubprocessTransport, pipe: asyncio.WriteTransport) -> None:
        """Close its input, then terminate and then kill it and its children, waiting up to a second in between."""
        try:
            pipe.close()
            if not self.lost.is_set():
                await self._exit()
            self._signal(signal.SIGTERM)
            for _ in range(int(_GRACE_SECONDS / _POLL_SECONDS)):
                if not self._signal(0):
                    break
                await asyncio.sleep(_POLL_SECONDS)
        finally:  # also if this task is cancelled, then at once
            self._signal(signal.SIGKILL)
            await self._exit()
            transport.close()
            await asyncio.sleep(0)
            await asyncio.sleep(0)  # so that the pipes' own callbacks have run

    async def _exit(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_SECONDS):
                await self._exited.wait()

    def _signal(self, number: int) -> bool:
        """Signal the process and its children; return whether any of them still exists."""
        if self._transport is None:
            return False
        try:
            os.killpg(self._transport.get_pid(), number)
        except ProcessLookupError:
            return False
        except PermissionError:  # macOS raises this for zombies
            return True
        return True
