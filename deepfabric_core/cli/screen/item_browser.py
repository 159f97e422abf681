"""Looking through what a run has made: the latest samples, failures and topics, and where in them one is."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from deepfabric_core.events import Event, ExpansionFailed, SampleFailed, SampleFinished, TopicExpanded
from deepfabric_core.wording import counted

ItemKind = Literal["samples", "failures", "topics"]
Text = tuple[str, str]

# Of each kind; what is older is in the files.
_KEPT = 300
_A_KEY = {"j": "down", "k": "up", "g": "home", "G": "end", " ": "pagedown", "b": "pageup", "f": "tab", "F": "tab"}
_BACK = ("left", "escape", "backspace")


@dataclass(frozen=True, slots=True)
class Entry:
    """One of them; `number` counts from the first of the run, `texts` have a label each, or ""."""

    number: int
    event: SampleFinished | SampleFailed | ExpansionFailed | TopicExpanded

    @property
    def note(self) -> str:
        """What there is to say beside its path."""
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
        """What it says."""
        match self.event:
            case SampleFinished(question=question, answer=answer):
                return ("Q: ", question), ("A: ", answer)
            case SampleFailed(kind=kind, message=message) | ExpansionFailed(kind=kind, message=message):
                return (("", f"{kind.value}: {message}"),)
            case TopicExpanded(children=children):
                return (("", ", ".join(children)),)


@dataclass
class ItemBrowser:
    """It follows the latest ones until somebody looks through them; then they hold still.

    `index` counts from the newest, `top` is the first one shown, `page` how many are; `scroll` is a line of the whole
    text, where that is open.
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
        """Keep what can be looked at."""
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
        """Which kind is shown: what was asked for, or else topics until there is a sample."""
        return self.kind or ("topics" if self.counts["topics"] and not self.counts["samples"] else "samples")

    def entries(self) -> tuple[Entry, ...]:
        """What is shown, the newest first."""
        held = self.held
        return tuple(reversed(self._kept[self.shown].copy())) if held is None else held

    def back(self) -> bool:
        """Close what covers the list; whether anything did."""
        covered, self.help, self.opened = self.help or self.opened, False, False
        return covered

    def press(self, key: str) -> None:
        """Do what a key says."""
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
        """Show the latest again."""
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
            steps = 0  # the first press only holds them still
        self._hold()
        self.index = max(0, min(self.index + steps, len(self.held or ()) - 1))

    def _scroll(self, key: str) -> None:
        if key in (*_BACK, "enter"):
            self.opened = False
            return
        steps = {"up": -1, "down": 1, "pageup": -self.page, "pagedown": self.page, "home": -self.scroll, "end": 10**9}
        self.scroll = max(0, self.scroll + steps.get(key, 0))
