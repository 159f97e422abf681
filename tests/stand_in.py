"""A server on 127.0.0.1 that stands in for a service: it fails on demand, and remembers what it was asked.

with HubServer(Fault("PUT /lfs", breaks=True)) as hub:
    ...  # send requests to hub.url, then look at hub.seen
"""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


@dataclass
class Fault:
    """What goes wrong with requests whose line ("PUT /path") matches `where`, after `after` of them and `times` times.

    Either `status` is answered, with `headers` and `body`, or the connection breaks in the middle of what is sent.
    """

    where: str
    status: int = 0
    breaks: bool = False
    times: int = 1
    after: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """A request, and its answer's status: 0 where the connection broke, after `received` bytes of the body."""

    line: str
    status: int
    received: int
    headers: dict[str, str]
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    content: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> bytes:
        return self.content if isinstance(self.content, bytes) else json.dumps(self.content).encode()


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class StandIn:
    """A server; `latency` is in seconds for each request."""

    def __init__(self, *faults: Fault, latency: float = 0.0) -> None:
        self.faults = list(faults)
        self.latency = latency
        self.seen: list[Asked] = []
        self.lock = threading.RLock()
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, request: Request) -> Answer:
        raise NotImplementedError

    def broken(self, request: Request) -> None:
        """Take what has arrived of a request whose connection breaks."""

    def lines(self, pattern: str, status: int | None = None) -> list[Asked]:
        """Return the requests that match a pattern, and were answered so."""
        return [one for one in self.seen if re.search(pattern, one.line) and (status is None or one.status == status)]

    def fault_of(self, line: str) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if not re.search(fault.where, line) or not fault.times:
                    continue
                if fault.after:
                    fault.after -= 1
                    continue
                fault.times -= 1
                return fault
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, stand_in: StandIn) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.stand_in = stand_in


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _handle(self) -> None:
        stand_in, parts = self.server.stand_in, urlsplit(self.path)  # absolute, where this server is asked as a proxy
        line = f"{self.command} {parts.path}"
        headers = {name.lower(): value for name, value in self.headers.items()}
        time.sleep(stand_in.latency)
        fault = stand_in.fault_of(line)
        body = self._body(headers, broken=bool(fault and fault.breaks))
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        request = Request(self.command, parts.path, query, headers, body)
        if fault and fault.breaks:
            stand_in.broken(request)
            stand_in.seen.append(Asked(line, 0, len(body), headers))
            self.close_connection = True
            self.connection.close()
            return
        answer = Answer(fault.body, fault.status, fault.headers) if fault else self._answered(request)
        stand_in.seen.append(Asked(line, answer.status, len(body), headers, body))
        self._send(answer)

    def _answered(self, request: Request) -> Answer:
        with self.server.stand_in.lock:
            return self.server.stand_in.answer(request)

    def _body(self, headers: dict[str, str], *, broken: bool) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._chunks()
        length = int(headers.get("content-length") or 0)
        return self.rfile.read(length // 2 if broken else length)

    def _chunks(self) -> bytes:
        found = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def _send(self, answer: Answer) -> None:
        data = answer.data
        self.send_response(answer.status)
        for name, value in ({"Content-Type": "application/json"} | answer.headers).items():
            self.send_header(name, value)
        if "Content-Length" not in answer.headers:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _handle  # noqa: N815 - the names that http.server looks for

    def log_message(self, *_: object) -> None:
        """Print nothing."""
