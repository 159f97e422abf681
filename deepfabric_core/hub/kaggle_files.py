"""Send files to Kaggle one by one, and remember which have arrived, so that another run doesn't send them again.

Kaggle answers a file with a token, by which a version of a dataset names it. What is remembered is in this user's data
folder: names, digests and tokens, which are of no use without the user's key.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from deepfabric_core.store.files import delete_file, replace_file
from deepfabric_core.store.user_folder import user_folder

# Kaggle deletes what no version names after some days.
_LASTING = 24 * 3600.0

Asked = Callable[[Callable[[], Any]], Any]


class SentFiles:
    """The files that have arrived for a dataset of Kaggle, by their digests."""

    def __init__(self, handle: str, clock: Callable[[], float] = time.time) -> None:
        self._place = user_folder() / "uploads" / f"kaggle-{hashlib.sha256(handle.encode()).hexdigest()[:16]}.json"
        self._clock = clock
        self._tokens: dict[str, tuple[str, float]] = {}
        with suppress(OSError, ValueError, TypeError, AttributeError):
            known = json.loads(self._place.read_bytes())
            self._tokens = {digest: (str(token), float(at)) for digest, (token, at) in known.items()}

    def token(self, digest: str) -> str | None:
        """Return the token of a file that has arrived within the last day."""
        token, at = self._tokens.get(digest, ("", 0.0))
        return token if token and 0 <= self._clock() - at < _LASTING else None

    def add(self, digest: str, token: str) -> None:
        """Remember a file; where that can't be written, it is only sent again."""
        self._tokens[digest] = (token, self._clock())
        with suppress(OSError):
            replace_file(self._place, [json.dumps(self._tokens).encode()])

    def forget(self) -> None:
        """Forget all: a version names them now, or Kaggle doesn't know them."""
        self._tokens = {}
        with suppress(OSError):
            delete_file(self._place)


def send_files(folder: Path, names: Sequence[str], sent: SentFiles, asked: Asked, tell: Callable[[str], None]) -> Any:
    """Send the files that haven't arrived yet, and return all of them as kagglehub names a version's.

    Args:
        folder: where the files are.
        names: the files below it.
        sent: which have arrived before.
        asked: makes a call, and makes it again after faults that pass.
        tell: called with a sentence for each file that has arrived.
    """
    blobs = import_module("kagglehub.gcs_upload")
    root = blobs.UploadDirectoryInfo("root")
    for number, name in enumerate(names, 1):
        place = root
        for part in Path(name).parts[:-1]:
            place = _below(place, part, blobs)
        place.files.append(_token_of(folder / name, sent, asked))
        tell(f"{name} has arrived: file {number} of {len(names)}")
    return root


def _below(above: Any, name: str, blobs: Any) -> Any:
    found = next((one for one in above.directories if one.name == name), None)
    if found is None:
        found = blobs.UploadDirectoryInfo(name)
        above.directories.append(found)
    return found


def _token_of(path: Path, sent: SentFiles, asked: Asked) -> str:
    with path.open("rb") as file:
        digest = f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}"
    token = sent.token(digest)
    if token is None:
        token = asked(lambda: _sent(path))
        sent.add(digest, token)
    return token


def _sent(path: Path) -> str:
    blobs, types = import_module("kagglehub.gcs_upload"), import_module("kagglesdk.blobs.types.blob_api_service")
    kind = types.ApiBlobType.DATASET
    (token,) = blobs.upload_files_and_directories(str(path), ignore_patterns=[], item_type=kind, quiet=True).files
    return str(token)
