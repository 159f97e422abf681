"""What carries out the calls of a group of tools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from deepfabric_core.chat.tools import Tool, ToolResult


class ToolSession(Protocol):
    """The state of one sample: nothing of it is seen by any other sample."""

    async def call(self, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Carry out a call whose arguments keep to the tool's schema. What the tool refuses is a result, not an error.

        Raises:
            ModelError: of kind TOOL: the tool's server is gone, or didn't answer in time.
        """

    async def redo(self, name: str, arguments: Mapping[str, Any], known: ToolResult) -> ToolResult:  # noqa: ARG002
        """Carry out again, for its effect on the state, a call of an earlier process whose result is `known`.

        Raises:
            ModelError: of kind TOOL: the tool's server is gone, or didn't answer in time.
        """
        return await self.call(name, arguments)

    async def close(self) -> None:
        """Forget the state."""


class Executor(Protocol):
    """A group of tools, ready for as long as a run lasts."""

    @property
    def tools(self) -> tuple[Tool, ...]:
        """What it can carry out."""

    def session(self, key: str) -> ToolSession:
        """A state of its own for the sample of that key; nothing happens before its first call."""

    async def close(self) -> None:
        """End what was begun for the run: connections, processes."""
