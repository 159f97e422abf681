"""What the bare loops share: workers that make one call after the other, and their arguments."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class Refused(Exception):
    """A call that is to be made again after `wait` seconds."""

    def __init__(self, wait: float = 0.0) -> None:
        super().__init__(wait)
        self.wait = wait


@dataclass(frozen=True)
class Arguments:
    """What is to be done: `total` calls, `width` at once."""

    base_url: str
    total: int
    width: int
    timeout: float
    body: dict[str, Any]


def arguments() -> Arguments:
    """Read the command line."""
    base_url, total, width, timeout, body = sys.argv[1:]
    return Arguments(base_url, int(total), int(width), float(timeout), json.loads(Path(body).read_text()))


async def run_pool(call: Callable[[], Awaitable[None]], total: int, width: int) -> int:
    """Make all the calls, and count them."""
    left = iter(range(total))
    done = 0

    async def worker() -> None:
        nonlocal done
        for _ in left:
            await _insist(call)
            done += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(min(width, total)):
            group.create_task(worker())
    return done


async def _insist(call: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            return await call()
        except Refused as refused:
            await asyncio.sleep(refused.wait)
