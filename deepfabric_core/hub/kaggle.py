"""Upload a prepared dataset to Kaggle, where each upload is a version of the dataset.

kagglehub sends the files, and goes on within a file after a broken connection. What a dataset says of itself (title,
text, licence, tags, who may see it) is told to Kaggle afterwards.
"""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from threading import Thread
from typing import Any, TypeVar

from deepfabric_core.errors import ConfigError, DeepFabricError, MissingKeyError
from deepfabric_core.hub.card_head import TAGS
from deepfabric_core.hub.dataset_card import card_text
from deepfabric_core.hub.faults import Place, Sleep, Tell, patiently, sentence
from deepfabric_core.hub.huggingface import Uploaded
from deepfabric_core.hub.kaggle_files import SentFiles, send_files
from deepfabric_core.hub.prepared import Prepared
from deepfabric_core.hub.publication import CARD
from deepfabric_core.wording import counted

_Result = TypeVar("_Result")

KAGGLE = "https://www.kaggle.com"
_HANDLE = re.compile(r"[\w-]+/[\w-]+", re.ASCII)
_ADVICE = "make one in Kaggle's settings, under API, and set KAGGLE_USERNAME and KAGGLE_KEY, or KAGGLE_API_TOKEN, to it"
_FACTS = "dataset-metadata.json"
# Kaggle's own bounds of a title, in characters.
_SHORTEST, _LONGEST = 6, 50
_NOTES = "Uploaded by DeepFabric for notebooks"


@dataclass(frozen=True, slots=True)
class KaggleText:
    """What Kaggle is told of a dataset beside its files."""

    handle: str
    title: str
    description: str
    license: str
    tags: tuple[str, ...]
    private: bool

    @property
    def as_object(self) -> dict[str, Any]:
        """The same as Kaggle's tools have it in a file."""
        return {
            "title": self.title,
            "id": self.handle,
            "licenses": [{"name": self.license}],
            "keywords": list(self.tags),
            "tags": list(self.tags),
            "description": self.description,
            "isPrivate": self.private,
        }


def check_handle(handle: str) -> str:
    """Return the handle of a dataset.

    Raises:
        ConfigError: it can't be one.
    """
    name = handle.strip().removeprefix(f"{KAGGLE}/datasets/").removeprefix(f"{KAGGLE}/")
    if not _HANDLE.fullmatch(name):
        raise ConfigError(f"{handle!r} can't be a dataset on Kaggle; it is written as in my-name/my-dataset.")
    return name


def check_key(environment: Mapping[str, str]) -> None:
    """Check that Kaggle's key is set.

    Raises:
        MissingKeyError: it isn't.
    """

    def has(*names: str) -> bool:
        return all(environment.get(name, "").strip() for name in names)

    if not has("KAGGLE_API_TOKEN") and not has("KAGGLE_USERNAME", "KAGGLE_KEY"):
        raise MissingKeyError(f"No key for Kaggle: {_ADVICE}.")


def text_of(found: Prepared, handle: str, *, private: bool) -> KaggleText:
    """Return what Kaggle is told of a dataset: its card, with its title and tags."""
    facts = found.facts
    title = facts.name.replace("-", " ").replace("_", " ").title()
    known = facts.license or "unknown"
    return KaggleText(
        handle=handle,
        title=title if _SHORTEST <= len(title) <= _LONGEST else facts.name,
        description=card_text(facts),
        license=known.upper() if known.lower().startswith("cc") else known,
        tags=tuple(
            dict.fromkeys((*TAGS, *(["simulated"] if facts.report["making"]["simulated"] else []), *found.tags))
        ),
        private=private,
    )


def write_texts(found: Prepared, text: KaggleText) -> None:
    """Write the card, and the file in which Kaggle's tools expect what is said of a dataset."""
    (found.folder / CARD).write_text(text.description, "utf-8", "replace")
    facts = json.dumps(text.as_object, ensure_ascii=False, indent=1)
    (found.folder / _FACTS).write_bytes(facts.encode("utf-8", "replace"))


def upload(found: Prepared, text: KaggleText, *, notes: str | None, tell: Tell, sleep: Sleep = time.sleep) -> Uploaded:
    """Upload a dataset, or another version of it, and return where it is.

    Args:
        found: the files.
        text: what Kaggle is told of it.
        notes: what is new in this version.
        tell: called with a sentence for each step.
        sleep: waits between two tries.

    Raises:
        ConfigError: kagglehub isn't installed, the key or the right is missing, or the dataset is public.
        UploadError: Kaggle can't be reached, or doesn't take it now.
    """
    check_key(os.environ)
    place = Place("Kaggle", KAGGLE, text.handle, "key in KAGGLE_KEY or KAGGLE_API_TOKEN", _ADVICE)
    write_texts(found, text)
    with _library():

        def asked(call: Callable[[], Any]) -> Any:
            return patiently(lambda: _in_thread(call), place, tell, sleep=sleep)

        is_private = asked(lambda: _is_private(text.handle))
        if text.private and is_private is False:
            raise ConfigError(
                f"{text.handle} is on Kaggle already, and everybody can see it: upload by --public (in a config: "
                "private: false) if that is meant, or make it private there first."
            )
        said = notes or f"{_NOTES}: {counted(found.facts.report['samples'], 'sample')}"
        sent, names = SentFiles(text.handle), (*found.data, *found.pictures, CARD, _FACTS)
        files = send_files(found.folder, names, sent, asked, tell)
        try:
            asked(lambda: _make_version(text.handle, files, said))
        except ConfigError:
            sent.forget()
            raise
        sent.forget()
        _describe(text, place, tell)
    return Uploaded(f"{KAGGLE}/datasets/{text.handle}", "")


def _in_thread(call: Callable[[], _Result]) -> _Result:
    """Make a call in a thread of its own: at each call kagglehub looks through the whole stack, several times.

    In a notebook that would take longer than the call.
    """
    done: Future[_Result] = Future()

    def work() -> None:
        try:
            done.set_result(call())
        except BaseException as problem:  # noqa: BLE001 - raised where the result is asked for
            done.set_exception(problem)

    Thread(target=work, daemon=True).start()
    return done.result()


def _describe(text: KaggleText, place: Place, tell: Tell) -> None:
    """Tell Kaggle what the dataset is; the files are there, so a failure is told and no more."""
    try:
        _in_thread(lambda: _update(text))
    except Exception as problem:  # noqa: BLE001 - a library's errors are of any kind
        known = problem if isinstance(problem, DeepFabricError) else sentence(problem, place)
        tell(f"Note: the files have arrived, but Kaggle didn't take the description, licence and tags. {known}")


@contextmanager
def _library() -> Iterator[None]:
    """Import Kaggle's library, and keep it from printing its log and bars, which need a terminal."""
    try:
        blobs: Any = import_module("kagglehub.gcs_upload")
    except ImportError as problem:
        raise ConfigError(
            "Uploading to Kaggle needs kagglehub, which isn't installed; install it with: "
            'pip install "deepfabric-nb[hub]".'
        ) from problem
    log = logging.getLogger("kagglehub")
    level, bar = log.level, blobs.tqdm
    log.setLevel(logging.CRITICAL)
    blobs.tqdm = partial(bar, disable=True)
    try:
        yield
    finally:
        log.setLevel(level)
        blobs.tqdm = bar


def _make_version(handle: str, files: Any, notes: str) -> None:
    helpers, handles = import_module("kagglehub.datasets_helpers"), import_module("kagglehub.handle")
    helpers.create_dataset_or_version(handles.parse_dataset_handle(handle), files, notes)


def _is_private(handle: str) -> bool | None:
    """Return whether a dataset is private; None if there is none yet, or Kaggle doesn't say it."""
    clients, types = import_module("kagglehub.clients"), import_module("kagglesdk.datasets.types.dataset_api_service")
    request = types.ApiGetDatasetMetadataRequest()
    request.owner_slug, request.dataset_slug = handle.split("/")
    with clients.build_kaggle_client() as client:
        try:
            found = client.datasets.dataset_api_client.get_dataset_metadata(request)
        except Exception as problem:
            if getattr(getattr(problem, "response", None), "status_code", None) in (403, 404):
                return None  # Kaggle answers so for what isn't there
            raise
    return None if found.info is None else bool(found.info.is_private)


def _update(text: KaggleText) -> None:
    clients, types = import_module("kagglehub.clients"), import_module("kagglesdk.datasets.types.dataset_api_service")
    parts = import_module("kagglesdk.datasets.types.dataset_types")
    request, settings, licence = (
        types.ApiUpdateDatasetMetadataRequest(),
        parts.DatasetSettings(),
        parts.SettingsLicense(),
    )
    licence.name = text.license
    settings.title, settings.description, settings.is_private = text.title, text.description, text.private
    settings.keywords, settings.licenses = list(text.tags), [licence]
    request.owner_slug, request.dataset_slug = text.handle.split("/")
    request.settings = settings
    with clients.build_kaggle_client() as client:
        client.datasets.dataset_api_client.update_dataset_metadata(request)
