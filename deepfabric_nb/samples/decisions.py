"""`Decisions`: what people say of the samples in a view, kept in the file of reviews as soon as it is said."""

from __future__ import annotations

import getpass
import os
import threading
import time
import uuid
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol
from weakref import WeakSet, WeakValueDictionary

from deepfabric_core.errors import ConfigError, DeepFabricError
from deepfabric_core.samples.reviews import Action, Decision, Review, Reviews
from deepfabric_core.store.files import size_of
from deepfabric_core.store.review_log import ReviewLog, read_reviews
from deepfabric_nb.samples.protocol import VerdictShown

_NO_FILE = (
    "These samples belong to no file, so there is no place to keep a decision: save them as a dataset, and open "
    "that by Samples(path)."
)
_TICK = 1e-5  # seconds
_NOTHING = "There is nothing to undo."

# All views of a dataset have the same decisions, so that none misses one.
_shared: WeakValueDictionary[Path, Decisions] = WeakValueDictionary()
_sharing = threading.Lock()


class DecisionView(Protocol):
    """A view of a dataset, which is told of the decisions that are made in others."""

    def hear(self, samples: Collection[str], lengths: Collection[int]) -> None:
        """Take in decisions on some samples, by their ids, and by how long their texts are, to find them faster."""

    def hear_all(self) -> None:
        """Take in all decisions anew."""


def decisions_on(path: Path | None) -> Decisions:
    """Return the decisions that a file keeps, the same for each view of its dataset; None if there can't be one."""
    if path is None:
        return Decisions(None)
    path = path.absolute()
    with _sharing:
        found = _shared.get(path)
        if found is None:
            found = _shared[path] = Decisions(path)
    with found.lock:
        found.read()
    return found


class Decisions:
    """The decisions on a dataset; `path` is their file, None if there can't be one.

    `views` are those of the dataset. All use it within `lock`, as messages of pages may come in several threads.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.why_not = "" if path else _NO_FILE
        self.lock = threading.RLock()
        self.views: WeakSet[DecisionView] = WeakSet()
        self._log: ReviewLog | None = None
        self._size = -1
        self._reviews = Reviews()

    def read(self, by: DecisionView | None = None) -> None:
        """Read the file if others have changed it, and tell all views but one."""
        if self.path is None or self._is_read():
            return
        self.why_not = ""
        try:
            self._log = ReviewLog(self.path)
            self._reviews = self._log.reviews
        except DeepFabricError as problem:
            self._log, self.why_not = None, str(problem)
            with suppress(ConfigError):
                self._reviews = read_reviews(self.path)
        if not self.why_not and not os.access(self.path if self.path.exists() else self.path.parent, os.W_OK):
            self.why_not = (
                f"{self.path} can't be written, so no decision can be kept: copy the dataset to another folder."
            )
        self._size = size_of(self.path)
        for view in self._others(by):
            view.hear_all()

    def _is_read(self) -> bool:
        size = size_of(self.path) if self.path else 0
        return size == self._size if self._log is None else self._log.in_place and self._log.size == size

    def tell(self, samples: Collection[str], lengths: Collection[int], by: DecisionView) -> None:
        """Tell the other views of decisions on some samples."""
        for view in self._others(by):
            view.hear(samples, lengths)

    def _others(self, by: DecisionView | None) -> list[DecisionView]:
        return [view for view in self.views if view is not by]

    @property
    def reviews(self) -> Reviews:
        """All decisions."""
        return self._reviews

    def of(self, sample: str) -> Review:
        """Return what holds of a sample."""
        return self._reviews.of(sample)

    def add(self, decisions: Sequence[Decision]) -> None:
        """Keep decisions that are made at once, so that one undo takes all of them back.

        Raises:
            DeepFabricError: they can't be kept; the message says why.
        """
        self.read()
        if self._log is None or self.why_not:
            raise ConfigError(self.why_not)
        at = self._next_time()
        self._log.add_all([replace(decision, at=at) for decision in decisions])

    def _next_time(self) -> float:
        """Return the time, later than that of every decision: what has one time was decided at once."""
        decisions = self._reviews.decisions
        last = decisions[-1].at if decisions else 0.0
        now = time.time()
        return now if now > last else last + _TICK

    def undo(self) -> list[Decision]:
        """Take back what was decided last, and return it.

        Raises:
            DeepFabricError: there is nothing to undo, or it can't be kept.
        """
        undone = self.undoable
        if not undone:
            raise ConfigError(_NOTHING)
        self.add([decision("undo", one.sample, undoes=one.id) for one in undone])
        return undone

    @property
    def undoable(self) -> list[Decision]:
        """What was decided last, and at once; empty if nothing was."""
        return self._reviews.made_last


def decision(action: Action, sample: str, **said: str) -> Decision:
    """Return a decision of this user, not kept yet."""
    return Decision(id=uuid.uuid4().hex, sample=sample, action=action, who=user_name(), at=0.0, **said)  # type: ignore[arg-type]


def user_name() -> str:
    """Return the name by which this user's decisions are known: that of JupyterHub, or else of the account."""
    if hub := os.environ.get("JUPYTERHUB_USER"):
        return hub
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # an account without a name, as in some containers
        return ""


def verdict_shown(review: Review) -> VerdictShown:
    """Return a verdict as the list shows it."""
    if review.verdict == "accepted" and review.edited is not None:
        return "edited"
    return review.verdict or ""
