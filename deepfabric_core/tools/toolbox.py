"""Open the tools that a config asks for, and pass each tool call to the executor that carries it out."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from deepfabric_core.chat.tools import Tool, ToolResult, ToolUse
from deepfabric_core.config.schema import Config, MockTool
from deepfabric_core.config.schema import Tools as Settings
from deepfabric_core.config.secret_keys import redactor
from deepfabric_core.errors import ConfigError, redacted_errors
from deepfabric_core.redaction import Redactor
from deepfabric_core.tools.definitions import read_tools, tool_from
from deepfabric_core.tools.executor import Executor, ToolSession
from deepfabric_core.tools.mock import Mock, read_mock_data
from deepfabric_core.tools.spin.component import Component, check, fetch_tools
from deepfabric_core.tools.virtual_files import VirtualFiles

_BUILT_IN = "builtin"
_TWICE = "generation.tools: two tools are called {name}; leave one of them out."


class Toolbox:
    """The executors of a run and their tools; `secrets` removes secrets from error messages."""

    def __init__(self, executors: Collection[Executor], secrets: Redactor) -> None:
        self._executors = executors
        self._secrets = secrets
        self._by_tool: dict[str, Executor] = {}
        for executor in executors:
            for tool in executor.tools:
                if tool.name in self._by_tool:
                    raise ConfigError(_TWICE.format(name=tool.name))
                self._by_tool[tool.name] = executor
        if not self._by_tool:
            raise ConfigError("generation.tools: there is no tool in it; `tools: {}` means the virtual files.")

    @property
    def tools(self) -> tuple[Tool, ...]:
        """All tools, in the order of the config."""
        return tuple(tool for executor in self._executors for tool in executor.tools)

    def tool_sessions(self, key: str) -> ToolSessions:
        """Return the sessions that carry out the calls of one sample."""
        return ToolSessions(self._by_tool, key, self._secrets)


class ToolSessions:
    """The tool sessions of one sample, each opened at its first call. Use it as an async context manager."""

    def __init__(self, by_tool: Mapping[str, Executor], key: str, secrets: Redactor) -> None:
        self._by_tool = by_tool
        self._key = key
        self._secrets = secrets
        self._sessions: dict[int, ToolSession] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for session in self._sessions.values():
            await session.close()

    async def use(self, tool_use: ToolUse) -> ToolResult:
        """Carry out a call.

        Raises:
            ModelError: of kind TOOL: the tool's server is gone, or didn't answer in time.
        """
        session = self._session(tool_use.name)
        with redacted_errors(self._secrets.known):
            return await session.call(tool_use.name, tool_use.arguments) if session else _unknown(tool_use.name)

    async def redo(self, tool_use: ToolUse, known: ToolResult) -> ToolResult:
        """Repeat a call of an earlier process, whose result is `known`, for its effect on the state.

        Raises:
            ModelError: of kind TOOL: the tool's server is gone, or didn't answer in time.
        """
        session = self._session(tool_use.name)
        with redacted_errors(self._secrets.known):
            return await session.redo(tool_use.name, tool_use.arguments, known) if session else _unknown(tool_use.name)

    def _session(self, tool: str) -> ToolSession | None:
        executor = self._by_tool.get(tool)
        if executor is None:
            return None
        if id(executor) not in self._sessions:
            self._sessions[id(executor)] = executor.session(self._key)
        return self._sessions[id(executor)]


def _unknown(tool: str) -> ToolResult:
    return ToolResult(f"UnknownTool: there is no tool {tool}", error="UnknownTool")


@asynccontextmanager
async def open_toolbox(config: Config) -> AsyncIterator[Toolbox]:
    """Open the toolbox of a config: start its servers and list their tools. Close them at the end.

    Raises:
        ConfigError: something in generation.tools can't be used.
    """
    executors: list[Executor] = []
    secrets = redactor(config, os.environ)
    try:
        with redacted_errors(secrets.known):
            async for executor in _executors(config.tools, config.scenario_files):
                executors.append(executor)  # noqa: PERF401 - those already opened are closed if a later one fails
            toolbox = Toolbox(executors, secrets)
        yield toolbox
    finally:
        await asyncio.gather(*(executor.close() for executor in executors))


def check_tools(config: Config) -> None:
    """Check what can be checked of `generation.tools` without starting or calling anything.

    Raises:
        ConfigError: a definition, a name or a file in it can't be used.
    """
    settings = config.tools
    with redacted_errors(redactor(config, os.environ).known):
        given = _given(settings)
        _responses(settings)
        list(_built_in(settings, config.scenario_files, given))
        if not settings.tools_endpoint:
            _check(settings, given)
            list(_of_components(settings, given))


def defined_tools(config: Config) -> tuple[Tool, ...]:
    """Return the tools whose definitions the config or this package has: not those of servers.

    Raises:
        ConfigError: a definition can't be used.
    """
    with redacted_errors(redactor(config, os.environ).known):
        given = _given(config.tools)
        built_in = [tool for one in _built_in(config.tools, config.scenario_files, given) for tool in one.tools]
        return (*built_in, *given)


async def _executors(settings: Settings, files: Mapping[str, str]) -> AsyncIterator[Executor]:
    if settings.spin_endpoint:
        await check(settings.spin_endpoint)
    given = _given(settings)
    for executor in _built_in(settings, files, given):
        yield executor
    if settings.tools_endpoint:
        given += await fetch_tools(settings.tools_endpoint, settings.timeout)
    _check(settings, given)
    for executor in _of_components(settings, given):
        yield executor
    for name, server in settings.mcp.items():
        from deepfabric_core.tools.mcp.executor import start  # late: mcp takes a while to import

        yield await start(name, server)


def _built_in(settings: Settings, files: Mapping[str, str], given: tuple[Tool, ...]) -> Iterator[Executor]:
    """Yield the executor of the built-in tools, if they are asked for or there are no others."""
    others = settings.mcp or given or settings.tools_endpoint or settings.components
    if _BUILT_IN in settings.components or not others:
        local = VirtualFiles(files, settings.components.get(_BUILT_IN, []))
        remote = settings.spin_endpoint
        yield Component(remote, _BUILT_IN, local.tools, timeout=settings.timeout, files=files) if remote else local


def _of_components(settings: Settings, given: tuple[Tool, ...]) -> Iterator[Executor]:
    """Yield an executor for each component with its tools, or one for all given tools if there are no components."""
    components = {name: tools for name, tools in settings.components.items() if name != _BUILT_IN}
    known = {tool.name: tool for tool in given}
    for component, names in components.items():
        tools = tuple(_named(known, name, component) for name in names) if names else given
        yield _carried_out(settings, component, tools)
    if given and not components:
        yield _carried_out(settings, "mock", given)


def _named(known: Mapping[str, Tool], name: str, component: str) -> Tool:
    if name not in known:
        raise ConfigError(
            f"generation.tools.components.{component}: there is no definition of {name}; give it in tools.custom, in "
            "tools.file, or name a tools_endpoint that has it."
        )
    return known[name]


def _check(settings: Settings, given: tuple[Tool, ...]) -> None:
    """Check that no name is defined twice, and that all mocked tools are defined."""
    names = [tool.name for tool in given]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(_TWICE.format(name=name))
    for name in settings.mock:
        if name not in names:
            known = f"; there are {', '.join(names)}" if names else ""
            raise ConfigError(f"generation.tools.mock: there is no tool {name} whose definition is given{known}.")


def _carried_out(settings: Settings, component: str, tools: tuple[Tool, ...]) -> Executor:
    if settings.spin_endpoint:
        path = settings.tool_execute_path
        return Component(settings.spin_endpoint, component, tools, execute_path=path, timeout=settings.timeout)
    return Mock(tools, _responses(settings))


def _given(settings: Settings) -> tuple[Tool, ...]:
    """Return the definitions in the config and in the file that it names."""
    custom = tuple(
        tool_from(definition, where=f"generation.tools.custom[{number}]")
        for number, definition in enumerate(settings.custom)
    )
    return custom + (read_tools(Path(settings.file)) if settings.file else ())


def _responses(settings: Settings) -> dict[str, MockTool]:
    from_file = read_mock_data(Path(settings.mock_data)) if settings.mock_data else {}
    return {**from_file, **settings.mock}
