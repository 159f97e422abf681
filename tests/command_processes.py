"""The command line in a process of its own, which begins at once: it is forked from one that has imported everything.

Most of a short command's time is imports otherwise. Where the environment says something to Python itself, such as a
locale, the command is begun as a user would.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path

# What commands import as they begin; nothing of it starts a thread.
_IMPORTED = (
    "tests.command_processes",
    "deepfabric_core.cli.generate",
    "deepfabric_core.cli.checkpoint_status",
    "deepfabric_core.cli.estimate",
    "deepfabric_core.cli.rich_view",
    "deepfabric_core.cluster.generate",
    "deepfabric_core.llm.clients.openai_model",
    "deepfabric_core.llm.simulated.model",
    "deepfabric_core.run.checkpoint.status",
    "deepfabric_core.run.pipeline",
    "deepfabric_core.text.run_summary",
    "deepfabric_core.text.simple_view",
    "deepfabric_core.tools.toolbox",
)
_FOR_PYTHON = ("PYTHON", "LC_", "LANG")


@cache
def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_IMPORTED))
    return context


def run_command(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], root: Path, timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run `deepfabric` in a folder, with these variables on top of the environment."""
    everything = {**os.environ, "PYTHONPATH": str(root), **environment}
    if sys.platform == "win32" or any(name.startswith(_FOR_PYTHON) for name in environment):
        return subprocess.run(
            [sys.executable, "-m", "deepfabric_core", *arguments],
            cwd=folder,
            env=everything,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    with tempfile.TemporaryDirectory() as beside:
        out, err = Path(beside, "out"), Path(beside, "err")
        process = _server().Process(target=_run, args=(tuple(arguments), folder, everything, out, err))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(list(arguments), timeout, out.read_bytes(), err.read_bytes())
        said = out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8")
        return subprocess.CompletedProcess(list(arguments), process.exitcode, *said)


def _run(arguments: Sequence[str], folder: Path, environment: Mapping[str, str], out: Path, err: Path) -> None:
    """Be the command: its folder, its variables, its streams."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, path in enumerate((Path(os.devnull), out, err)):
        file = os.open(path, os.O_RDWR | os.O_CREAT)
        os.dup2(file, number)
        os.close(file)
    for number, (name, mode) in enumerate({"stdin": "r", "stdout": "w", "stderr": "w"}.items()):
        stream = open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - open until the process ends
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    random.seed()
    sys.argv = ["deepfabric", *arguments]
    from deepfabric_core.cli.app import main

    try:
        main()
    finally:
        atexit._run_exitfuncs()  # noqa: SLF001 - as Python does; a forked process leaves them out
