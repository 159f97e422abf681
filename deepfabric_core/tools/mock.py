"""Mock tools: they return the responses of a config or a mock-data file, or else an echo of the call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deepfabric_core.chat.tools import Tool, ToolResult, by_name, text_of
from deepfabric_core.config.schema import Fixture, MockTool
from deepfabric_core.errors import ConfigError
from deepfabric_core.tools.definitions import read_document
from deepfabric_core.tools.executor import ToolSession

_TEMPLATE = re.compile(r"\{\{\s*([\w-]+)\s*\}\}")


class Mock(ToolSession):
    """Answers the calls of `tools`; `responses` holds the mock responses by the names of the tools."""

    def __init__(self, tools: tuple[Tool, ...], responses: Mapping[str, MockTool]) -> None:
        self._tools = by_name(tools)
        self._responses = responses

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The tools whose calls it answers."""
        return tuple(self._tools.values())

    def session(self, key: str) -> Mock:  # noqa: ARG002 - there is no state
        """Return itself, as results depend on the call alone."""
        return self

    async def call(self, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Return the response of the most specific matching fixture, else the tool's response, else echo the call."""
        mock = self._responses.get(name, MockTool())
        fitting = [fixture for fixture in mock.fixtures if _fits(fixture.match, arguments)]
        if fitting:
            response = max(fitting, key=lambda fixture: len(fixture.match)).response
        elif "response" in mock.model_fields_set:
            response = mock.response
        else:
            return ToolResult(text_of({"tool": name, "arguments": dict(arguments), "mock": True}))
        return ToolResult(text_of(_filled(response, {**self._unsaid(name), **arguments})))

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""

    def _unsaid(self, name: str) -> dict[str, Any]:
        """Return the values of arguments that the call leaves out: their defaults, or None."""
        tool = self._tools.get(name)
        properties = tool.parameters.get("properties", {}) if tool else {}
        return {key: part.get("default") if isinstance(part, Mapping) else None for key, part in properties.items()}


def read_mock_data(path: str | Path) -> dict[str, MockTool]:
    """Read a mock-data file of DeepFabric's; return the mock responses by the names of the tools.

    Raises:
        ConfigError: the file can't be read, or isn't mock data; the message names the place.
    """
    document = read_document(path)
    if not isinstance(document, dict) or not {"mockResponses", "fixtures"} & set(document):
        raise ConfigError(f"{path}: mock data is an object with mockResponses, fixtures, or both.")
    mocks: dict[str, dict[str, Any]] = {}
    for name, entry in _object(document.get("mockResponses"), f"{path}: mockResponses").items():
        _hold(entry, f"{path}: mockResponses.{name}", "defaultResponse")
        mocks[str(name)] = {"response": entry["defaultResponse"]}
    for name, fixtures in _object(document.get("fixtures"), f"{path}: fixtures").items():
        place = f"{path}: fixtures.{name}"
        if not isinstance(fixtures, list):
            raise ConfigError(f"{place}: it must be a list of objects with match and response.")
        read = [_fixture(fixture, f"{place}[{number}]") for number, fixture in enumerate(fixtures)]
        mocks.setdefault(str(name), {})["fixtures"] = read
    return {name: MockTool(**keys) for name, keys in mocks.items()}


def _fixture(fixture: Any, place: str) -> Fixture:
    _hold(fixture, place, "match", "response")
    match = _object(fixture["match"], f"{place}.match")
    return Fixture(match={str(key): value for key, value in match.items()}, response=fixture["response"])


def _object(value: Any, place: str) -> Mapping[Any, Any]:
    if value is not None and not isinstance(value, dict):
        raise ConfigError(f"{place}: it must be an object.")
    return value or {}


def _hold(value: Any, place: str, *keys: str) -> None:
    if not isinstance(value, dict) or not set(keys) <= set(value):
        raise ConfigError(f"{place}: it must be an object with {' and '.join(keys)}.")


def _fits(match: Mapping[str, Any], arguments: Mapping[str, Any]) -> bool:
    return all(key in arguments and _same(value, arguments[key]) for key, value in match.items())


def _same(one: Any, other: Any) -> bool:
    """Return whether two values are equal in JSON: 1 and 1.0 are equal, 1 and true are not."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _filled(response: Any, values: Mapping[str, Any]) -> Any:
    """Return the response with its templates filled in; a text that is a single template becomes the value itself."""
    if isinstance(response, Mapping):
        return {key: _filled(value, values) for key, value in response.items()}
    if isinstance(response, list):
        return [_filled(value, values) for value in response]
    if not isinstance(response, str):
        return response
    whole = _TEMPLATE.fullmatch(response)
    if whole and whole[1] in values:
        return values[whole[1]]
    return _TEMPLATE.sub(lambda found: _inserted(found, values), response)


def _inserted(found: re.Match[str], values: Mapping[str, Any]) -> str:
    """Return the text that replaces a template; a template that names no argument of the tool stays as it is."""
    name = found[1]
    value = values.get(name, found[0])
    return "" if value is None else text_of(value)
