"""The executor for the tools of an MCP server.

MCP has no state per sample: state that a server keeps is shared by all samples. Only the virtual files are separate
for each sample.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Collection, Mapping
from importlib.util import find_spec
from typing import Any

from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    AudioContent,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    TextContent,
)

from deepfabric_core.chat.tools import Tool, ToolResult
from deepfabric_core.config.schema import McpServer
from deepfabric_core.errors import ConfigError, FailureKind, ModelError
from deepfabric_core.tools.definitions import tools_in
from deepfabric_core.tools.executor import ToolSession
from deepfabric_core.tools.mcp.connection import Connection, Target, Unreachable
from deepfabric_core.web.proxies import proxy_for

RESTART_SECONDS = 5.0
# How long a start may take, in seconds; if a call may take longer, so may a start.
PATIENCE_SECONDS = 30.0
_VARIABLE = re.compile(r"\$\{(\w+)\}")
# The protocol errors that are about the call. All others mean that the server has a problem.
_REFUSALS = frozenset({INVALID_PARAMS, INTERNAL_ERROR})


async def start(
    name: str,
    settings: McpServer,
    *,
    restart_seconds: float = RESTART_SECONDS,
    patience: float = PATIENCE_SECONDS,
    environment: Mapping[str, str] = os.environ,
) -> McpTools:
    """Connect to the server, or start it, for the length of the run, and list its tools.

    Raises:
        ConfigError: it can't be reached, has no tools or lacks one, or a variable that it needs isn't set.
    """
    where = f"generation.tools.mcp.{name}"
    connection = Connection(target(settings, where, environment, patience))
    try:
        await connection.open()
    except Unreachable as problem:
        raise ConfigError(f"{where}: {problem}.") from problem
    try:
        tools = wanted(connection.definitions, settings.tools, where)
    except BaseException:
        await connection.close()
        raise
    return McpTools(where, connection, tools, restart_seconds)


def target(settings: McpServer, where: str, environment: Mapping[str, str], patience: float = 0) -> Target:
    """Return how to reach the server, with the variables in `env` and `headers` filled in.

    Raises:
        ConfigError: a variable isn't set, or the environment names a proxy that can't be used.
    """

    def filled(part: str, values: Mapping[str, str]) -> dict[str, str]:
        for key, value in values.items():
            if missing := [name for name in _VARIABLE.findall(value) if not environment.get(name)]:
                raise ConfigError(f"{where}.{part}.{key}: {missing[0]} isn't set in the environment; set it.")
        return {key: _VARIABLE.sub(lambda m: environment[m[1]], value) for key, value in values.items()}

    headers = filled("headers", settings.headers)
    for key, value in headers.items():
        if not (value.isascii() and value.isprintable()):
            raise ConfigError(f"{where}.headers.{key}: a header is one line of ASCII; its value is something else.")

    return Target(
        settings.command,
        tuple(settings.args),
        filled("env", settings.env),
        settings.url,
        headers,
        settings.timeout,
        max(settings.timeout, patience),
        proxy_for(settings.url, socks=find_spec("socksio") is not None) if settings.url else None,
    )


def wanted(definitions: list[dict[str, Any]], names: Collection[str], where: str) -> tuple[Tool, ...]:
    """Return the tools with these names, or all of them if `names` is empty, from a server's definitions.

    Raises:
        ConfigError: there are none, one is missing, or one can't be used.
    """
    there = [str(definition["name"]) for definition in definitions]
    if not there:
        raise ConfigError(f"{where}: the server has no tools; remove it, or name another.")
    if missing := [name for name in names if name not in there]:
        raise ConfigError(f"{where}: the server has no tool {missing[0]}; it has {', '.join(there)}.")
    return tools_in([one for one in definitions if not names or one["name"] in names], where=where)


class McpTools:
    """Carries out the tools of one server. A lost server is restarted, at most once every `restart_seconds`."""

    def __init__(self, where: str, connection: Connection, tools: tuple[Tool, ...], restart_seconds: float) -> None:
        self._where = where
        self._connection = connection
        self._tools = tools
        self._restart_seconds = restart_seconds
        self._began = asyncio.get_running_loop().time()
        self._beginning = asyncio.Lock()
        self._closed = False

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The server's tools that the config asks for."""
        return self._tools

    def session(self, key: str) -> McpSession:  # noqa: ARG002 - MCP knows no samples
        """Return a session; all sessions share the server's state."""
        return McpSession(self)

    async def close(self) -> None:
        """Close the connection, and end the server and its child processes if it was started here."""
        self._closed = True
        await self._connection.close()

    async def call(self, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Let the server carry out a call.

        Raises:
            ModelError: of kind TOOL: the server is gone, or didn't answer in time.
        """
        connection, client = await self._connected()
        seconds = connection.target.seconds
        try:
            async with asyncio.timeout(seconds):
                return as_result(await client.call_tool(name, dict(arguments)))
        except TimeoutError:
            raise self._failure(f"{name} didn't answer within {seconds:g} seconds") from None
        except MCPError as problem:
            if problem.code in _REFUSALS:
                return ToolResult(problem.message, error="ToolError")
            reason = await connection.reason() or f"{connection.target.shown}: {problem.message}"
            raise self._failure(reason, name) from problem
        except Exception as problem:  # the package doesn't document what it raises
            raise self._failure(await connection.reason() or str(problem) or type(problem).__name__, name) from problem

    async def _connected(self) -> tuple[Connection, Client]:
        """Return the connection; reconnect if it has ended, unless that was tried a moment ago."""
        if (client := self._connection.client) is not None:
            return self._connection, client
        async with self._beginning:
            if (client := self._connection.client) is not None:
                return self._connection, client
            now = asyncio.get_running_loop().time()
            if self._closed or now < self._began + self._restart_seconds:
                raise self._failure(await self._connection.reason() or "the connection is closed")
            self._began = now
            await self._connection.close()
            if self._closed:
                raise self._failure("the connection is closed")
            again = Connection(self._connection.target)
            self._connection = again
            try:
                return again, await again.open()
            except Unreachable as problem:
                raise self._failure(str(problem)) from problem

    def _failure(self, reason: str, tool: str = "") -> ModelError:
        during = f" (in a call of {tool})" if tool else ""
        text = self._connection.target.hide(reason)
        return ModelError(f"{self._where}: {text}{during}.", kind=FailureKind.TOOL)


class McpSession(ToolSession):
    """The session of one sample; it has no state of its own."""

    def __init__(self, server: McpTools) -> None:
        self._server = server

    async def call(self, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Let the server carry out a call.

        Raises:
            ModelError: of kind TOOL: the server is gone, or didn't answer in time.
        """
        return await self._server.call(name, arguments)

    async def close(self) -> None:
        """Do nothing: there is no state to discard."""


def as_result(answer: CallToolResult) -> ToolResult:
    """Return the result as text: other content is named in brackets, and structured data without text becomes JSON."""
    parts = [_as_text(block) for block in answer.content]
    if answer.structured_content is not None and not any(isinstance(block, TextContent) for block in answer.content):
        try:
            parts.insert(0, json.dumps(answer.structured_content, ensure_ascii=False, allow_nan=False))
        except ValueError:
            return ToolResult("ToolError: the result holds a number that JSON can't, such as NaN", error="ToolError")
    return ToolResult("\n".join(parts), error="ToolError" if answer.is_error else "")


def _as_text(block: ContentBlock) -> str:
    if isinstance(block, TextContent):
        return block.text
    if isinstance(block, ImageContent | AudioContent):
        return f"[{block.type}: {block.mime_type}, {len(block.data) * 3 // 4:,} bytes]"
    uri = block.resource.uri if isinstance(block, EmbeddedResource) else block.uri
    return f"[resource: {uri}]"
