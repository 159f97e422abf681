"""The mark file that a finished run leaves, so that resuming it is known to be nothing to do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from deepfabric_core.config.fingerprint import HASHED
from deepfabric_core.redaction import HIDDEN
from deepfabric_core.store.files import replace_file

_FORMAT = 1
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class FinishedMark:
    """What a finished run delivered: `samples` over topics with `leaves`; or, with `topic_only`, only the topics.

    `topics_given` says whether the topics came from a file. `fingerprint` holds a digest of each value that decides
    the data; `digest` is the SHA-256 of the delivered file. `weights` and `weights_changed` are as in a checkpoint's
    metadata.
    """

    dataset: str
    topic_only: bool = False
    topics_given: bool = False
    samples: int = 0
    leaves: int = 0
    digest: str = ""
    fingerprint: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    weights_changed: bool = False
    finished_at: float = 0.0
    format: int = _FORMAT


def read_mark(path: Path) -> FinishedMark | None:
    """Read a mark; return None if there is none, or it can't be read."""
    try:
        mark = TypeAdapter(FinishedMark).validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None
    return mark if mark.format == _FORMAT else None


def write_mark(path: Path, mark: FinishedMark) -> None:
    """Write a mark.

    Raises:
        OutputError: it can't be written.
    """
    replace_file(path, [json.dumps(asdict(mark), ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace")])


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits, or "" if it can't be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError:
        return ""
    return digest.hexdigest()


def digests(fingerprint: Mapping[str, str]) -> dict[str, str]:
    """Return short digests of a fingerprint's values, to tell what has changed; hidden or hashed values are kept."""
    return {
        key: value
        if value == HIDDEN or value.startswith(f"{HASHED}:")
        else hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        for key, value in fingerprint.items()
    }
