"""Load the topics file, and save it repeatedly while topics grow, so that a usable file remains after a crash."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepfabric_core.store.files import delete_file, read_text, replace_file
from deepfabric_core.topics.formats import format_topics, parse_topics
from deepfabric_core.topics.model import Topics

_SECONDS_BETWEEN_SAVES = 0.5
_SHARE_OF_TIME = 20


@dataclass
class TopicsFile:
    """The file that topics are saved in. Saving takes at most about a twentieth of the time, whatever their number."""

    path: Path
    metadata: Mapping[str, Any]
    clock: Callable[[], float] = time.monotonic
    _next_save: float = 0.0

    def save_now_and_then(self, topics: Callable[[], Topics]) -> None:
        """Save the topics, unless they were saved a moment ago."""
        began = self.clock()
        if began >= self._next_save:
            self.save(topics())
            took = self.clock() - began
            self._next_save = self.clock() + max(_SECONDS_BETWEEN_SAVES, took * _SHARE_OF_TIME)

    def save(self, topics: Topics) -> None:
        """Replace the file by these topics."""
        replace_file(self.path, [format_topics(topics, self.metadata).encode("utf-8", "backslashreplace")])

    @property
    def failures_path(self) -> Path:
        """The path of the list of failed expansions, beside the topics file."""
        return failures_of(self.path)

    def save_failures(self, failures: Iterable[Mapping[str, Any]]) -> bool:
        """Write the failed expansions, or delete an older list if there are none; return whether there are any."""
        lines = [f"{json.dumps({'failed_generation': dict(failure)})}\n".encode() for failure in failures]
        if lines:
            replace_file(self.failures_path, lines)
        else:
            delete_file(self.failures_path)
        return bool(lines)


def failures_of(topics: Path) -> Path:
    """Return the path of the list of failed expansions for a topics file."""
    return topics.with_name(f"{topics.stem}_failed.jsonl")


def load_topics(path: Path) -> tuple[Topics, tuple[str, ...]]:
    """Read a tree or a graph, ours or DeepFabric's; the second value holds notices, a sentence each."""
    return parse_topics(read_text(path, what="topics file"), source=str(path))
