"""A service of tools on 127.0.0.1 that speaks the Spin protocol and fails on demand, for tests.

In a test::

    with SpinServer() as service:
        ...  # make a Component of service.url, then look at service.sessions and service.requests

In a process of its own: ``python -m tests.spin_server --port 0``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Callable
from typing import Any, Literal

from aiohttp import web

from tests.served import Served

Json = dict[str, Any]

# What goes wrong with every call: nothing, the connection, or the answer.
Fault = Literal["", "down", "500", "hang", "broken", "not an object", "huge", "redirect"]

WEATHER = {
    "name": "get_weather",
    "description": "The weather of a city",
    "inputSchema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


class SpinServer(Served):
    """The service: a context manager that runs it in a thread of its own, or `serve` to run it in this one."""

    def __init__(self) -> None:
        self.fault: Fault = ""
        self.listed: Any = {"tools": [WEATHER]}
        self.sessions: dict[str, dict[str, str]] = {}
        self.ended: list[str] = []
        self.requests: list[tuple[str, Json]] = []
        self.url = ""

    async def serve(self, port: int, stop: asyncio.Event, started: Callable[[], None]) -> None:
        """Serve until `stop` is set; then whatever is under way ends without an answer."""
        app = web.Application(client_max_size=1 << 26, middlewares=[self._with_faults])
        app.router.add_get("/health", self._health)
        app.router.add_get("/components", self._components)
        app.router.add_get("/mock/list-tools", self._list_tools)
        app.router.add_post("/vfs/execute", self._files)
        app.router.add_post("/mock/execute", self._mock)
        app.router.add_post("/weather/execute", self._weather)
        app.router.add_delete("/session/{id}", self._end)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.01)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            started()
            await stop.wait()
        finally:
            await runner.cleanup()

    @web.middleware
    async def _with_faults(self, request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
        """Note the call, and answer it, unless the fault of the moment has it otherwise."""
        raw = await request.read()
        if request.method == "POST":
            self.requests.append((request.path, json.loads(raw)))
        if self.fault == "down" and request.transport is not None:
            request.transport.abort()
        if self.fault == "hang":
            await asyncio.sleep(60)
        answers = {
            "500": web.Response(status=500, text="the key is sk-verysecretvalue"),
            "broken": web.Response(text='{"success": tr', content_type="application/json"),
            "not an object": web.json_response(["success"]),
            "huge": web.Response(body=b'{"success": true, "result": "' + b"x" * (1 << 21) + b'"}'),
            "redirect": web.Response(status=302, headers={"Location": "http://127.0.0.1:9/"}),
        }
        response: web.StreamResponse = answers.get(self.fault) or await handler(request)
        return response

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "healthy", "components": ["vfs", "mock", "weather"]})

    async def _components(self, _: web.Request) -> web.Response:
        return web.json_response({"components": ["vfs", "mock", "weather"]})

    async def _list_tools(self, _: web.Request) -> web.Response:
        return web.json_response(self.listed)

    async def _files(self, request: web.Request) -> web.Response:
        body = await request.json()
        files = self.sessions.setdefault(body["session_id"], {})
        error, result = used(files, body["tool"], body["args"])
        return web.json_response({"success": not error, "result": result, "error_type": error or None})

    async def _mock(self, request: web.Request) -> web.Response:
        body = await request.json()
        if body["name"] == "refused":
            return web.json_response({"error": "refused is no tool"}, status=400)
        return web.json_response({"result": {"tool": body["name"], "arguments": body["arguments"], "mock": True}})

    async def _weather(self, request: web.Request) -> web.Response:
        city = (await request.json())["args"]["city"]
        if city == "Atlantis":
            return web.json_response({"success": False, "result": "it is under water", "error_type": None})
        return web.json_response({"success": True, "result": f"Rain in {city} \ud800", "error_type": None})

    async def _end(self, request: web.Request) -> web.Response:
        id_ = request.match_info["id"]
        self.ended.append(id_)
        return web.json_response({}, status=404 if self.sessions.pop(id_, None) is None else 200)


def used(files: dict[str, str], tool: str, args: Json) -> tuple[str, str]:
    """Carry out a built-in tool; answers the error's name, if any, and the result."""
    path = args.get("file_path", "")
    if tool == "list_files":
        return "", json.dumps(sorted(files))
    if tool == "write_file":
        if path.startswith("/"):
            return "InvalidArguments", "Invalid path"
        files[path] = args["content"]
        return "", f"Wrote {len(args['content'])} bytes to {path}"
    if path not in files:
        return "FileNotFound", f"File not found: {path}"
    return "", files[path] if tool == "read_file" else f"Deleted {files.pop(path) and path}"


async def main() -> None:
    """Serve in the foreground until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m tests.spin_server", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    service, stop = SpinServer(), asyncio.Event()
    for end in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(end, stop.set)

    def tell() -> None:
        sys.stdout.write(f"listening on {service.url}\n")
        sys.stdout.flush()

    await service.serve(parser.parse_args().port, stop, tell)


if __name__ == "__main__":
    asyncio.run(main())
