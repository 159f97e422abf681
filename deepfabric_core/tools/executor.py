"""The protocols that all kinds of tools implement: `Executor` for a run, and `ToolSession` for one sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from deepfabric_core.chat.tools import Tool, ToolResult


class ToolSession(Protocol):
    """The state of the tools for one sample, which isn't shared with other samples."""

    async def call(self, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Carry out a call whose arguments satisfy the tool's schema. If the tool refuses it, that is a result too.

        Raises:
            ModelError: of kind TOOL: the tool's server is gone, or didn't answer in time.
        """

    async def redo(self, name: str, arguments: Mapping[str, Any], known: ToolResult) -> ToolResult:  # noqa: ARG002
        """Repeat a call of an earlier process, whose result is `known`, for its effect on the state.

        Raises:
            ModelError: of kind TOOL: the tool's server is gone, or didn't answer in time.
        """
        return await self.call(name, arguments)

    async def close(self) -> None:
        """Discard the state."""


class Executor(Protocol):
    """Carries out the calls of a group of tools, for the length of a run."""

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The tools whose calls it carries out."""

    def session(self, key: str) -> ToolSession:
        """Return a new session for the sample with this key; nothing happens before its first call."""

    async def close(self) -> None:
        """Close the connections and end the processes that were started for the run."""
