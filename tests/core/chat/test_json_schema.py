"""JSON Schemas of users and tool servers, applied to what models write: every check ends, and fetches nothing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from deepfabric_core.chat.json_replies import parser_of_schema
from deepfabric_core.chat.json_schema import Checker, Uncheckable, Unusable, check_ends, check_schema
from deepfabric_core.chat.safe_regex import compiled
from deepfabric_core.chat.tools import arguments_of
from deepfabric_core.errors import ReplyError
from deepfabric_core.llm.simulated.prose import Writer
from deepfabric_core.llm.simulated.values import Builder
from deepfabric_core.tools.definitions import tool_from
from tests import ROOT
from tests.core.conftest import Run, write_config

WORDS = r"^(\w+\s?)+$"
TRAP = r"^(a|aa)*$"
CAUGHT = "a" * 5000 + "!"
HOSTILE = [
    (WORDS, "a" * 40 + "!"),
    (WORDS, "word " * 500 + "."),
    (TRAP, CAUGHT),
    (r"^(([a-z])+.)+[A-Z]([a-z])+$", CAUGHT),
]


def refused(schema: dict[str, Any], value: Any) -> str:
    """What a check says against a value; "" where the value fits."""
    try:
        misfit = Checker(schema).misfit(value)
    except Uncheckable as problem:
        return str(problem)
    return misfit.message if misfit else ""


# ---- patterns


@pytest.mark.parametrize(("pattern", "text"), HOSTILE)
@pytest.mark.parametrize(
    "around",
    [
        lambda pattern, text: ({"properties": {"a": {"pattern": pattern}}}, {"a": text}),
        lambda pattern, text: ({"patternProperties": {pattern: False}, "required": ["b"]}, {text: 1}),
        lambda pattern, text: ({"patternProperties": {pattern: {}}, "additionalProperties": False}, {text: 1}),
        lambda pattern, text: ({"propertyNames": {"pattern": pattern}}, {text: 1}),
        lambda pattern, text: ({"items": {"pattern": pattern}}, [text] * 1000),
        lambda pattern, text: ({"not": {"not": {"pattern": pattern}}}, text),
        lambda pattern, text: ({"$schema": "https://json-schema.org/draft/2020-12/schema", "pattern": pattern}, text),
        lambda pattern, text: (
            {"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"a": {"pattern": pattern}}}
            | {"items": {"$ref": "#/definitions/a"}},
            [text],
        ),
        lambda pattern, text: (
            {"items": {"$schema": "https://json-schema.org/draft/2020-12/schema", "pattern": pattern}},
            [text],
        ),
    ],
)
def test_a_text_that_a_pattern_would_search_for_ever_is_refused(
    pattern: str, text: str, around: Callable[[str, str], tuple[dict[str, Any], Any]]
) -> None:
    schema, value = around(pattern, text)
    check_schema(schema)
    assert refused(schema, value)


def test_a_search_that_takes_too_long_names_its_pattern() -> None:
    assert refused({"pattern": TRAP}, CAUGHT) == f"whether the pattern {TRAP!r} fits it takes too long to find out"


def test_a_run_with_such_a_pattern_ends_and_says_what_the_text_lacks(place: Path, deepfabric: Run) -> None:
    schema = {"properties": {"a": {"type": "string", "pattern": WORDS}}, "required": ["a"]}
    generation = {"output_schema": schema, "system_prompt": "You teach.", "sample_retries": 0}
    config = write_config(place, generation=generation, output={"format": "custom", "num_samples": 2})
    done = deepfabric("generate", config)
    assert done.returncode == 1 and "isn't in the form that the schema asks for" in done.stderr


def test_a_tools_arguments_and_a_record_are_checked_the_same_way() -> None:
    tool = tool_from({"name": "a", "inputSchema": {"properties": {"q": {"pattern": TRAP}}}}, where="here")
    with pytest.raises(ValueError, match="the arguments of a can't be checked: whether the pattern"):
        arguments_of(tool, json.dumps({"q": CAUGHT}))
    with pytest.raises(ReplyError, match="the reply can't be checked: whether the pattern"):
        parser_of_schema({"properties": {"q": {"pattern": TRAP}}})(json.dumps({"q": CAUGHT}))


@pytest.mark.parametrize(
    "pattern", ["a{1000000000}", "(a{1000}){1000}", "((((a{40}){40}){40}){40})", "(" * 5000 + ")" * 5000]
)
def test_a_pattern_that_would_fill_the_memory_is_refused_before_it_is_compiled(pattern: str) -> None:
    with pytest.raises(Unusable, match=r"repeats more than 100,000 times|nested too deeply"):
        check_schema({"properties": {"a": {"pattern": pattern}}})


@pytest.mark.parametrize("schema", [{"pattern": "("}, {"patternProperties": {"(": {}}}, {"items": {"pattern": "*"}}])
def test_an_invalid_pattern_of_the_config_is_an_error_that_names_the_key(
    place: Path, deepfabric: Run, schema: dict[str, Any]
) -> None:
    schema = {"properties": {"a": schema}}
    done = deepfabric(
        "validate", write_config(place, generation={"output_schema": schema}, output={"format": "custom"})
    )
    assert done.returncode == 2 and "generation.output_schema: " in done.stderr and "'regex'" in done.stderr
    assert "Traceback" not in done.stderr


@given(
    pattern=st.sampled_from([r"^\w+$", r"^\d{3}$", r"(?=.*b)a", r"(a)\1", "^a$", r"\bä", "[^a-c]", "(?i)A|É", r"a\Z"]),
    text=st.text(alphabet="abcäÉ1٣ \n", max_size=6),
)
def test_a_pattern_means_what_it_means_in_python(pattern: str, text: str) -> None:
    assert (compiled(pattern).search(text) is None) == (re.search(pattern, text) is None)


def test_unevaluated_properties_beside_patterns_are_refused_since_they_would_be_searched_without_bounds() -> None:
    with pytest.raises(Unusable, match="unevaluatedProperties and patternProperties don't go together"):
        check_schema({"patternProperties": {"^a": {}}, "allOf": [{"unevaluatedProperties": False}]})
    assert refused({"properties": {"a": {}}, "unevaluatedProperties": False}, {"b": 1})


VALUES = st.recursive(
    st.sampled_from([None, True, False, 0, 1, 1.0, 2.5, "", "a", "x1", "b"]),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.sampled_from(["a", "x1", "x2", "b"]), below),
    max_leaves=6,
)


@given(VALUES)
@pytest.mark.parametrize(
    "schema",
    [
        {"patternProperties": {"^x": {"type": "integer"}}, "properties": {"a": {}}, "additionalProperties": False},
        {"patternProperties": {"^x": {}, "1$": {"type": "string"}}, "additionalProperties": {"type": "null"}},
        {"patternProperties": {"^x": False}, "additionalProperties": True},
        {"uniqueItems": True},
        {"items": {"uniqueItems": True}},
        {"anyOf": [{"pattern": "^[a-z]$"}, {"type": ["array", "object"], "maxItems": 1, "maxProperties": 1}]},
    ],
)
def test_what_a_check_says_is_what_jsonschema_says(schema: dict[str, Any], value: Any) -> None:
    assert (Checker(schema).misfit(value) is None) == Draft202012Validator(schema).is_valid(value)


def test_many_items_without_an_order_are_found_unique_in_no_time() -> None:
    assert not refused({"uniqueItems": True}, [{"a": number} for number in range(20_000)])


# ---- references

_LOOPS: list[dict[str, Any]] = [
    {"$ref": "#"},
    {"anyOf": [{"type": "null"}, {"$ref": "#"}]},
    {"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
    {"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"not": {"$ref": "#/$defs/a"}}]}}},
]


@pytest.mark.parametrize("schema", _LOOPS)
def test_a_reference_to_itself_is_told_when_the_config_is_read(
    place: Path, deepfabric: Run, schema: dict[str, Any]
) -> None:
    config = write_config(place, generation={"output_schema": schema}, output={"format": "custom"})
    done = deepfabric("validate", config)
    assert done.returncode == 2 and "generation.output_schema: its $ref #" in done.stderr
    assert "leads back to itself without end" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("schema", _LOOPS)
def test_where_it_is_a_tools_the_check_of_a_call_ends(schema: dict[str, Any]) -> None:
    assert "nested too deeply, or its schema has no end" in refused(schema, {"a": 1})


def test_a_reference_to_what_a_value_holds_is_no_loop() -> None:
    tree = {"type": "object", "properties": {"below": {"type": "array", "items": {"$ref": "#"}}}}
    check_schema(tree)
    check_ends(tree)
    assert not refused(tree, {"below": [{"below": []}, {}]})
    assert refused(tree, {"below": [{"below": 1}]})


def test_what_only_looks_like_a_reference_in_a_value_is_left_alone() -> None:
    check_schema({"properties": {"a": {"const": {"$ref": "no", "pattern": "("}}, "default": {"type": "string"}}})
    with pytest.raises(Unusable, match=r"\$ref no leads nowhere"):
        check_schema({"properties": {"default": {"$ref": "no"}}})


def _doubled(levels: int) -> dict[str, Any]:
    parts: dict[str, Any] = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(levels)}
    return {"$ref": "#/$defs/d0", "$defs": {**parts, f"d{levels}": {}}}


def test_a_schema_that_doubles_with_each_reference_is_given_up() -> None:
    check_schema(_doubled(60))
    check_ends(_doubled(60))
    assert refused(_doubled(60), {}) == "its schema can be fitted in too many ways to try them all"
    assert not refused(_doubled(6), {})


def test_a_deep_value_that_fits_in_two_ways_on_each_level_is_given_up() -> None:
    branch = {"properties": {"left": {"$ref": "#/$defs/term"}}, "required": ["left"]}
    schema = {
        "$ref": "#/$defs/term",
        "$defs": {"term": {"oneOf": [branch, {**branch, "maxProperties": 1}, {"const": 1}]}},
    }
    value: Any = 1
    for _ in range(60):
        value = {"left": value}
    assert "too many ways" in refused(schema, value)


def test_a_value_nested_past_all_measure_is_a_sentence() -> None:
    value: Any = []
    for _ in range(900):
        value = [value]
    assert "nested too deeply" in refused({"items": {"$ref": "#"}}, value)
    with pytest.raises(ReplyError, match="the reply isn't"):
        parser_of_schema({})('{"a":' + "[" * 100_000 + "]" * 100_000 + "}")


def test_nothing_is_ever_fetched() -> None:
    asked: list[str] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        for keyword in ("$ref", "$dynamicRef"):
            schema: dict[str, Any] = {"properties": {"a": {keyword: f"{address}/elsewhere"}}}
            with pytest.raises(Unusable, match="leads nowhere; define that part under"):
                check_schema(schema)
            assert "leads nowhere" in refused(schema, {"a": 1})
        inner: dict[str, Any] = {"properties": {"a": {"$id": f"{address}/inner", "$ref": "other"}}, "other": {}}
        assert "leads nowhere" in refused(inner, {"a": 1})
        server.shutdown()
    assert asked == []


# ---- the simulated model


@pytest.mark.parametrize(
    "schema",
    [
        *_LOOPS,
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {"type": "object", "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}, "required": ["a", "b"]},
        {"type": "array", "minItems": 10**12, "items": {"type": "string"}},
        {"type": "array", "minItems": 10**12, "items": {"enum": [1, 2]}, "uniqueItems": True},
        {"type": "string", "minLength": 10**12},
        {"type": "object", "minProperties": 10**12},
        {"minItems": 10**6, "items": {"minItems": 10**6, "items": {"type": "string", "minLength": 10**9}}},
        {"type": "number", "minimum": 10**400},
        {"enum": []},
        _doubled(60),
    ],
)
def test_what_is_made_up_ends_whatever_the_schema_asks_for(schema: dict[str, Any]) -> None:
    made = Builder(schema, Writer(Random(1), ("Tea",))).build(schema)
    assert len(json.dumps(made)) < 1_000_000


def test_a_check_does_not_wait_for_the_grammar_of_formats_that_it_does_not_check() -> None:
    code = """
import sys
from deepfabric_core.chat.json_schema import Checker
print(Checker({"type": "string"}).misfit(1).message, "jsonschema" in sys.modules, "rfc3987_syntax" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.stdout == "1 is not of type 'string' True False\n", done.stderr
