"""Imports everything once, then runs the command line in a fork of itself for each line it reads: in milliseconds.

``LD_PRELOAD=shim.so python -m tests.crash.launcher shim.so``; `harness.Launcher` talks to it.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import pkgutil
import signal
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

import deepfabric_core
from deepfabric_core.llm.prices import Prices

# What is imported late, when it is first used: it would take most of a run's time.
_LATE = (
    "aiohttp",
    "filelock",
    "jsonschema",
    "platformdirs",
    "rensa",
    "snowballstemmer",
    "yaml",
    "concurrent.futures.thread",
)
_SECONDS = 60


def import_all() -> None:
    """Import what a run may need, with litellm left out, and what needs a package that isn't installed."""
    for module in pkgutil.walk_packages(deepfabric_core.__path__, "deepfabric_core."):
        if module.name.rpartition(".")[2] == "__main__":
            continue
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as missing:
            if str(missing.name).startswith("deepfabric_core"):
                raise
    for name in _LATE:
        importlib.import_module(name)
    Prices("openai", "gpt-4o")  # its list is read once in a process


def become(shim: ctypes.CDLL, asked: Mapping[str, Any]) -> None:
    """Be, in a fork, what a shell would have started."""
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    for file, path in ((0, os.devnull), (1, asked["out"]), (2, asked["err"])):
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(opened, file)
        os.close(opened)
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    signal.alarm(_SECONDS)
    sys.argv = ["deepfabric", *asked["arguments"]]
    names = (asked[name].encode() for name in ("watched", "ending"))
    shim.crash_arm(*names, *asked["trouble"], log, int(asked["record"]))


def run() -> NoReturn:
    """Run the command line; its memory isn't tidied up at the end, which would take a third of the time."""
    from deepfabric_core.cli.app import main as command_line

    try:
        command_line()
    except SystemExit as end:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(end.code or 0))
    raise AssertionError("the command line ends by its exit code")


def main() -> None:
    """Answer each request by the status of its process."""
    shim = ctypes.CDLL(sys.argv[1])
    shim.crash_arm.argtypes = [*[ctypes.c_char_p] * 2, *[ctypes.c_int] * 2, ctypes.c_long, *[ctypes.c_int] * 3]
    import_all()
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        child = os.fork()
        if not child:
            become(shim, json.loads(line))
            run()
        _, status = os.waitpid(child, 0)
        os.write(1, f"{os.waitstatus_to_exitcode(status)}\n".encode())


if __name__ == "__main__":
    main()
