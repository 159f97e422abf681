"""A server on 127.0.0.1 that answers every call with the very bytes it is told to, however odd they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from tests.served import Served


def response(status: int = 200, body: bytes = b"", headers: Iterable[tuple[str, str | bytes]] = ()) -> bytes:
    """A response of HTTP/1.1 after which the connection ends; a header's value may be any bytes."""
    lines = [f"HTTP/1.1 {status} Said".encode(), b"Connection: close", f"Content-Length: {len(body)}".encode()]
    for name, value in headers:
        lines.append(name.encode() + b": " + (value if isinstance(value, bytes) else value.encode()))
    return b"\r\n".join([*lines, b"", body])


class RawServer(Served):
    """Answers with `answer`, or with what `answer_to` makes of a request's body, and closes each connection."""

    def __init__(self, answer: bytes = b"") -> None:
        self.answer = answer
        self.answer_to: Callable[[bytes], bytes] = lambda _: self.answer
        self.asked = 0
        self.base_url = ""

    async def serve(self, port: int, stop: asyncio.Event, started: Callable[[], None]) -> None:
        """Serve until `stop` is set."""
        listening = await asyncio.start_server(self._meet, "127.0.0.1", port)
        self.base_url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
        started()
        await stop.wait()
        listening.close()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = head.split("content-length:")[1].split("\r\n")[0] if "content-length:" in head else "0"
            body = await reader.readexactly(int(length))
            self.asked += 1
            writer.write(self.answer_to(body))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
