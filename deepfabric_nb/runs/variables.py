"""Look up `!var name` of a cell: a variable of the notebook, as plain YAML. No expression is ever evaluated."""

from __future__ import annotations

import dataclasses
import difflib
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, time
from enum import Enum
from pathlib import PurePath
from types import NoneType
from typing import Any

from deepfabric_core.errors import ConfigError

_NAME = re.compile(r"[^\W\d]\w*")
# What may follow a name: .attribute (not a private one), [3], ["key"] or ['key'].
_STEP = re.compile(
    r"""\.(?P<name>(?!_)[^\W\d]\w*)|\[\s*(?:(?P<index>-?\d{1,18})|"(?P<key>[^"]*)"|'(?P<word>[^']*)')\s*\]"""
)


def resolver(namespace: Mapping[str, Any]) -> Callable[[str], Any]:
    """Return a function that looks up `topic`, `settings.topic`, `row["name"]` or `rows[0]` in notebook variables.

    The function raises KeyError for an unknown name (its arguments: the name, then similar ones), and ConfigError for
    what isn't a name or can't be expressed in YAML.
    """

    def value(name: str) -> Any:
        found = _look_up(namespace, name)
        try:
            return _plain(found)
        except _UnfitError as problem:
            raise ConfigError(
                f"it is or holds a value of type {problem}, and a config takes text, numbers, booleans, paths, dates, "
                "lists, dicts, dataclasses, pydantic models, arrays, Series and DataFrames; turn it into one of these."
            ) from None
        except RecursionError:
            raise ConfigError("it holds itself, or is nested too deeply; give a part of it.") from None

    return value


class _UnfitError(TypeError):
    """A value's type, named in the message, has no form in YAML."""


def _look_up(namespace: Mapping[str, Any], path: str) -> Any:
    name, steps = _read(path)
    value = _item(namespace, name, "", name)
    for step in steps:
        value = _follow(value, step, path[: step.start()])
    return value


def _read(path: str) -> tuple[str, list[re.Match[str]]]:
    """Split a path into the name it begins with and the steps after it."""
    first = _NAME.match(path)
    steps: list[re.Match[str]] = []
    position = first.end() if first else 0
    while step := _STEP.match(path, position):
        steps.append(step)
        position = step.end()
    if not first or position < len(path):
        raise ConfigError(
            "this isn't the name of a variable; write a name, or a place in it like settings.topic, "
            'row["name"] or rows[0], and give what has to be computed a name first.'
        )
    return first.group(), steps


def _follow(value: Any, step: re.Match[str], owner: str) -> Any:
    if name := step["name"]:
        return _item(value, name, f"{owner}.", name) if isinstance(value, Mapping) else _attribute(value, name, owner)
    key = int(step["index"]) if step["index"] else step["key"] if step["key"] is not None else step["word"]
    return _item(value, key, owner, step.group())


def _item(value: Any, key: str | int, owner: str, written: str) -> Any:
    try:
        if not isinstance(value, Mapping) or key in value:  # asking a defaultdict would add the key
            return value[key]
    except (LookupError, TypeError, ValueError):
        pass
    names = [name for name in value if isinstance(name, str)] if isinstance(value, Mapping) else []
    raise KeyError(owner + written, *(owner + written.replace(str(key), near) for near in _nearest(str(key), names)))


def _attribute(value: Any, name: str, owner: str) -> Any:
    try:
        return getattr(value, name)
    except (AttributeError, LookupError, TypeError, ValueError):
        nearest = _nearest(name, dir(value))
        raise KeyError(f"{owner}.{name}", *(f"{owner}.{near}" for near in nearest)) from None


def _nearest(name: str, names: Iterable[str]) -> list[str]:
    return difflib.get_close_matches(name, [other for other in names if not other.startswith("_")], n=2)


def _plain(value: Any) -> Any:
    """Return the value as plain YAML."""
    value = _unpacked(value)
    for kind, form in _FORMS:
        if isinstance(value, kind):
            return form(value)
    raise _UnfitError(type(value).__name__)


def _unpacked(value: Any) -> Any:
    """Return what a value of pandas, numpy, pydantic or a dataclass contains; any other value as it is."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(value, pandas.DataFrame | pandas.Series | pandas.Index):
        return _from_pandas(value)
    if pandas is not None and (value is pandas.NaT or value is pandas.NA):
        return None
    if isinstance(value, type):
        return value
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if hasattr(type(value), "model_dump"):
        return _from_pydantic(value)
    return _from_numpy(value) if hasattr(type(value), "tolist") else value


def _from_pandas(value: Any) -> list[Any]:
    """Return the rows of a frame, or the values if there is only one column; missing values are None."""
    values = value.to_series() if hasattr(value, "to_series") else value  # an index
    known = values.astype(object).where(values.notna(), None)
    if known.ndim == 1:
        return list(known)
    return list(known.iloc[:, 0]) if known.shape[1] == 1 else list(known.to_dict("records"))


def _from_pydantic(value: Any) -> Any:
    try:
        return value.model_dump(mode="json")
    except ValueError:
        raise _UnfitError(type(value).__name__) from None


def _from_numpy(value: Any) -> Any:
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if kind == "m":
        raise _UnfitError("timedelta64")
    return (value.astype("datetime64[us]") if kind == "M" else value).tolist()


def _mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    plain = {str(_plain(key)): _plain(item) for key, item in value.items()}
    if len(plain) < len(value):
        raise _UnfitError("dict whose keys are the same as text")
    return plain


def _in_order(value: Iterable[Any]) -> list[Any]:
    items = [_plain(item) for item in value]
    try:
        return sorted(items)
    except TypeError:
        return sorted(items, key=str)


def _unfit(value: Any) -> Any:
    raise _UnfitError(type(value).__name__)


# The first type that matches determines how a value is written.
_FORMS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (Enum, lambda value: _plain(value.value)),
    ((bool, NoneType), lambda value: value),
    (str, str),
    (int, int),
    (float, float),
    (PurePath, str),
    ((date, time), lambda value: value.isoformat()),
    (Mapping, _mapping),
    (AbstractSet, _in_order),
    ((bytes, bytearray, memoryview), _unfit),
    (Sequence, lambda value: [_plain(item) for item in value]),
)
