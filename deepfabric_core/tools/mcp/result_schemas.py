"""Check the structured results of an MCP server's tools against the output schemas that the server gave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mcp_types import CallToolResult

from deepfabric_core.chat.json_schema import Checker, Uncheckable, Unusable, check_schema

_SHOWN_CHARACTERS = 300


class ResultSchemas:
    """The output schemas of a server's tools; used instead of the mcp package's own check, which has no time limit."""

    def __init__(self, definitions: Iterable[Mapping[str, Any]]) -> None:
        schemas = {str(tool["name"]): tool.get("outputSchema") for tool in definitions}
        self._schemas = {name: schema for name, schema in schemas.items() if isinstance(schema, Mapping)}
        self._checkers: dict[str, Checker] = {}

    async def check(self, name: str, result: CallToolResult) -> None:
        """Check the result of a tool call; signature and exceptions are those of the mcp package's check.

        Raises:
            RuntimeError: the data is missing, doesn't satisfy the tool's schema, or can't be checked.
        """
        if name not in self._schemas:
            return
        if result.structured_content is None and "structured_content" not in result.model_fields_set:
            raise RuntimeError(f"{name} has an output schema, but answered no structured content")
        try:
            misfit = self._checker(name).misfit(result.structured_content)
        except (Unusable, Uncheckable) as problem:
            raise RuntimeError(f"the structured content of {name} can't be checked: {problem}") from problem
        if misfit:
            place = ".".join(map(str, misfit.path)) or "the object"
            raise RuntimeError(
                f"{name} answered structured content that doesn't keep to its output schema: "
                f"{place}: {misfit.message[:_SHOWN_CHARACTERS]}"
            )

    def _checker(self, name: str) -> Checker:
        if name not in self._checkers:
            check_schema(self._schemas[name])
            self._checkers[name] = Checker(self._schemas[name])
        return self._checkers[name]
