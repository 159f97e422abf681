"""Read definitions of tools in DeepFabric's, OpenAI's and MCP's formats, and write them in DeepFabric's."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from deepfabric_core.chat.json_schema import Unusable, follow
from deepfabric_core.chat.tools import Tool
from deepfabric_core.config.yaml_reader import DEEPEST, read_yaml
from deepfabric_core.errors import ConfigError
from deepfabric_core.tools.argument_schemas import checked

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "list": "array", "dict": "object"}
_TYPES_OF_SCHEMAS = {schema: own for own, schema in _TYPES.items()}
_PYTHON_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "int": int,
    "float": (int, float),
    "bool": bool,
    "list": list,
    "dict": dict,
}

# The key of the arguments in each format, and the other keys of a definition.
_ARGUMENTS = ("inputSchema", "input_schema", "parameters")
_OTHER_KEYS = frozenset(
    {"name", "description", "type", "returns", "category", "component", "strict"}
    | {"title", "annotations", "outputSchema", "execution", "icons", "_meta"}
    | set(_ARGUMENTS)
)
# A schema of arguments has at least one of these keys, unless it is empty.
_SIGNS_OF_A_SCHEMA = frozenset({"type", "properties", "additionalProperties", "$ref", "allOf", "anyOf", "oneOf"})
_SHOWN_CHARACTERS = 300


def read_tools(path: str | Path) -> tuple[Tool, ...]:
    """Read the tools that a YAML or JSON file defines.

    Raises:
        ConfigError: the file can't be read, or a definition in it can't be used.
    """
    return tools_in(read_document(path), where=str(path))


def read_document(path: str | Path) -> Any:
    """Return the content of a YAML or JSON file.

    Raises:
        ConfigError: the file doesn't exist, isn't text, or is neither YAML nor JSON.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        said = getattr(problem, "strerror", None) or "it isn't text in UTF-8"
        raise ConfigError(
            f"{path}: the file can't be read ({said}); check the path, and that it is a file."
        ) from problem
    is_json = str(path).endswith(".json")
    invalid = f"{path}: not valid {'JSON' if is_json else 'YAML'}"
    try:
        return _shallow(json.loads(text)) if is_json else read_yaml(text, source=invalid)
    except RecursionError as problem:
        raise ConfigError(f"{invalid}: it is nested too deeply.") from problem
    except (yaml.YAMLError, ValueError) as problem:
        said = " ".join(str(problem).split())[:_SHOWN_CHARACTERS]
        raise ConfigError(f"{invalid}: {said}.") from problem


def _shallow(document: Any) -> Any:
    """Return the document, or raise RecursionError if it is nested too deeply."""
    level = [document]
    for _ in range(DEEPEST):
        level = [
            below
            for value in level
            if isinstance(value, dict | list)
            for below in (value.values() if isinstance(value, dict) else value)
        ]
    if level:
        raise RecursionError
    return document


def tools_in(document: Any, *, where: str) -> tuple[Tool, ...]:
    """Return the tools defined by a list, or by an object with a list under `tools`.

    Raises:
        ConfigError: there is no such list, a definition can't be used, or two have the same name.
    """
    definitions = document.get("tools") if isinstance(document, Mapping) else document
    if not isinstance(definitions, list):
        raise ConfigError(f"{where}: tools are a list of definitions, or an object with such a list under `tools`.")
    tools: dict[str, Tool] = {}
    for number, definition in enumerate(definitions, 1):
        tool = tool_from(definition, where=f"{where}: definition {number}")
        if tool.name in tools:
            first = list(tools).index(tool.name) + 1
            raise ConfigError(
                f"{where}: definitions {first} and {number} are both named {tool.name}; rename or remove one."
            )
        tools[tool.name] = tool
    return tuple(tools.values())


def tool_from(definition: Mapping[str, Any], *, where: str) -> Tool:
    """Return the tool of a definition in any of the formats; `where` is its place, for messages.

    Raises:
        ConfigError: it can't be used; the message names it, and says what is wrong.
    """
    try:
        inner = _inner(_plain(definition))
        return Tool(_name(inner), _text(inner, "description"), checked(_schema(inner)))
    except ValueError as problem:
        raise ConfigError(f"{where}{_called(definition)}: {str(problem)[:_SHOWN_CHARACTERS]}.") from problem


def as_deepfabric(tool: Tool) -> dict[str, Any]:
    """Return the definition in DeepFabric's format, which has the types of arguments, but no nested schemas."""
    schema = tool.parameters
    required = schema.get("required", [])
    parameters = [
        _parameter(name, part if isinstance(part, Mapping) else {}, schema, required=name in required)
        for name, part in schema.get("properties", {}).items()
    ]
    return {"name": tool.name, "description": tool.description, "parameters": parameters, "returns": ""}


# ---- reading a definition


def _plain(definition: object) -> dict[str, Any]:
    """Return a copy converted to JSON types; YAML may have dates, sets, cycles and numbers as keys."""
    if not isinstance(definition, Mapping):
        raise Unusable("a definition is an object with name, description and parameters")
    try:
        plain: dict[str, Any] = json.loads(json.dumps(dict(definition), allow_nan=False))
        json.dumps(plain, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as problem:
        raise Unusable(f"it holds what JSON can't ({problem}); put such a value in quotes") from problem
    return plain


def _inner(definition: dict[str, Any]) -> dict[str, Any]:
    """Return the definition without OpenAI's wrapper around it."""
    kind, inner = definition.get("type", "function"), definition.get("function", definition)
    if kind != "function":
        raise Unusable(f"its type is {kind!r}, but only tools of type function can be called")
    if not isinstance(inner, dict):
        raise Unusable("`function` must be an object with name, description and parameters")
    return inner


def _called(definition: object) -> str:
    inner = definition.get("function", definition) if isinstance(definition, Mapping) else None
    name = inner.get("name") if isinstance(inner, Mapping) else None
    return f" ({name[:64]!r})" if isinstance(name, str) else ""


def _name(inner: Mapping[str, Any]) -> str:
    name = _text(inner, "name")
    if not _NAME.fullmatch(name):
        raise Unusable("a tool's name is 1 to 64 letters, digits, _ and -; give it such a `name`")
    return name


def _text(part: Mapping[str, Any], key: str) -> str:
    value = part.get(key)
    if value is not None and not isinstance(value, str):
        raise Unusable(f"`{key}` must be a text")
    return value or ""


def _schema(inner: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of the arguments, from any of the formats."""
    arguments = next((inner[key] for key in _ARGUMENTS if inner.get(key) is not None), None)
    if arguments is None:
        if unknown := sorted(set(inner) - _OTHER_KEYS):
            raise Unusable(f"it has neither parameters nor inputSchema, but {', '.join(unknown)}; correct the spelling")
        return {}
    if isinstance(arguments, list):
        return _schema_of_list(arguments)
    if not isinstance(arguments, dict) or (arguments and not _SIGNS_OF_A_SCHEMA & set(arguments)):
        raise Unusable("the parameters must be a list of {name, type, description, required}, or a JSON Schema")
    return arguments


def _schema_of_list(parameters: list[Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    required = []
    for number, parameter in enumerate(parameters, 1):
        name = parameter.get("name") if isinstance(parameter, dict) else None
        if not isinstance(name, str) or not name:
            raise Unusable(f"parameter {number} has no `name`; write {{name, type, description, required}}")
        if name in properties:
            raise Unusable(f"two parameters are named {name}; rename or remove one")
        if parameter.get("type") not in list(_TYPES):
            raise Unusable(f"parameter {name} has type {parameter.get('type')!r}; write one of {', '.join(_TYPES)}")
        if not isinstance(parameter.get("required", True), bool):
            raise Unusable(f"`required` of parameter {name} must be true or false")
        properties[name] = _property(parameter)
        if parameter.get("required", True):
            required.append(name)
    return {"type": "object", "properties": properties, "required": required}


def _property(parameter: Mapping[str, Any]) -> dict[str, Any]:
    kind = parameter["type"]
    made: dict[str, Any] = {"type": _TYPES[kind], "description": _text(parameter, "description")}
    if kind == "list":
        made["items"] = {}  # OpenAI's API refuses a list without a schema of its items
    default = parameter.get("default")
    if not parameter.get("required", True) and default not in (None, ""):
        value = _default(default, kind)
        made |= {} if value is None else {"default": value}
    return made


def _default(written: Any, kind: str) -> Any:
    """Return a default, which DeepFabric writes as text, in the parameter's type; None if it can't be read."""
    if kind == "str":
        return str(written)
    value = written
    for read in (json.loads, ast.literal_eval) if isinstance(written, str) else ():
        try:
            value = read(written)
            break
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    fits = isinstance(value, _PYTHON_TYPES[kind]) and isinstance(value, bool) == (kind == "bool")
    return value if fits else None


# ---- writing a definition


def _parameter(name: str, part: Mapping[str, Any], schema: Mapping[str, Any], *, required: bool) -> dict[str, Any]:
    kind = _TYPES_OF_SCHEMAS.get(_type(part, schema), "str")
    made = {"name": name, "type": kind, "description": part.get("description", ""), "required": required}
    if (default := part.get("default")) is not None:
        made["default"] = default if isinstance(default, str) else json.dumps(default)
    return made


def _type(part: Any, schema: Mapping[str, Any], seen: set[int] | None = None) -> str:
    """Return the JSON type of a value, other than null; "" if the schema doesn't say."""
    seen = set() if seen is None else seen
    if not isinstance(part, Mapping) or id(part) in seen:
        return ""
    seen.add(id(part))
    if isinstance(reference := part.get("$ref"), str):
        return _type(follow(reference, schema), schema, seen)
    kinds = part.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    for key in ("anyOf", "oneOf", "allOf"):
        kinds += [_type(below, schema, seen) for below in part.get(key, [])]
    return next((kind for kind in kinds if kind not in ("", "null")), "")
