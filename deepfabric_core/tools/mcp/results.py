"""What an MCP server's tools answer as data: whether it keeps to the schemas that the server itself gave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mcp_types import CallToolResult

from deepfabric_core.chat.json_schema import Checker, Uncheckable, Unusable, check_schema

_SHOWN_CHARACTERS = 300


class ResultSchemas:
    """The output schemas of a server's tools. They stand in for the package's own check, which a pattern can freeze."""

    def __init__(self, definitions: Iterable[Mapping[str, Any]]) -> None:
        schemas = {str(tool["name"]): tool.get("outputSchema") for tool in definitions}
        self._schemas = {name: schema for name, schema in schemas.items() if isinstance(schema, Mapping)}
        self._checkers: dict[str, Checker] = {}

    async def check(self, name: str, result: CallToolResult) -> None:
        """Check a tool's answer; with the package's signature, and its kind of error.

        Raises:
            RuntimeError: the data is missing, doesn't keep to the tool's schema, or can't be checked.
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
