"""The expansion log: the subtopics of each topic, a line per topic, so that no expansion is paid twice."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from deepfabric_core.chat.messages import Spent
from deepfabric_core.errors import OutputError
from deepfabric_core.store.append_log import AppendLog
from deepfabric_core.store.files import reason
from deepfabric_core.topics.grow import Child
from deepfabric_core.topics.model import TopicPath


class Expansions:
    """The subtopics that are known already, by the path of their topic."""

    def __init__(self, path: Path) -> None:
        self.lines = AppendLog(path)
        self._known: dict[TopicPath, tuple[Child, ...]] = {}
        for line in self.lines.read():
            try:
                children = tuple(Child(str(name), tuple(links)) for name, links in line.content["children"])
                self._known[tuple(line.content["path"])] = children
            except (KeyError, TypeError, ValueError) as problem:
                raise self.lines.damage(line.number) from problem

    def __len__(self) -> int:
        return len(self._known)

    def of(self, path: TopicPath) -> tuple[Child, ...] | None:
        """Return the subtopics of a topic, or None if they aren't known yet."""
        return self._known.get(path)

    def add(self, path: TopicPath, children: Iterable[Child], spent: Spent | None = None) -> None:
        """Write the subtopics of a topic; `spent` is the part of the calls for them that isn't in the step log.

        Raises:
            OutputError: the disk is full or gone.
        """
        line: dict[str, Any] = {"path": path, "children": [(child.name, child.also_under) for child in children]}
        if spent is not None:
            line |= spent.as_object()
        try:
            self.lines.append(json.dumps(line, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
        except OSError as problem:
            raise OutputError(
                f"{self.lines.path} can't be written: {reason(problem)}; what it holds is safe."
            ) from problem
