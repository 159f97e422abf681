"""Upload a prepared dataset to the Hugging Face hub: first the data, file by file, then all of it as one commit.

So the repository changes at once or not at all. What has arrived before a connection broke is known by its hash.
"""

from __future__ import annotations

import logging
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepfabric_core import __version__
from deepfabric_core.errors import ConfigError, MissingKeyError
from deepfabric_core.hub.faults import TRIES, Place, Sleep, patiently
from deepfabric_core.hub.prepared import Prepared, folders_in
from deepfabric_core.hub.publication import CARD
from deepfabric_core.redaction import without_user
from deepfabric_core.wording import counted

if TYPE_CHECKING:
    from huggingface_hub import HfApi

Tell = Callable[[str], None]

HUB = "https://huggingface.co"
_KEYS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_REPOSITORY = re.compile(r"(?:\b[\w.-]{1,96}\b/)?\b[\w.-]{1,96}\b", re.ASCII)
_SHARD = re.compile(r"[\w-]+/\w+-\d{5}-of-\d{5}\.parquet")
_KIND = "dataset"
_NOT_FOUND = 404
_UNIT = 1_000_000
# The library tries several times itself to send a file.
_TRIES_OF_A_FILE = 2
# A server that says nothing for so many seconds isn't waited for.
_PATIENCE = 300.0


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What an upload came to: where the dataset is to be seen, and the commit."""

    url: str
    commit: str


def check_repository(repository: str) -> str:
    """Return the name of a repository.

    Raises:
        ConfigError: it can't be one.
    """
    name = repository.strip().removeprefix(f"{HUB}/datasets/")
    if not _REPOSITORY.fullmatch(name) or ".." in name or "--" in name:
        raise ConfigError(f"{repository!r} can't be a repository's name; it is written as in my-name/my-dataset.")
    return name


def token_in(environment: Mapping[str, str]) -> str | None:
    """Return the hub's token, or None if none is set."""
    return next((value for name in _KEYS if (value := environment.get(name, "").strip())), None)


def required_token(environment: Mapping[str, str]) -> str:
    """Return the hub's token.

    Raises:
        MissingKeyError: none is set.
    """
    if (token := token_in(environment)) is None:
        raise MissingKeyError(
            f"No token for Hugging Face: make one with the right to write at {HUB}/settings/tokens, and set HF_TOKEN "
            "in the environment to it."
        )
    return token


def upload(prepared: Prepared, repository: str, *, private: bool, tell: Tell, sleep: Sleep = time.sleep) -> Uploaded:
    """Upload a dataset, with its card, and return where it is.

    Args:
        prepared: the files; the card is written here, since what people added to an earlier one stays.
        repository: its name on the hub; it is made if it isn't there.
        private: whether only its owner may see it.
        tell: called with a sentence for each step.
        sleep: waits between two tries.

    Raises:
        ConfigError: huggingface_hub isn't installed, the token or the right is missing, or the repository is public.
        UploadError: the hub can't be reached, or doesn't take it now.
    """
    token = required_token(os.environ)
    address = (os.environ.get("HF_ENDPOINT", "").strip() or HUB).rstrip("/")
    with _library(address) as hub:
        work = _Upload(
            hub, hub.HfApi(endpoint=address, token=token), prepared, _place(address, repository), tell, sleep
        )
        return work.done(private=private)


def _place(address: str, repository: str) -> Place:
    advice = f"make one with the right to write at {HUB}/settings/tokens, and set HF_TOKEN to it"
    return Place("Hugging Face", without_user(address), repository, "token in HF_TOKEN", advice)


@contextmanager
def _library(address: str) -> Iterator[Any]:
    """Import the hub's library, and keep it from printing and from waiting for ever.

    Its own storage (Xet) is used on the hub alone; other servers that speak its protocol rarely have it.
    """
    try:
        hub, constants, utils = _modules("huggingface_hub", "huggingface_hub.constants", "huggingface_hub.utils")
    except ImportError as problem:
        raise ConfigError(
            "Uploading to Hugging Face needs huggingface_hub, which isn't installed; install it with: "
            'pip install "deepfabric-nb[hub]".'
        ) from problem
    session, log = utils.get_session(), utils.logging
    before = session.timeout, log.get_verbosity(), utils.are_progress_bars_disabled(), constants.HF_HUB_DISABLE_XET
    session.timeout = _PATIENCE
    log.set_verbosity(logging.CRITICAL)
    utils.disable_progress_bars()
    constants.HF_HUB_DISABLE_XET = constants.HF_HUB_DISABLE_XET or address != HUB
    try:
        yield hub
    finally:
        session.timeout, level, bars_were_off, constants.HF_HUB_DISABLE_XET = before
        log.set_verbosity(level)
        if not bars_were_off:
            utils.enable_progress_bars()


def _modules(*names: str) -> Iterator[Any]:
    return map(import_module, names)


class _Upload:
    """An upload, step by step."""

    def __init__(self, hub: Any, api: HfApi, prepared: Prepared, place: Place, tell: Tell, sleep: Sleep) -> None:
        self._hub, self._api, self._prepared, self._place = hub, api, prepared, place
        self._tell, self._repository = tell, place.repository
        self._earlier: list[str] = []
        self._sleep = sleep

    def _asked(self, call: Callable[[], Any], *, tries: int = TRIES) -> Any:
        return patiently(call, self._place, self._tell, tries=tries, sleep=self._sleep)

    def done(self, *, private: bool) -> Uploaded:
        """Carry it out."""
        self._make_repository(private=private)
        earlier = self._earlier
        card = self._asked(self._card_there) if CARD in earlier else ""
        self._prepared.write_card(card)
        self._send_data()
        folders = {*folders_in(card), *(name.partition("/")[0] for name in self._prepared.data)}
        stale = [name for name in earlier if _SHARD.fullmatch(name) and name.partition("/")[0] in folders]
        commit = self._asked(lambda: self._commit(stale))
        url = f"{self._api.endpoint}/datasets/{self._repository}"
        return Uploaded(without_user(url), commit.oid)

    def _make_repository(self, *, private: bool) -> None:
        found = self._asked(
            lambda: self._api.create_repo(self._repository, repo_type=_KIND, private=private, exist_ok=True)
        )
        self._repository = found.repo_id or self._repository
        there = self._asked(self._known)
        if there is None:
            return
        self._earlier = [file.rfilename for file in there.siblings or ()]
        if private and there.private is False:
            raise ConfigError(
                f"{self._repository} is there already, and everybody can see it: upload by --public (in a config: "
                "private: false) if that is meant, or make it private on the hub first."
            )
        if not private and there.private:
            self._asked(lambda: self._api.update_repo_settings(self._repository, repo_type=_KIND, private=False))

    def _known(self) -> Any:
        """Return what the hub says of the repository; None if it has only just heard of it."""
        try:
            return self._api.repo_info(self._repository, repo_type=_KIND)
        except self._hub.errors.RepositoryNotFoundError as problem:
            if problem.response.status_code == _NOT_FOUND:
                return None
            raise

    def _card_there(self) -> str:
        with tempfile.TemporaryDirectory() as folder:
            path = self._api.hf_hub_download(self._repository, CARD, repo_type=_KIND, local_dir=folder)
            return Path(path).read_text("utf-8", "replace")

    def _send_data(self) -> None:
        names, sent = self._prepared.data, 0
        total = sum(map(self._prepared.bytes_of, names))
        for number, name in enumerate(names, 1):
            self._asked(partial(self._send, name), tries=_TRIES_OF_A_FILE)
            sent += self._prepared.bytes_of(name)
            self._tell(
                f"{name} has arrived: file {number} of {len(names)}, {sent / _UNIT:.1f} of {total / _UNIT:.1f} MB"
            )

    def _send(self, name: str) -> None:
        self._api.preupload_lfs_files(self._repository, [self._addition(name)], repo_type=_KIND)

    def _addition(self, name: str) -> Any:
        return self._hub.CommitOperationAdd(name, self._prepared.folder / name)

    def _commit(self, earlier: list[str]) -> Any:
        """Commit all files, and take away the data of an earlier upload that isn't in this one."""
        names = (*self._prepared.data, *self._prepared.pictures, CARD)
        stale = (name for name in earlier if name not in names)
        operations = [*map(self._addition, names), *map(self._hub.CommitOperationDelete, stale)]
        samples = counted(self._prepared.facts.report["samples"], "sample")
        return self._api.create_commit(
            self._repository,
            operations,
            repo_type=_KIND,
            commit_message=f"Upload {samples}",
            commit_description=f"Made by DeepFabric for notebooks {__version__}.",
        )
