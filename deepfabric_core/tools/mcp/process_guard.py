"""A small helper process that ends an MCP server and its child processes if this process is killed."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

# The end of its input means that this process is gone, unless it was told goodbye. It needs no site-packages.
_GUARD = """
import os, signal, sys, time
group, said = sys.stdin.readline().strip(), sys.stdin.read()
if group and not said:
    for number, seconds in ((signal.SIGTERM, 1.0), (signal.SIGKILL, 0.0)):
        try:
            os.killpg(int(group), number)
        except OSError:
            break
        time.sleep(seconds)
"""
_GOODBYE = b"goodbye\n"
# Variables that Python may need to start.
_ENVIRONMENT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME")


@asynccontextmanager
async def guarding() -> AsyncIterator[Callable[[int], None]]:
    """Start a guard; yield a function to call with the process group that is to end if this process is killed.

    The guard is a child process in a session of its own, so that it doesn't receive signals to this process. On Windows
    there are no process groups, and there is no guard.
    """
    if os.name == "nt":
        yield lambda _: None
        return
    nowhere = asyncio.subprocess.DEVNULL
    guard = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", "-c", _GUARD),
        stdin=asyncio.subprocess.PIPE,
        stdout=nowhere,
        stderr=nowhere,
        env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        start_new_session=True,
    )
    assert guard.stdin is not None  # noqa: S101 - it is a pipe
    said = guard.stdin
    try:
        yield lambda group: said.write(f"{group}\n".encode())
    finally:
        with suppress(OSError):
            said.write(_GOODBYE)
            said.close()
        await guard.wait()
