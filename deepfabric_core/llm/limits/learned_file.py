"""Keep what was learned of limits in a file of the user's cache, for all endpoints, models and keys.

The file only saves time. So it is ignored where it is missing, damaged or too old, and where it can't be written,
nothing is kept. It is replaced as a whole, under a lock, so that processes don't lose each other's entries. A key is
kept as a few digits of a salted hash.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from deepfabric_core.config.secret_values import masked_address
from deepfabric_core.errors import ConfigError
from deepfabric_core.llm.limits.learned import Learned, from_json, to_json
from deepfabric_core.web.addresses import shown

_VARIABLE = "DEEPFABRIC_LEARNED_LIMITS"
# Has the salt in hexadecimal digits where another process's is to be used, so that both have the same targets.
SALT_VARIABLE = "DEEPFABRIC_SALT"
_OFF = ("off", "0", "no", "false")

_FILE = "learned_limits.json"
_VERSION = 1
_MOST_ENTRIES = 500
_LARGEST_FILE = 1 << 20
_LONGEST_LOCK = 1.0  # seconds
_PRIVATE = 0o600
_PRIVATE_FOLDER = 0o700
_SALT_BYTES = 16
_KEY_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Target:
    """Whose limits they are. `endpoint` is a host and a path, `key` a hash of the API key, empty if there is none."""

    provider: str
    endpoint: str
    model: str
    key: str

    def is_meant_by(self, word: str) -> bool:
        """Return whether a user's word names this target's endpoint, its host, its model, or its provider with it."""
        names = (self.endpoint, self.endpoint.partition("/")[0], self.model, f"{self.provider}/{self.model}")
        return _after_scheme(word).lower() in (name.lower() for name in names if name)


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry of the file; `at` is when it was learned, in seconds since the epoch."""

    target: Target
    learned: Learned
    at: float


def is_off() -> bool:
    """Return whether the user wants nothing to be kept, by DEEPFABRIC_LEARNED_LIMITS=off."""
    return os.environ.get(_VARIABLE, "").strip().lower() in _OFF


def cache_folder() -> Path:
    """Return the folder of the file; it may not exist yet."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("deepfabric", appauthor=False))


def target_of(provider: str, address: str, model: str, api_key: str | None) -> Target:
    """Return the target of calls; whatever of the address may be secret counts as part of the key."""
    endpoint = endpoint_of(address)
    hidden = address if endpoint != _after_scheme(address) else ""
    secret = "\n".join(filter(None, (api_key, hidden)))
    return Target(provider, endpoint, model, _hashed(secret) if secret else "")


def endpoint_of(address: str) -> str:
    """Return the host and the path of an address, without what may be secret.

    >>> endpoint_of("https://me:password@example.com/v1/?key=1")
    'example.com/v1'
    """
    return _after_scheme(masked_address(shown(address)))


def _after_scheme(address: str) -> str:
    return address.rpartition("://")[2].rstrip("/")


def _hashed(secret: str) -> str:
    return hmac.new(salt(), secret.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:_KEY_DIGITS]


def salt() -> bytes:
    """Return the salt of the environment or the file, which is made if there is none; any other one if that fails."""
    path = cache_folder() / _FILE
    found = _salt_in({"salt": os.environ.get(SALT_VARIABLE)}) or _salt_in(_document(path))
    if found is None and not is_off():
        with contextlib.suppress(OSError):
            _change(path, lambda entries: entries)
        found = _salt_in(_document(path))
    return found or _salt_of_process()


@cache
def _salt_of_process() -> bytes:
    return secrets.token_bytes(_SALT_BYTES)


def _salt_in(document: Mapping[str, Any]) -> bytes | None:
    try:
        found = bytes.fromhex(document["salt"])
    except (KeyError, TypeError, ValueError):
        return None
    return found if len(found) == _SALT_BYTES else None


def all_kept() -> list[Kept]:
    """Return all that is kept and not yet forgotten, by endpoint, model and key."""
    now = time.time()
    found = [kept for kept in _entries(_document(cache_folder() / _FILE)) if kept.learned.faded(now - kept.at)]
    return sorted(found, key=lambda kept: (kept.target.endpoint, kept.target.model, kept.target.key))


def recall(target: Target) -> Learned | None:
    """Return what a run begins with, as far as it is still to be trusted; None if nothing is known."""
    now = time.time()
    entries = _entries(_document(cache_folder() / _FILE))
    return next((kept.learned.faded(now - kept.at) for kept in entries if kept.target == target), None)


def keep(target: Target, learned: Learned) -> None:
    """Keep what was learned; where that fails, the next run learns it again. This may wait for another process."""
    now = time.time()

    def put(entries: list[Kept]) -> list[Kept]:
        others = [kept for kept in entries if kept.target != target and kept.learned.faded(now - kept.at)]
        return [*others[-_MOST_ENTRIES + 1 :], Kept(target, learned, now)]

    with contextlib.suppress(OSError):
        _change(cache_folder() / _FILE, put)


def remove(word: str | None) -> int:
    """Remove what is kept of an endpoint or a model, or everything, and return how many entries that were.

    Raises:
        ConfigError: the file can't be changed.
    """
    removed = 0

    def take(entries: list[Kept]) -> list[Kept]:
        nonlocal removed
        left = [kept for kept in entries if word is not None and not kept.target.is_meant_by(word)]
        removed = len(entries) - len(left)
        return left

    path = cache_folder() / _FILE
    if not os.path.exists(path):  # noqa: PTH110 - Path.exists raises an error for some paths
        return 0
    try:
        _change(path, take)
    except OSError as problem:
        why = (problem.strerror or str(problem)).lower()
        raise ConfigError(f"{path} can't be changed: {why}; delete it instead.") from problem
    return removed


def _document(path: Path) -> Mapping[str, Any]:
    """Return what the file holds; a missing or damaged one holds nothing."""
    try:
        if path.stat().st_size > _LARGEST_FILE:
            return {}
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) and document.get("version") == _VERSION else {}


def _entries(document: Mapping[str, Any]) -> Iterator[Kept]:
    """Yield the entries that aren't damaged."""
    entries = document.get("limits")
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or not isinstance(at := entry.get("at"), float):
            continue
        names = [entry.get(name) for name in ("provider", "endpoint", "model", "key")]
        learned = from_json(entry)
        if learned is not None and all(isinstance(name, str) for name in names):
            yield Kept(Target(*map(str, names)), learned, at)


def _change(path: Path, change: Callable[[list[Kept]], list[Kept]]) -> None:
    """Replace the file by one with changed entries, while no other process does.

    Raises:
        OSError: it can't be written, or another process has held the lock for too long.
    """
    import filelock

    path.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    lock = path.with_name(f".{path.name}.lock")
    with filelock.FileLock(lock, timeout=_LONGEST_LOCK, thread_local=False, mode=_PRIVATE):  # Timeout is an OSError
        document = _document(path)
        entries = change(list(_entries(document)))
        kept_salt = _salt_in(document) or secrets.token_bytes(_SALT_BYTES)
        limits = [{**asdict(kept.target), **to_json(kept.learned), "at": round(kept.at, 3)} for kept in entries]
        _replace(path, json.dumps({"version": _VERSION, "salt": kept_salt.hex(), "limits": limits}, indent=1))


def _replace(path: Path, text: str) -> None:
    """Replace the file at once; what a killed process has left half written is overwritten by the next one."""
    beside = path.with_name(f".{path.name}.tmp")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    beside.replace(path)
