"""The local provider in a process of its own, and what it counted."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests import ROOT
from tests.bench.ideal import SEED


@dataclass(frozen=True)
class Server:
    """A provider that runs elsewhere."""

    base_url: str

    def counts(self) -> dict[str, Any]:
        """Ask how its calls went."""
        return self._get("/counts")

    def last_request(self) -> dict[str, Any]:
        """Ask for the body of the last call."""
        return self._get("/last-request")

    def _get(self, path: str) -> dict[str, Any]:
        connection = http.client.HTTPConnection(urlsplit(self.base_url).netloc, timeout=10)
        try:
            connection.request("GET", path)
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return answer


@contextmanager
def served(faults: Mapping[str, Any]) -> Iterator[Server]:
    """Run a provider with these faults, the same draws each time."""
    command = [sys.executable, "-m", "tests.provider", "--seed", str(SEED), *_flags(faults)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if "http://" not in line:
                raise RuntimeError(f"The provider doesn't start with {' '.join(command)}")
            yield Server(line.split()[-1])
        finally:
            process.terminate()


def _flags(faults: Mapping[str, Any]) -> list[str]:
    flags = []
    for name, value in faults.items():
        flag = name.replace("_", "-")
        flags += [f"--{flag}" if value else f"--no-{flag}"] if isinstance(value, bool) else [f"--{flag}", str(value)]
    return flags
