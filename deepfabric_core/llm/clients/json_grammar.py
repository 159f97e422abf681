"""Write a JSON Schema as a grammar of llama.cpp (GBNF), which lets a model answer in that form alone.

llama.cpp has a writer of its own, which differs from version to version: some know no lengths, no optional keys and no
letters beyond ASCII. What a grammar can't say is left open here, since every reply is checked afterwards anyway.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from deepfabric_core.chat.messages import JsonObject
from deepfabric_core.llm.chat_completions import sendable

# A model is used to a space after a colon or a comma, and may otherwise fill pages with white space.
_BASICS = r"""
value ::= object | array | string | number | boolean | null
object ::= "{" (string ":" space value ("," space string ":" space value)*)? "}"
array ::= "[" (value ("," space value)*)? "]"
string ::= "\"" char* "\""
char ::= [^"\\\x7F\x00-\x1F] | "\\" (["\\/bfnrt] | "u" hex hex hex hex)
hex ::= [0-9a-fA-F]
number ::= integer ("." [0-9]+)? ([eE] [-+]? [0-9]+)?
integer ::= "-"? ("0" | [1-9] [0-9]*)
boolean ::= "true" | "false"
null ::= "null"
space ::= " "?
"""

ANY_OBJECT = f"root ::= object{_BASICS}"

# Repetitions are written out, so a larger number is left open.
_MOST_IN_A_ROW = 512
_MOST_NESTED = 64
_MOST_OPTIONAL = 16


def grammar_of(schema: JsonObject) -> str:
    """Return the grammar of the JSON texts that satisfy a schema, as far as a grammar can say it."""
    writer = _Writer(schema)
    root = writer.rule_of(schema)
    written = "\n".join(f"{name} ::= {rule}" for name, rule in writer.rules.items())
    return f"root ::= {root}\n{written}{_BASICS}"


class _Writer:
    """Collects the rules of a schema's parts."""

    def __init__(self, schema: JsonObject) -> None:
        self.rules: dict[str, str] = {}
        self._schema = schema
        self._referred: dict[str, str] = {}
        self._open: frozenset[str] = frozenset()

    def rule_of(self, part: Any) -> str:
        """Return the name of the rule of a part."""
        if not isinstance(part, Mapping):
            return "value"
        if isinstance(reference := part.get("$ref"), str):
            return self._rule_referred_to(reference)
        if isinstance(choices := part.get("anyOf") or part.get("oneOf"), list):
            return self._named(" | ".join(map(self.rule_of, choices)))
        if "const" in part:
            return self._named(_literal(part["const"]))
        if isinstance(values := part.get("enum"), list) and values:
            return self._named(" | ".join(map(_literal, values)))
        if isinstance(kinds := part.get("type"), list) and kinds:
            return self._named(" | ".join(self._rule_of_kind(kind, part) for kind in kinds))
        return self._rule_of_kind(_kind_of(part), part)

    def _rule_of_kind(self, kind: Any, part: JsonObject) -> str:
        match kind:
            case "object":
                return self._object(part)
            case "array":
                return self._array(part)
            case "string":
                least, most = _bounds(part, "minLength", "maxLength")
                return self._named(f'"\\"" {_repeated("char", least, most)} "\\""')
            case "number" | "integer" | "boolean" | "null":
                return str(kind)
        return "value"

    def _named(self, rule: str) -> str:
        """Return the name of a rule, a new one if there is none like it."""
        known = next((name for name, other in self.rules.items() if other == rule), None)
        if known is None:
            known = self._new_name()
            self.rules[known] = rule
        return known

    def _new_name(self) -> str:
        return f"part{len(self.rules)}"

    def _rule_referred_to(self, reference: str) -> str:
        """Return the rule of another part; a part that is nothing but itself again would hang llama.cpp."""
        if reference in self._open:
            return "value"
        if reference not in self._referred:
            name = self._referred[reference] = self._new_name()
            self.rules[name] = ""
            before, self._open = self._open, self._open | {reference}
            self.rules[name] = self.rule_of(_part_at(self._schema, reference))
            self._open = before
        return self._referred[reference]

    def _object(self, part: JsonObject) -> str:
        properties, more = part.get("properties"), part.get("additionalProperties")
        if not isinstance(properties, Mapping) or not properties:
            if more is False:
                return self._named('"{" "}"')
            return self._named(f'"{{" ({_listed([f"string {_COLON} {self._inside(more)}"])})? "}}"')
        pairs = {name: f"{_literal(name)} {_COLON} {self._inside(one)}" for name, one in properties.items()}
        needed = part.get("required")
        required = [pairs.pop(name) for name in tuple(pairs) if isinstance(needed, list) and name in needed]
        return self._named(f'"{{" {_members(required, list(pairs.values()))} "}}"')

    def _array(self, part: JsonObject) -> str:
        item = self._inside(part.get("items"))
        least, most = _bounds(part, "minItems", "maxItems")
        if most == 0:
            return self._named('"[" "]"')
        rest = _repeated(f"({_COMMA} {item})", max(0, least - 1), None if most is None else most - 1)
        items = f"{item} {rest}".strip()
        return self._named(f'"[" {items} "]"' if least else f'"[" ({items})? "]"')

    def _inside(self, part: Any) -> str:
        """Return the rule of a part that stands behind a bracket, so that it may be its own whole again."""
        before, self._open = self._open, frozenset()
        name = self.rule_of(part)
        self._open = before
        return name


_COLON = '":" space'
_COMMA = '"," space'


def _listed(members: Iterable[str]) -> str:
    """Return the rule of members of which each may be repeated."""
    return " ".join(f"{member} ({_COMMA} {member})*" for member in members)


def _members(required: Sequence[str], optional: Sequence[str]) -> str:
    """Return the rule of an object's members: the required ones, then any of the optional ones in their order."""
    optional = optional[:_MOST_OPTIONAL]
    behind = " ".join(f"({_COMMA} {member})?" for member in optional)
    if required:
        return f"{f' {_COMMA} '.join(required)} {behind}".strip()
    return f"({' | '.join(_from(optional, first) for first in range(len(optional)))})?"


def _from(optional: Sequence[str], first: int) -> str:
    """Return the rule of the optional members in which this one is the first."""
    return " ".join([optional[first], *(f"({_COMMA} {member})?" for member in optional[first + 1 :])])


def _repeated(rule: str, least: int, most: int | None) -> str:
    """Return the rule of something that comes from `least` to `most` times; None: any number."""
    always = " ".join([rule] * min(least, _MOST_IN_A_ROW))
    if most is None or most - least > _MOST_NESTED:
        return f"{always} {rule}*".strip()
    nested = ""
    for _ in range(most - least):
        nested = f"({rule} {nested})?" if nested else f"({rule})?"
    return f"{always} {nested}".strip()


def _bounds(part: JsonObject, least: str, most: str) -> tuple[int, int | None]:
    low, high = (_whole(part.get(name)) for name in (least, most))
    low = low or 0
    return low, None if high is None else max(low, high)


def _whole(said: Any) -> int | None:
    return int(said) if isinstance(said, int | float) and not isinstance(said, bool) and said >= 0 else None


def _kind_of(part: JsonObject) -> Any:
    if "type" in part:
        return part["type"]
    return "object" if "properties" in part else "array" if "items" in part else None


def _literal(value: Any) -> str:
    """Return the rule of one JSON value as it is."""
    text = sendable(json.dumps(value, ensure_ascii=False)).replace("\\", "\\\\").replace('"', '\\"')
    escaped = "".join(one if one.isascii() else f"\\U{ord(one):08X}" for one in text)
    return f'"{escaped}"'


def _part_at(schema: JsonObject, reference: str) -> Any:
    """Return the part of a schema that a reference within it leads to; None if it leads nowhere."""
    part: Any = schema if reference.startswith("#") else None
    for step in filter(None, reference[1:].split("/")):
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(part, list) and name.isdecimal() and int(name) < len(part):
            part = part[int(name)]
        else:
            part = part.get(name) if isinstance(part, Mapping) else None
    return part
