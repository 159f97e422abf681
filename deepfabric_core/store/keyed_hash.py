"""Hashes with a secret key of this user: values can be compared by their hashes, but others can't guess them."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

from deepfabric_core.config.fingerprint import HASHED
from deepfabric_core.redaction import HIDDEN
from deepfabric_core.store.files import PRIVATE, make_folder
from deepfabric_core.store.user_folder import user_folder

_KEY_BYTES = 32
_NAME_DIGITS = 8


def keyed_hash(text: str) -> str:
    """Return the hash of a text with the name of its key; HIDDEN if the user's folder can't be read or written."""
    key = _key()
    if key is None:
        return HIDDEN
    digest = hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
    return f"{HASHED}:{hashlib.sha256(key).hexdigest()[:_NAME_DIGITS]}:{digest}"


def key_file() -> Path:
    """Return the path of the key, which is made once for each user."""
    return user_folder() / "fingerprint.key"


def _key() -> bytes | None:
    path = key_file()
    key = _read(path)
    if key is None:
        with suppress(OSError):
            _make(path)
        key = _read(path)
    return key


def _read(path: Path) -> bytes | None:
    """Return the key, or None if there is none or it is incomplete."""
    try:
        key = path.read_bytes()
    except OSError:
        return None
    return key if len(key) == _KEY_BYTES else None


def _make(path: Path) -> None:
    """Make the key, unless another process makes it at the same time: the first one is kept.

    Raises:
        OSError: it can't be written.
    """
    make_folder(path.parent)
    beside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    try:
        with os.fdopen(file, "wb") as opened:
            opened.write(secrets.token_bytes(_KEY_BYTES))
            opened.flush()
            os.fsync(file)
        _place(beside, path)
    finally:
        beside.unlink()


def _place(beside: Path, path: Path) -> None:
    try:
        os.link(beside, path)
    except FileExistsError:
        return
    except OSError:  # a file system without links
        with suppress(FileExistsError):
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
            with os.fdopen(file, "wb") as opened:
                opened.write(beside.read_bytes())
