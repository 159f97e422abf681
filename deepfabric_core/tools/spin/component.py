"""The executor for tools of an HTTP service with the Spin protocol, which some DeepFabric setups use."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from yarl import URL

from deepfabric_core.chat.strict_json import parsed
from deepfabric_core.chat.tools import Tool, ToolResult, text_of
from deepfabric_core.errors import ConfigError
from deepfabric_core.tools.definitions import tools_in
from deepfabric_core.tools.executor import ToolSession
from deepfabric_core.tools.spin.http import FINE, Service, address_of, failure, got, shown

_ON_THE_WIRE = {"builtin": "vfs"}
_REFUSALS = (400, 422)  # HTTP statuses with which a service may explain what is wrong with a call
_LONGEST_CHECK = 10.0  # seconds
_ERROR_CHARACTERS = 64


class Component:
    """Carries out `tools` by a component of the service at `endpoint`, in the event loop of its first call.

    With `execute_path` all calls are sent there, as name and arguments, and have no session. `files` are written by
    the built-in tools before a session's first call. `timeout` is for each call, in seconds.
    """

    def __init__(
        self,
        endpoint: str,
        component: str,
        tools: tuple[Tool, ...],
        execute_path: str | None = None,
        timeout: float = 30.0,
        *,
        files: Mapping[str, str] | None = None,
    ) -> None:
        self._base = address_of(endpoint.strip().rstrip("/"), "spin_endpoint").with_query(None)
        self._tools = tools
        self._files = dict(files or {})
        self._service = Service(timeout)
        self._own = self._base / _ON_THE_WIRE.get(component, component) / "execute"
        self._shared = self._at(execute_path) if execute_path else None

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The tools whose calls it carries out."""
        return self._tools

    def session(self, key: str) -> ComponentSession:
        """Return a session of the service; nothing is sent before the first call."""
        return ComponentSession(_session_id(key), self._service, self._base, self._own, self._shared, self._files)

    async def close(self) -> None:
        """Close the connections."""
        await self._service.close()

    def _at(self, path: str) -> URL:
        return address_of(f"{str(self._base).rstrip('/')}/{path.lstrip('/')}", "tool_execute_path")


class ComponentSession(ToolSession):
    """The state that the service keeps for one sample, under a unique id."""

    def __init__(
        self, id_: str, service: Service, base: URL, own: URL, shared_path: URL | None, files: Mapping[str, str]
    ) -> None:
        self._id = id_
        self._service = service
        self._base = base
        self._own = own
        self._shared_path = shared_path
        self._files = files
        self._seeding = asyncio.Lock()
        self._seeded = False
        self._begun = False
        self._forgotten: set[str] = set()

    async def call(self, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Let the service carry out a call; see `ToolSession`."""
        await self._seed()
        if self._shared_path is not None:
            return await _called(self._service, self._shared_path, name, {"name": name, "arguments": dict(arguments)})
        return await self._in_session(self._own, name, arguments)

    async def redo(self, name: str, arguments: Mapping[str, Any], known: ToolResult) -> ToolResult:
        """Repeat a call of an earlier process in this session, and delete that process's session from the service."""
        if self._shared_path is not None:
            return known  # without a session there is no state
        result = await self.call(name, arguments)
        if known.session and known.session not in self._forgotten:
            self._forgotten.add(known.session)
            await self._service.delete(self._base / "session" / known.session)
        return result

    async def close(self) -> None:
        """Delete the session from the service."""
        if self._begun:
            self._begun = self._seeded = False
            await self._service.delete(self._base / "session" / self._id)

    async def _seed(self) -> None:
        """Write the files of the scenario, once."""
        async with self._seeding:
            files = {} if self._seeded else self._files
            for path, content in files.items():
                written = {"file_path": path, "content": text_of(content)}
                result = await self._in_session(self._base / "vfs" / "execute", "write_file", written)
                if result.error:
                    raise failure(self._base, f"refused the scenario file {path!r} ({result.error})")
            self._seeded = True

    async def _in_session(self, address: URL, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        self._begun = True
        body = {"session_id": self._id, "tool": name, "args": dict(arguments)}
        return replace(await _called(self._service, address, name, body), session=self._id)


async def fetch_tools(tools_endpoint: str, timeout: float = 30.0) -> tuple[Tool, ...]:  # noqa: ASYNC109 - a setting
    """Return the tools that a service lists at an address such as `/mock/list-tools`; `timeout` is in seconds.

    Raises:
        ConfigError: it can't be reached, or its definitions can't be used.
    """
    advice = "check generation.tools.tools_endpoint, and that the service runs"
    address = address_of(tools_endpoint, "tools_endpoint")
    raw = await got(address, timeout, advice)
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as problem:
        raise ConfigError(f"{shown(address)}: the answer isn't JSON; {advice}.") from problem
    return tools_in(document, where=shown(address))


async def check(endpoint: str) -> None:
    """Check that the service can be reached.

    Raises:
        ConfigError: it can't; the message says what to do.
    """
    advice = (
        "start the service that generation.tools.spin_endpoint names, or leave spin_endpoint out: the built-in tools "
        "and mock tools need none"
    )
    await got(address_of(endpoint, "spin_endpoint") / "health", _LONGEST_CHECK, advice)


async def _called(service: Service, address: URL, name: str, body: Mapping[str, Any]) -> ToolResult:
    status, raw = await service.post(address, body, tool=name)
    if status not in FINE and status not in _REFUSALS:
        raise failure(address, f"answered {name} with HTTP {status}", status)
    result = _result(raw, fine=status in FINE)
    if result is None:
        raise failure(address, f"answered {name} with what isn't the Spin protocol (HTTP {status})", status)
    return result


def _result(raw: bytes, *, fine: bool) -> ToolResult | None:
    """Return the result in an answer, or None if it doesn't keep to the protocol."""
    try:
        answer = parsed(raw)
    except ValueError:
        return None
    if not isinstance(answer, dict):
        return None
    if fine and answer.get("success", True) is True and ("result" in answer or "success" in answer):
        return ToolResult(text_of(answer.get("result", "")))
    said = answer.get("result", answer.get("error"))
    if said is None and "success" not in answer:
        return None
    return _refused(answer.get("error_type"), text_of("" if said is None else said))


def _refused(kind: object, said: str) -> ToolResult:
    error = text_of(kind)[:_ERROR_CHARACTERS] if isinstance(kind, str) and kind else "IOError"
    return ToolResult(said if said.startswith(error) else f"{error}: {said}", error)


def _session_id(key: str) -> str:
    """Return an id in the form of a uuid4 that no other session has, in this run or another."""
    digest = hashlib.sha256(key.encode(errors="replace") + os.urandom(16)).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))
