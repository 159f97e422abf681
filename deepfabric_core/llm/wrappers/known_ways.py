"""Remember how each endpoint and model is asked for JSON: in this process, and in a file of the user's cache."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

from deepfabric_core.chat.messages import SchemaMode
from deepfabric_core.config.llm import Llm

# In seconds. A server may be updated, so the stronger ways are tried again after a day.
_REMEMBERED_FOR = 86400.0
_MOST_ENDPOINTS = 500
_FILE = "structured_output.json"

WAYS: tuple[SchemaMode, ...] = get_args(SchemaMode)


@dataclass
class KnownWay:
    """The way in which an endpoint and model are asked for JSON; None until one has worked.

    `proven` says that a reply of it was in the form that was asked for, `misses` how many replies in a row weren't;
    `asked` and `refused` count the replies of it and those that were of no use. `strongest` is the first way that the
    server hasn't refused.
    `ignores_tools` is whether it takes tools and never calls one. With a `key` both are kept for later processes.
    """

    way: SchemaMode | None = None
    proven: bool = False
    misses: int = 0
    asked: int = 0
    refused: int = 0
    ignores_tools: bool = False
    key: str = ""
    strongest: SchemaMode = WAYS[0]

    def rule_out(self, way: SchemaMode, following: SchemaMode) -> None:
        """Begin with the following way from now on, since the server refuses a way."""
        if self.strongest == way:
            self.strongest = following

    def settle(self, way: SchemaMode, *, proven: bool) -> None:
        """Take a way from now on."""
        changed = way != self.way
        self.way, self.proven, self.misses = way, proven, 0
        self.asked = self.refused = 0
        if changed:
            self._keep()

    def offer_tools_in_words(self) -> None:
        """Describe tools in the prompt from now on."""
        self.ignores_tools = True
        self._keep()

    def _keep(self) -> None:
        if self.key:
            _keep(self.key, {"way": self.way, "ignores_tools": self.ignores_tools, "at": time.time()})


_known: dict[str, KnownWay] = {}


def known_way(settings: Llm) -> KnownWay:
    """Return what is known of how an endpoint and model are asked for JSON; all runs of this process share it."""
    key = _key(settings)
    if key not in _known:
        entry = _fresh(_entries().get(key))
        way = next((one for one in WAYS if one == entry.get("way")), None)
        _known[key] = KnownWay(way, way is not None, ignores_tools=entry.get("ignores_tools") is True, key=key)
    return _known[key]


def forget_way(settings: Llm) -> None:
    """Forget what is known, so that all ways are tried again."""
    key = _key(settings)
    _known.pop(key, None)
    _keep(key, None)


def _key(settings: Llm) -> str:
    """Return the name of an endpoint and a model. An address may hold a key: only its host and path are kept."""
    address = urlsplit(settings.address)
    host = address.netloc.rpartition("@")[2]
    return " ".join(filter(None, (settings.provider, f"{host}{address.path}".rstrip("/"), settings.model)))


def _path() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("deepfabric", appauthor=False)) / _FILE


def _entries() -> dict[str, Any]:
    """Return what the file holds; a missing or damaged one is empty, since everything can be found out again."""
    try:
        entries = json.loads(_path().read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return entries if isinstance(entries, dict) else {}


def _fresh(entry: object) -> Mapping[str, Any]:
    """Return an entry of the file; an empty one if it is damaged or too old."""
    if not isinstance(entry, dict) or not isinstance(at := entry.get("at"), int | float):
        return {}
    return entry if 0 <= time.time() - at <= _REMEMBERED_FOR else {}


def _keep(key: str, entry: Mapping[str, Any] | None) -> None:
    """Write an entry into the file, or remove it; where that fails, the next process finds it out again."""
    path = _path()
    entries = {one: kept for one, kept in _entries().items() if one != key}
    if entry is not None:
        entries = {**dict(list(entries.items())[-_MOST_ENDPOINTS + 1 :]), key: entry}
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{_FILE}.tmp")
        temporary.write_text(json.dumps(entries, indent=1), encoding="utf-8")
        temporary.replace(path)
