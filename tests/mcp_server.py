"""A real MCP server, made with the official package: useful, slow, failing, large or dying as a test wishes.

It runs alone, too: `python -m tests.mcp_server --transport http --port 0` says on standard output where it listens.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys

import anyio
import uvicorn
from mcp.server.mcpserver import Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("tests", log_level="CRITICAL")
_notes: list[str] = []


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool(structured_output=False)
def note(text: str) -> str:
    """Keep a note."""
    _notes.append(text)
    return f"{len(_notes)} kept"


@server.tool(structured_output=False)
def notes() -> str:
    """All notes that anyone kept."""
    return "\n".join(_notes)


@server.tool()
async def slow(seconds: float) -> str:
    """Answer after a while."""
    await anyio.sleep(seconds)
    return "done"


@server.tool()
def fail() -> str:
    """Refuse, always."""
    raise ToolError("the shelf is empty")


@server.tool()
def die() -> str:
    """End the server's process without a word to the client."""
    sys.stderr.write("giving up the ghost\n")
    sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGKILL)
    return "never said"


@server.tool(structured_output=False)
def big() -> str:
    """Answer three million characters."""
    return "x" * 3_000_000


@server.tool(structured_output=False)
def unicode() -> str:
    """Answer in many scripts."""
    return "Grüße, 世界, مرحبا, 🧵\u2028end"


@server.tool(structured_output=False)
def picture() -> list[str | Image]:
    """Answer a caption and a picture."""
    return ["a dot", Image(data=b"\x89PNG" * 3, format="png")]


@server.tool(structured_output=False)
def variable(name: str) -> str:
    """Answer what the server's environment holds."""
    return os.environ.get(name, "nothing")


@server.tool(structured_output=False)
def child() -> str:
    """Start a process that doesn't end by itself, and answer its id."""
    started = subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S607
    return str(started.pid)


@server.tool(structured_output=False)
def process() -> str:
    """Answer the id of the server's process."""
    return str(os.getpid())


@server.tool(structured_output=False)
def stubborn() -> str:
    """From now on, don't end when asked to."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return "try"


def main() -> None:
    """Serve until told to end."""
    parser = argparse.ArgumentParser(prog="python -m tests.mcp_server", description=__doc__)
    parser.add_argument("--transport", choices=("stdio", "http"), default="stdio")
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    if given.transport == "stdio":
        sys.stderr.write("noise that belongs in the log\n")
        server.run("stdio")
        return
    with socket.create_server(("127.0.0.1", given.port)) as listening:
        print(f"http://127.0.0.1:{listening.getsockname()[1]}/mcp", flush=True)  # noqa: T201 - where it listens
        config = uvicorn.Config(server.streamable_http_app(), log_level="error", timeout_graceful_shutdown=1)
        uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
