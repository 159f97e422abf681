"""Definitions of tools written as types of TypeScript, as Harmony has them, as JSON Schemas."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

_FUNCTION = re.compile(r"type\s+(\w[\w.-]*)\s*=\s*\(")
_SIGN = re.compile(r"\s*(//[^\n]*|\"(?:[^\"\\]|\\.)*\"|=>|\[\]|[{}()\[\]:,;?|=]|[^\s{}()\[\]:,;?|=\"]+)")
_NAMES = {"string": "string", "number": "number", "boolean": "boolean", "null": "null", "object": "object"}

Schema = dict[str, Any]


class _NotReadError(ValueError):
    """Something stands there that no definition of a tool has."""


def tools_of(text: str) -> tuple[Sequence[Schema], bool]:
    """Return the tools in a text, in OpenAI's format, and whether anything in it couldn't be read."""
    found: list[Schema] = []
    begins = [one.start() for one in _FUNCTION.finditer(text)]
    for begin in begins:
        name = _FUNCTION.match(text, begin)
        parser = _Parser(text[name.end() :] if name else "")
        try:
            parameters = parser.arguments()
        except _NotReadError:
            return found, True
        description = _comments_before(text[:begin])
        own = {"name": name[1] if name else "", "description": description, "parameters": parameters}
        found.append({"type": "function", "function": own})
    return found, not begins


def _comments_before(text: str) -> str:
    lines: list[str] = []
    for line in reversed(text.rstrip().splitlines()):
        if not line.strip().startswith("//") or line.strip().startswith("// namespace"):
            break
        lines.append(line.strip()[2:].removeprefix(" "))
    return "\n".join(reversed(lines))


class _Parser:
    """Reads the parentheses of a function: `_: { name?: type, ... }`, or nothing."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def arguments(self) -> Schema:
        """Return the schema of the arguments."""
        if self._next() == ")":
            return {"type": "object", "properties": {}}
        self._want(":")
        self._want("{")
        return self._object()

    def _next(self) -> str:
        found = _SIGN.match(self._text, self._at)
        if found is None:
            raise _NotReadError
        self._at = found.end()
        return found[1]

    def _peek(self) -> str:
        at = self._at
        try:
            return self._next()
        finally:
            self._at = at

    def _want(self, sign: str) -> None:
        if self._next() != sign:
            raise _NotReadError

    def _object(self) -> Schema:
        properties: Schema = {}
        required: list[str] = []
        comments: list[str] = []
        while (sign := self._next()) != "}":
            if sign.startswith("//"):
                self._comment(sign, comments, properties)
            elif sign not in (",", ";"):
                name = json.loads(sign) if sign.startswith('"') else sign
                if self._peek() == "?":
                    self._next()
                else:
                    required.append(name)
                self._want(":")
                properties[name] = self._type()
                if comments:
                    properties[name] = {**properties[name], "description": "\n".join(comments)}
                comments = []
        return {"type": "object", "properties": properties, **({"required": required} if required else {})}

    @staticmethod
    def _comment(sign: str, comments: list[str], properties: Schema) -> None:
        """Keep a comment: the default of the field before it, or a part of the description of the next one."""
        text = sign[2:].removeprefix(" ")
        if text.startswith("default: ") and properties and not comments:
            try:
                properties[list(properties)[-1]]["default"] = json.loads(text[9:].rstrip(","))
            except ValueError:
                comments.append(text)
            return
        comments.append(text)

    def _type(self) -> Schema:
        parts = [self._single()]
        while self._peek() == "|":
            self._next()
            parts.append(self._single())
        if len(parts) == 1:
            return parts[0]
        if all(set(part) == {"enum", "type"} for part in parts):
            return {"type": parts[0]["type"], "enum": [value for part in parts for value in part["enum"]]}
        if all(set(part) == {"type"} for part in parts):
            return {"type": [part["type"] for part in parts]}
        return {"anyOf": parts}

    def _single(self) -> Schema:
        sign = self._next()
        if sign == "(":
            found = self._type()
            self._want(")")
        elif sign == "{":
            found = self._object()
        elif sign.startswith('"'):
            found = {"type": "string", "enum": [json.loads(sign)]}
        elif sign in _NAMES:
            found = {"type": _NAMES[sign]}
        elif sign == "any":
            found = {}
        else:
            found = self._value(sign)
        while self._peek() == "[]":
            self._next()
            found = {"type": "array", "items": found} if found else {"type": "array"}
        return found

    @staticmethod
    def _value(sign: str) -> Schema:
        try:
            value = json.loads(sign)
        except ValueError as problem:
            raise _NotReadError from problem
        kind = "boolean" if isinstance(value, bool) else "number" if isinstance(value, int | float) else "null"
        return {"type": kind, "enum": [value]}
