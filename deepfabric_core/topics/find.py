"""Find a topic by its id, by its name, or by the last names of its path, such as "Wheels > Truing"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from deepfabric_core.errors import ConfigError
from deepfabric_core.topics.model import Topic, TopicPath, Topics, fold

_BETWEEN = re.compile("\\s+[>\u203a]\\s+")
_SHOWN = 3
_LONGEST = 80


def find(topics: Topics, where: str | Sequence[str]) -> Topic:
    """Return the topic with an id, or the only one whose path ends in these names.

    `where` is an id, a name, names joined by " > ", or a sequence of names. Capitals, punctuation and spaces don't
    matter. A whole path from the root, or from below it, means that topic, even if another path ends in the same names.

    Raises:
        ConfigError: there is no such topic, or several; the message has their paths.
    """
    if isinstance(where, str) and where in topics.by_id:
        return topics.by_id[where]
    found = _ending(topics, (where,)) if isinstance(where, str) else _ending(topics, tuple(where))
    if not found and isinstance(where, str):
        found = _ending(topics, tuple(_BETWEEN.split(where.strip())))
    if len(found) == 1:
        return found[0][0]
    if found:
        raise ConfigError(f"{_quoted(where)} means several topics: {_paths(found)}. Name more of the path.")
    raise ConfigError(f"There is no topic {_quoted(where)}; {_advice(topics, where)}")


def _ending(topics: Topics, names: TopicPath) -> list[tuple[Topic, TopicPath]]:
    """Return the topics whose paths end in these names, or that with exactly this path, each with its path."""
    keys = tuple(map(_key, names))
    found = [(topic, path) for topic, path in topics.walk() if _keys(path[-len(keys) :]) == keys]
    exact = [one for one in found if len(one[1]) - len(keys) in (0, 1)]
    return exact if len(exact) == 1 else found


def _keys(path: Iterable[str]) -> TopicPath:
    return tuple(map(_key, path))


def _key(name: str) -> str:
    return fold(name) or name


def _quoted(where: str | Sequence[str]) -> str:
    text = where if isinstance(where, str) else " > ".join(where)
    return repr(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")


def _paths(found: Sequence[tuple[Topic, TopicPath]]) -> str:
    more = f" and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
    return "; ".join(" > ".join(path)[:_LONGEST] for _, path in found[:_SHOWN]) + more


def _advice(topics: Topics, where: str | Sequence[str]) -> str:
    last = _BETWEEN.split(where.strip())[-1] if isinstance(where, str) else (*where, "")[-2 if where else -1]
    near = get_close_matches(last, [topic.name for topic in topics.by_id.values()], n=1)
    return f"did you mean {near[0][:_LONGEST]!r}?" if near else "it may have been pruned or renamed."
