"""Every key of the config."""

from __future__ import annotations

from collections.abc import Iterator

from deepfabric_core.config.load import UNUSED
from deepfabric_core.config.schema_keys import describe, known_keys
from tests.reference.markdown import table

CheckpointFiles = tuple[str, ...]


def config() -> Iterator[str]:
    """Each section with its keys."""
    yield "## Config\n"
    yield "`NAME` stands for a name of your own, and a number for the place in a list.\n"
    yield from _section(())


def _section(place: CheckpointFiles) -> Iterator[str]:
    """A section, and then those in it."""
    if place:
        yield f"### {'.'.join(place)}\n"
        yield f"{describe(_path(place))}{_unused(place)}.\n"
    if place[1:] and place[-1] == "llm":
        cool = " But the temperature is 0." if place[0] == "quality" else ""
        yield f"The keys of `llm`. What is not written here is as it is there.{cool}\n"
        return
    if rows := [
        (f"`{key}`", _takes((*place, key))) for key in known_keys(_path(place)) if not _is_section((*place, key))
    ]:
        yield table(("key", "takes"), rows)
    for key in known_keys(_path(place)):
        for below in ((*place, key), (*place, key, "NAME"), (*place, key, "0")):
            if _is_section(below):
                yield from _section(below)


def _is_section(place: CheckpointFiles) -> bool:
    return bool(known_keys(_path(place)))


def _path(place: CheckpointFiles) -> tuple[str | int, ...]:
    return tuple(int(part) if part.isdigit() else part for part in place)


def _takes(place: CheckpointFiles) -> str:
    return f"{describe(_path(place)) or 'anything'}{_unused(place)}"


def _unused(place: CheckpointFiles) -> str:
    return "; read, but without effect so far" if ".".join(place) in UNUSED else ""
