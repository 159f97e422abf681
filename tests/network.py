"""What lies between a client and a provider, on 127.0.0.1: an HTTPS server, and a proxy that keeps all it can read."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import cast

import trustme
from aiohttp import web

from tests.answers import Json
from tests.served import Served

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

_MOST_BYTES = 1 << 16
_BLOCK = 1 << 24


class Origin(Served):
    """A server that answers whatever is asked as `answer` says, over TLS where it has an authority of certificates."""

    def __init__(self, answer: Answer, authority: trustme.CA | None = None) -> None:
        self.answer = answer
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.url = ""
        self._authority = authority

    async def serve(self, port: int, stop: asyncio.Event, started: Callable[[], None]) -> None:
        """Serve until `stop` is set."""
        context = None
        if self._authority is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._authority.issue_cert("localhost").configure_cert(context)
        server = web.Server(self._answer)
        runner = web.ServerRunner(server, shutdown_timeout=0.01)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
            self.url = f"{'https' if context else 'http'}://localhost:{runner.addresses[0][1]}"
            started()
            await stop.wait()
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append((request.path, {name.lower(): value for name, value in request.headers.items()}))
        return await self.answer(request)  # type: ignore[arg-type]


class Proxy(Served):
    """A forward proxy: CONNECT opens a tunnel, anything else is passed on. `read` is all that it reads in clear."""

    def __init__(self, user_and_password: str | None = None) -> None:
        self.read = b""
        self.tunnelled = b""
        self.url = ""
        self._tasks: list[asyncio.Task[None]] = []
        self._expected = user_and_password and base64.b64encode(user_and_password.encode()).decode()

    async def serve(self, port: int, stop: asyncio.Event, started: Callable[[], None]) -> None:
        """Serve until `stop` is set."""
        server = await asyncio.start_server(self._meet, "127.0.0.1", port)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        started()
        await stop.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks)
        await asyncio.sleep(0)  # so that what they closed is closed

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.append(cast("asyncio.Task[None]", asyncio.current_task()))
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._serve(reader, writer)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.read += head
        method, target, _ = head.split(b" ", 2)
        if self._expected and f"Basic {self._expected}".encode() not in head:
            writer.write(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return
        tunnel = method == b"CONNECT"
        host, _, port = (target if tunnel else target.split(b"/")[2]).partition(b":")
        theirs, ours = await asyncio.open_connection(host.decode(), int(port))
        try:
            if tunnel:
                writer.write(b"HTTP/1.1 200 Go on\r\n\r\n")
            else:
                ours.write(head)
            ways = (reader, ours), (theirs, writer)
            await asyncio.gather(*(self._pass_on(source, sink, tunnel=tunnel) for source, sink in ways))
        finally:
            ours.close()

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, tunnel: bool) -> None:
        with suppress(ConnectionError):
            while piece := await source.read(_MOST_BYTES):
                if tunnel:
                    self.tunnelled += piece
                else:
                    self.read += piece
                sink.write(piece)
                await sink.drain()
        sink.close()


def bomb(size: int, wbits: int = zlib.MAX_WBITS | 16) -> bytes:
    """Some kilobytes that become `size` bytes of spaces, by gzip unless `wbits` says otherwise; never at their end."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    first = packer.compress(b" " * _BLOCK) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(b" " * _BLOCK) + packer.flush(zlib.Z_FULL_FLUSH)
    return first + block * (size // _BLOCK)


async def endless(piece: bytes) -> AsyncIterator[bytes]:
    """A body that has no end."""
    while True:
        yield piece


def reply_for(path: str) -> Json:
    """A reply in the shape of the provider whose path is asked."""
    if path.endswith("/messages"):
        content = [{"type": "text", "text": "Hello."}]
        spent = {"input_tokens": 1, "output_tokens": 1}
        head = {"id": "1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn"}
        return head | {"content": content, "usage": spent}
    if "enerateContent" in path:
        candidate = {"content": {"role": "model", "parts": [{"text": "Hello."}]}, "finishReason": "STOP", "index": 0}
        usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "m"}
    if path.startswith("/api/"):
        said = {"message": {"role": "assistant", "content": "Hello."}, "done_reason": "stop"}
        return said | {"model": "m", "done": True, "prompt_eval_count": 1, "eval_count": 1}
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    outer: Json = {"id": "1", "object": "chat.completion", "created": 1, "model": "m"}
    return outer | {"choices": [choice], "usage": usage}


def mcp_reply(asked: Json) -> Json | None:
    """What an MCP server of one tool answers; None to a notification."""
    results: dict[str, Json] = {
        "initialize": {
            "protocolVersion": "2025-06-18",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "network", "version": "1"},
        },
        "tools/list": {"tools": [{"name": "look", "inputSchema": {"type": "object"}}]},
        "tools/call": {"content": [{"type": "text", "text": "Seen."}]},
    }
    if "id" not in asked:
        return None
    return {"jsonrpc": "2.0", "id": asked["id"], "result": results[asked["method"]]}


async def good(request: web.Request) -> web.StreamResponse:
    """The answer of an honest provider, MCP server or tool service, by the path that is asked."""
    raw = await request.read()
    asked = json.loads(raw) if raw else {}
    if request.path.endswith("/execute"):
        return web.json_response({"success": True, "result": "Seen."})
    if not request.path.endswith("/mcp"):
        return web.json_response(reply_for(request.path))
    answer = mcp_reply(asked) if request.method == "POST" else None
    return (
        web.Response(status=202 if request.method == "POST" else 405) if answer is None else web.json_response(answer)
    )
