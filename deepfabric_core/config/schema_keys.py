"""Which keys and values a config may hold, derived from the schema: for completion, help and error messages."""

from __future__ import annotations

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from deepfabric_core.config.schema import Config
from deepfabric_core.config.yaml_document import KeyPath

_WORDS = {
    bool: "true or false",
    int: "integer",
    float: "number",
    str: "text",
    list: "list",
    tuple: "list",
    dict: "mapping",
}


def known_keys(path: KeyPath) -> list[str]:
    """Return the keys that the schema has below a path, in the order of the schema."""
    model = _section(_at(path)[0])
    return list(model.model_fields) if model else []


def known_values(path: KeyPath) -> list[str]:
    """Return the possible values of a key, as YAML writes them; none for free text and numbers."""
    kinds = list(_kinds(_at(path)[0]))
    values = [str(choice) for kind in kinds for choice in get_args(kind) if get_origin(kind) is Literal]
    values += ["true", "false"] if bool in kinds else []
    return values + (["auto"] if int in kinds and str in kinds else [])


def describe(path: KeyPath) -> str:
    """Return what a key takes; for a section, what it is about.

    >>> describe(("topics", "depth"))
    'integer, 1 to 10, default 2'
    >>> describe(("generation",))
    'How samples are written'
    """
    annotation, field = _at(path)
    if section := _section(annotation):
        return (section.__doc__ or "").splitlines()[0].split(". ")[0].rstrip(".")
    parts = [_in_words(annotation), *(_range(field) if field else ()), *(_otherwise(field) if field else ())]
    return ", ".join(part for part in parts if part)


def sections() -> list[KeyPath]:
    """Return the path of every section of the config, the top level first."""
    found: list[KeyPath] = [()]
    for place in found:
        found.extend((*place, key) for key in known_keys(place) if known_keys((*place, key)))
    return found


def _at(path: KeyPath) -> tuple[Any, FieldInfo | None]:
    """Return the type of the value at a path, and its field if it has one; (None, None) for an unknown path."""
    annotation: Any = Config
    field: FieldInfo | None = None
    for part in path:
        annotation, field = next(_below(annotation, part), (None, None))
    return annotation, field


def _below(annotation: Any, part: str | int) -> Iterator[tuple[Any, FieldInfo | None]]:
    for kind in _kinds(annotation):
        if (section := _section(kind)) and part in section.model_fields:
            field = section.model_fields[str(part)]
            yield field.annotation, field
        elif get_origin(kind) is (list if isinstance(part, int) else dict):
            yield get_args(kind)[-1], None


def _kinds(annotation: Any) -> Iterator[Any]:
    """Yield the members of a union, without their annotations."""
    if get_origin(annotation) in (Union, UnionType):
        for option in get_args(annotation):
            yield from _kinds(option)
    elif get_origin(annotation) is Annotated:
        yield from _kinds(get_args(annotation)[0])
    else:
        yield annotation


def _section(annotation: Any) -> type[BaseModel] | None:
    for kind in _kinds(annotation):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _in_words(annotation: Any) -> str:
    return " or ".join(filter(None, map(_word, _kinds(annotation))))


def _word(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return " or ".join(map(str, get_args(kind)))
    return _WORDS.get(get_origin(kind) or kind, "")


def _range(field: FieldInfo) -> Iterator[str]:
    limits = {
        name: getattr(part, name) for part in field.metadata for name in ("gt", "ge", "le") if hasattr(part, name)
    }
    if "ge" in limits and "le" in limits:
        yield f"{limits['ge']} to {limits['le']}"
        return
    for name, words in (("gt", "above"), ("ge", "at least"), ("le", "at most")):
        if name in limits:
            yield f"{words} {limits[name]}"


def _otherwise(field: FieldInfo) -> Iterator[str]:
    if field.is_required():
        yield "required"
    elif isinstance(field.default, bool):
        yield f"default {str(field.default).lower()}"
    elif isinstance(field.default, int | float | str) and field.default != "":
        yield f"default {field.default:g}" if isinstance(field.default, float) else f"default {field.default}"
