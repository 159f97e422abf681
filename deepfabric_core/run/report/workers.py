"""Have processes add up the chunks of a file, a thread waiting for each, and yield the sums in the file's order."""

from __future__ import annotations

import json
import os
import pickle
import queue
import subprocess
import sys
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import IO, cast

from deepfabric_core.run.report.chunks import Chunk
from deepfabric_core.run.report.measure_chunk import ChunkSums, measure_chunk
from deepfabric_core.run.report.measures import measures

_SMALL = 6 << 20
_MOST_WORKERS = 4
# The same modules are found as in this process, whatever the working folder is.
_PROGRAM = """\
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from deepfabric_core.run.report.worker import main
main()
"""


class Worker:
    """A process that adds up chunks, one after the other. If it dies, this process does its work."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-c", _PROGRAM, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._closed = False
        # They are pipes, as asked for.
        self._asked = cast("IO[bytes]", self._process.stdin)
        self._answered = cast("IO[bytes]", self._process.stdout)

    def measure(self, path: Path, chunk: Chunk) -> ChunkSums:
        """Return the sums over a chunk.

        Raises:
            OSError: the file can't be read.
        """
        try:
            self._asked.write(f"{json.dumps([str(path), *chunk])}\n".encode())
            self._asked.flush()
            found: ChunkSums = pickle.load(self._answered)  # noqa: S301 - written by our own program
        except (EOFError, BrokenPipeError, ValueError, pickle.UnpicklingError):
            if self._closed:
                raise
            return measure_chunk(path, chunk, measures())
        return found

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._closed = True
        self._process.kill()
        self._process.wait()

    def close_pipes(self) -> None:
        """Close the pipes to a process that has ended, once nobody reads from them."""
        with suppress(BrokenPipeError):
            self._asked.close()
        self._answered.close()


def measured(path: Path, chunks: Iterable[Chunk], *, workers: int) -> Generator[ChunkSums, None, None]:
    """Yield the sums over each chunk, in order; at most two chunks a worker are begun and not yet yielded.

    Raises:
        OSError: the file can't be read.
    """
    if workers < 2:  # noqa: PLR2004 - one process is this one
        yield from (measure_chunk(path, chunk, measures()) for chunk in chunks)
        return
    with closing(_Pool(workers)) as pool:
        yield from pool.measured(path, chunks)


def number_of_workers(size: int) -> int:
    """Return how many processes a file of this size is worth."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, _MOST_WORKERS, 1 + size // _SMALL)


class _Pool:
    """Some workers; whichever is idle gets the next chunk."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._workers = [Worker() for _ in range(number)]
        self._idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)
        self._threads = ThreadPoolExecutor(number, thread_name_prefix="deepfabric-report")

    def measured(self, path: Path, chunks: Iterable[Chunk]) -> Iterator[ChunkSums]:
        """Yield the sums over each chunk, in order."""
        begun: deque[Future[ChunkSums]] = deque()
        for chunk in chunks:
            begun.append(self._threads.submit(self._measure, path, chunk))
            if len(begun) >= 2 * self._number:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()

    def _measure(self, path: Path, chunk: Chunk) -> ChunkSums:
        worker = self._idle.get()
        try:
            return worker.measure(path, chunk)
        finally:
            self._idle.put(worker)

    def close(self) -> None:
        """End all workers at once, whatever they are doing."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.close()
        self._threads.shutdown()
        for worker in self._workers:
            worker.close_pipes()
