"""The public face of a package."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from enum import Enum
from types import ModuleType
from typing import Any, get_args

from pydantic import BaseModel

from tests.reference.markdown import code, listed, prose

_OURS = ("deepfabric_core", "deepfabric_nb")
_WIDEST = 100
_LONGEST_DEFAULT = 30


def package(module: ModuleType) -> Iterator[str]:
    """What it is for, and each of its public names."""
    yield f"## Python: {module.__name__}\n"
    yield prose(module.__doc__)
    for name in module.__all__:
        yield f"### {module.__name__}.{name}\n"
        thing = getattr(module, name)
        yield from _of_class(name, thing) if inspect.isclass(thing) else _of_anything_else(name, thing)


def _of_class(name: str, thing: type) -> Iterator[str]:
    yield code(_folded(_class_line(name, thing)), "python")
    yield prose(thing.__doc__)
    if issubclass(thing, Enum):
        yield listed((f"`{member.name}`", str(member.value)) for member in thing)
    if members := list(_members(thing)):
        yield listed(members)


def _of_anything_else(name: str, thing: Any) -> Iterator[str]:
    if inspect.isfunction(thing):
        kind = "async def" if inspect.iscoroutinefunction(thing) else "def"
        yield code(_folded(f"{kind} {_called(name, thing)}"), "python")
        yield prose(thing.__doc__)
    else:
        yield "Any one of these:\n"
        yield listed((f"`{kind.__name__}`", kind.__doc__) for kind in get_args(thing))


def _class_line(name: str, thing: type) -> str:
    """With its parameters, where one makes an object oneself."""
    if issubclass(thing, Exception | str):
        return f"class {name}({', '.join(base.__name__ for base in thing.__bases__)})"
    return f"class {name}" if issubclass(thing, BaseModel) else f"class {_called(name, thing)}"


def _members(thing: type) -> Iterator[tuple[str, str]]:
    """Methods and properties of ours."""
    ours = [owner for owner in thing.__mro__ if owner.__module__.startswith(_OURS)]
    found = {name: member for owner in reversed(ours) for name, member in vars(owner).items()}
    for name, member in found.items():
        if name.startswith("_") or not (said := inspect.getdoc(member)):
            continue
        if inspect.isfunction(member):
            yield f"`.{_called(name, member)}`", said
        elif isinstance(member, property) or type(member).__name__ == "cached_property":
            yield f"`.{name}`", said


# ---- signatures


class _Written:
    """Something that a signature shows as it is written."""

    def __init__(self, text: object) -> None:
        self.text = str(text)

    def __repr__(self) -> str:
        return self.text


def _called(name: str, thing: Any) -> str:
    """A name with its parameters."""
    signature = inspect.signature(thing)
    shown = [_shown(each) for each in signature.parameters.values() if each.name != "self" and each.name[0] != "_"]
    answer = signature.return_annotation
    arrow = "" if inspect.isclass(thing) or answer is signature.empty else f" -> {answer}"
    inside = str(signature.replace(parameters=shown, return_annotation=signature.empty))[1:-1]
    return f"{name}({inside}){arrow}"


def _folded(declared: str) -> str:
    """Where one line is too short, a parameter a line."""
    if len(declared) <= _WIDEST:
        return declared
    name, _, rest = declared.partition("(")
    inside, closing, arrow = rest.rpartition(")" if " -> " not in rest else ") -> ")
    lines = "".join(f"    {each},\n" for each in _at_commas(inside))
    return f"{name}(\n{lines}{closing}{arrow}"


def _shown(parameter: inspect.Parameter) -> inspect.Parameter:
    default = repr(parameter.default)
    if parameter.default is not parameter.empty and (default.startswith("<") or len(default) > _LONGEST_DEFAULT):
        parameter = parameter.replace(default=_Written("..."))
    if parameter.annotation is not parameter.empty:
        parameter = parameter.replace(annotation=_Written(parameter.annotation))
    return parameter


def _at_commas(parameters: str) -> list[str]:
    """Split at the commas that stand in no bracket."""
    return re.split(r", (?![^\[(]*[\])])", parameters)
