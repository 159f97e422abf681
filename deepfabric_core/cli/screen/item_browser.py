"""`ItemBrowser`: browse the latest samples, failures and topics of a run with keys."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from deepfabric_core.events import Event, ExpansionFailed, SampleFailed, SampleFinished, TopicExpanded
from deepfabric_core.wording import counted

ItemKind = Literal["samples", "failures", "topics"]
Text = tuple[str, str]

# Items kept of each kind; older ones are in the files.
_KEPT = 300
_A_KEY = {"j": "down", "k": "up", "g": "home", "G": "end", " ": "pagedown", "b": "pageup", "f": "tab", "F": "tab"}
_BACK = ("left", "escape", "backspace")


@dataclass(frozen=True, slots=True)
class Entry:
    """One item; `number` counts from the run's first one. Each of its `texts` has a label, which may be empty."""

    number: int
    event: SampleFinished | SampleFailed | ExpansionFailed | TopicExpanded

    @property
    def note(self) -> str:
        """A note beside the path."""
        match self.event:
            case SampleFinished(attempts=attempts):
                return counted(attempts, "attempt") if attempts > 1 else ""
            case ExpansionFailed(lost=lost):
                return f"{counted(lost, 'topic')} missing"
            case TopicExpanded(missing=missing):
                return f"{counted(missing, 'subtopic')} missing" if missing else ""
            case SampleFailed():
                return ""

    @property
    def texts(self) -> tuple[Text, ...]:
        """The texts, each with its label."""
        match self.event:
            case SampleFinished(question=question, answer=answer):
                return ("Q: ", question), ("A: ", answer)
            case SampleFailed(kind=kind, message=message) | ExpansionFailed(kind=kind, message=message):
                return (("", f"{kind.value}: {message}"),)
            case TopicExpanded(children=children):
                return (("", ", ".join(children)),)


@dataclass
class ItemBrowser:
    """Follows the latest items until the user browses; then the list stays the same.

    `index` counts from the newest item, `top` is the first one shown, `page` is how many are shown; `scroll` is the
    first line shown of an item that is opened.
    """

    kind: ItemKind | None = None
    held: tuple[Entry, ...] | None = None
    index: int = 0
    top: int = 0
    page: int = 1
    opened: bool = False
    scroll: int = 0
    help: bool = False
    counts: dict[ItemKind, int] = field(default_factory=lambda: {"samples": 0, "failures": 0, "topics": 0})

    def __post_init__(self) -> None:
        self._kept: dict[ItemKind, deque[Entry]] = {kind: deque(maxlen=_KEPT) for kind in self.counts}

    def take(self, event: Event) -> None:
        """Keep the event if it can be browsed."""
        match event:
            case SampleFinished():
                self._keep("samples", event)
            case SampleFailed() | ExpansionFailed():
                self._keep("failures", event)
            case TopicExpanded():
                self._keep("topics", event)

    def _keep(self, kind: ItemKind, event: SampleFinished | SampleFailed | ExpansionFailed | TopicExpanded) -> None:
        self.counts[kind] += 1
        self._kept[kind].append(Entry(self.counts[kind], event))

    @property
    def shown(self) -> ItemKind:
        """The kind that is shown: the chosen one, or else topics until there is a sample."""
        return self.kind or ("topics" if self.counts["topics"] and not self.counts["samples"] else "samples")

    def entries(self) -> tuple[Entry, ...]:
        """Return the items that are shown, the newest first."""
        held = self.held
        return tuple(reversed(self._kept[self.shown].copy())) if held is None else held

    def back(self) -> bool:
        """Close the help or the opened item; return whether there was any."""
        covered, self.help, self.opened = self.help or self.opened, False, False
        return covered

    def press(self, key: str) -> None:
        """Handle a key."""
        key = _A_KEY.get(key, key)
        if key == "?":
            self.help = not self.help
        elif self.help:
            self.help = key not in (*_BACK, "enter")
        elif key == "tab":
            self._switch()
        elif self.opened:
            self._scroll(key)
        elif key in ("enter", "right"):
            self._hold()
            self.opened, self.scroll = bool(self.held), 0
        else:
            self._move(key)

    def _switch(self) -> None:
        self.kind = "samples" if self.shown == "failures" else "failures"
        self.follow()

    def follow(self) -> None:
        """Follow the latest items again."""
        self.held, self.index, self.top, self.opened, self.help = None, 0, 0, False, False

    def _hold(self) -> None:
        if self.held is None:
            self.held = self.entries()

    def _move(self, key: str) -> None:
        if key == "home" or key in _BACK or (key in ("up", "pageup") and self.index == 0):
            self.follow()
            return
        steps = {"up": -1, "down": 1, "pageup": -self.page, "pagedown": self.page, "end": _KEPT}.get(key)
        if steps is None:
            return
        if key == "down" and self.held is None:
            steps = 0  # the first press only stops following
        self._hold()
        self.index = max(0, min(self.index + steps, len(self.held or ()) - 1))

    def _scroll(self, key: str) -> None:
        if key in (*_BACK, "enter"):
            self.opened = False
            return
        steps = {"up": -1, "down": 1, "pageup": -self.page, "pagedown": self.page, "home": -self.scroll, "end": 10**9}
        self.scroll = max(0, self.scroll + steps.get(key, 0))
