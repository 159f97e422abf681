"""The grammar of a schema: each is turned into a regular expression, and tried on texts that fit and that don't."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import regex

from deepfabric_core.llm.clients.json_grammar import ANY_OBJECT, grammar_of

TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|[\w-]+|[|()*?]|\s+')
BOOK = {"title": {"type": "string"}, "pages": {"type": "integer"}}


def as_regex(grammar: str) -> regex.Pattern[str]:
    """A regular expression with a group for each rule."""
    rules = dict(line.split(" ::= ", 1) for line in grammar.splitlines() if line)
    groups = "".join(f"(?P<{name}>{''.join(map(part, TOKEN.findall(rule)))})" for name, rule in rules.items())
    return regex.compile(f"(?(DEFINE){groups})(?&root)")


def part(token: str) -> str:
    if token.startswith('"'):
        unescaped = re.sub(r"\\U([0-9A-F]{8})", lambda found: chr(int(found[1], 16)), token[1:-1])
        return re.escape(re.sub(r"\\(.)", r"\1", unescaped))
    if re.match(r"\w", token):
        return f"(?&{token})"
    return token.strip()


def takes(schema: dict[str, Any], *values: Any) -> bool:
    pattern = as_regex(grammar_of(schema))
    return all(pattern.fullmatch(json.dumps(value, ensure_ascii=False)) for value in values)


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def test_an_object_has_the_keys_in_their_order_and_values_of_their_types() -> None:
    assert takes(of(**BOOK), {"title": 'He said "no"\\\n', "pages": -12})
    wrong: list[Any] = [{"pages": 1, "title": ""}, {"title": ""}, {"title": "", "pages": 1.5}, [], "", {}]
    assert not any(takes(of(**BOOK), one) for one in wrong)


def test_no_line_break_stands_in_a_text_and_no_white_space_between_the_parts() -> None:
    pattern = as_regex(grammar_of(of(a={"type": "string"})))
    assert pattern.fullmatch('{"a":"b"}')
    for wrong in ('{"a": "b\n"}', '{"a":  "b"}', '{\n"a": "b"}', '{"a": "b"} '):
        assert not pattern.fullmatch(wrong)


@pytest.mark.parametrize(
    ("least", "most", "counts"),
    [(0, None, {0, 1, 2, 9}), (2, None, {2, 9}), (0, 2, {0, 1, 2}), (1, 1, {1}), (2, 2, {2}), (0, 0, {0})],
)
def test_lists_and_texts_have_the_lengths_that_are_asked_for(least: int, most: int | None, counts: set[int]) -> None:
    high = {} if most is None else {"maxItems": most, "maxLength": most}
    items = of(a={"type": "array", "items": {"type": "boolean"}, "minItems": least, **high})
    text = of(a={"type": "string", "minLength": least, **high})
    for count in (0, 1, 2, 9):
        assert takes(items, {"a": [True] * count}) == (count in counts)
        assert takes(text, {"a": "é" * count}) == (count in counts)


def test_what_may_be_left_out_is_left_out_or_follows_what_is_needed() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "null"}, **BOOK}, "required": ["title"]}
    assert takes(schema, {"title": ""}, {"title": "", "pages": 1}, {"title": "", "a": None, "pages": 1})
    assert not takes(schema, {"pages": 1})
    free = {"type": "object", "properties": BOOK}
    assert takes(free, {}, {"title": ""}, {"pages": 3}, {"title": "", "pages": 3})


def test_enums_constants_alternatives_and_lists_of_types() -> None:
    schema = of(a={"enum": ["größer", 'a "b" \\', None]}, b={"const": 3}, c={"type": ["string", "null"]})
    assert takes(schema, {"a": "größer", "b": 3, "c": None}, {"a": 'a "b" \\', "b": 3, "c": ""})
    assert not takes(schema, {"a": "c", "b": 3, "c": ""})
    assert takes(of(**{"naïve €": {"anyOf": [{"type": "integer"}, of()]}}), {"naïve €": 4}, {"naïve €": {}})


def test_the_decision_of_an_agent() -> None:
    call = of(tool={"type": "string", "enum": ["read"]}, arguments=of(path={"type": "string"}))
    schema = of(decision={"anyOf": [call, of(answer={"type": "string"})]})
    assert takes(schema, {"decision": {"answer": "4"}}, {"decision": {"tool": "read", "arguments": {"path": "a"}}})
    assert not takes(schema, {"decision": {"tool": "write", "arguments": {"path": "a"}}})


def test_references_may_lead_round_in_circles() -> None:
    tree = of(name={"type": "string"}, parts={"type": "array", "items": {"$ref": "#/$defs/tree"}})
    schema = {"$defs": {"tree": tree}, "$ref": "#/$defs/tree"}
    assert takes(schema, {"name": "a", "parts": [{"name": "b", "parts": []}]})
    assert not takes(schema, {"name": "a", "parts": [{"name": "b"}]})


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"anyOf": [{"$ref": "#/anyOf/0"}, {"$ref": "#"}]},
        {"$ref": "https://example.com/schema"},
        {"$ref": "#/nowhere/3"},
        {"allOf": [{"type": "object"}]},
        {"type": "object"},
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"type": "strange"},
        {},
    ],
)
def test_what_a_grammar_cannot_say_is_left_open(schema: dict[str, Any]) -> None:
    assert takes(schema, {"a": 1, "b": 2}, {})


def test_no_rule_begins_with_itself_which_would_hang_llama_cpp() -> None:
    for schema in ({"$ref": "#"}, {"anyOf": [{"$ref": "#/anyOf/0"}, {"$ref": "#"}]}):
        rules = dict(line.split(" ::= ", 1) for line in grammar_of(schema).splitlines() if line)
        for name in rules:
            assert name not in beginnings(rules, name)


def beginnings(rules: dict[str, str], name: str) -> set[str]:
    """The rules that may stand at the beginning of one."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        firsts = [choice.strip(" (").split(" ")[0] for choice in rules[waiting.pop()].split(" | ")]
        new = {first for first in firsts if first in rules} - found
        found |= new
        waiting.extend(new)
    return found


def test_any_object_is_an_object_of_whatever() -> None:
    pattern = as_regex(ANY_OBJECT)
    assert pattern.fullmatch('{"a": [1, -2.5e3, "x", {"b": null}], "c": true}')
    assert not pattern.fullmatch("[1]")
