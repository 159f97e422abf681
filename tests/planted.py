"""Secrets that tests plant, in whatever form they may come up again, and a server that quotes what it is sent."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from tests.served import Served


def planted(*names: str) -> dict[str, str]:
    """A secret for each name, each as random as another, of different alphabets."""
    kinds = (secrets.token_hex, secrets.token_urlsafe, lambda size: f"{secrets.token_hex(size)}/p@s:s+%2F=")
    return {name: kinds[number % len(kinds)](12) for number, name in enumerate(names)}


def spellings(secret: str) -> Iterator[bytes]:
    """What a secret looks like in texts: as it is, in addresses, in JSON, and inside of base64."""
    raw = secret.encode()
    yield from (raw, quote(secret, safe="").encode(), quote(secret).encode(), json.dumps(secret)[1:-1].encode())
    for before in range(3):
        whole = base64.b64encode(bytes(before) + raw)
        own = whole[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]
        yield from (own, own.translate(bytes.maketrans(b"+/", b"-_")))


def found(texts: Mapping[str, bytes], planted: Mapping[str, str]) -> list[str]:
    """Which secret stands where, and what stands around it."""
    return [
        f"{name} in {where}: {text[max(0, at - 60) : at + 60]!r}"
        for where, text in texts.items()
        for name, secret in planted.items()
        for spelling in dict.fromkeys(spellings(secret))
        if (at := text.find(spelling)) >= 0
    ]


def files_below(*folders: Path, but: Iterable[Path] = ()) -> dict[str, bytes]:
    """Every file below some folders, with its name."""
    given = {path.resolve() for path in but}
    paths = [Path(folder, name) for top in folders for folder, _, names in os.walk(top) for name in names]
    return {str(path): f"{path}\n".encode() + path.read_bytes() for path in paths if path.resolve() not in given}


class Quoting(Served):
    """A server that keeps the bytes of every request, and answers what `answer` makes of them: a status and a body."""

    def __init__(self, answer: Callable[[bytes], tuple[int, str]]) -> None:
        self.answer = answer
        self.packets: list[bytes] = []
        self.url = ""

    async def serve(self, port: int, stop: asyncio.Event, started: Callable[[], None]) -> None:
        """Serve until `stop` is set."""
        server = await asyncio.start_server(self._serve_one, "127.0.0.1", port)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        started()
        async with server:
            await stop.wait()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            packet = head + await reader.readexactly(int(length[1]) if length else 0)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
            return
        self.packets.append(packet)
        status, body = self.answer(packet)
        raw = body.encode()
        start = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(raw)}\r\n"
        writer.write(f"{start}Connection: close\r\n\r\n".encode() + raw)
        writer.close()
