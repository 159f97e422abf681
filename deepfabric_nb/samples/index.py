"""`SampleIndex`: the rows of the view of samples, in columns, and the lines behind them, packed until they are read."""

from __future__ import annotations

import marshal
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deepfabric_core.samples.reading import JournalLine, calls_in, key_of, mapping_of, metadata_of
from deepfabric_core.samples.reviews import Verdict, sample_id, verdict_of_judge
from deepfabric_core.text.number_format import in_words
from deepfabric_nb.samples.protocol import Columns, Status, VerdictShown
from deepfabric_nb.samples.record_texts import TooDeepError, texts_of, title_of
from deepfabric_nb.samples.shown_text import ShownText

_LONGEST_NAME = 120
_DEEP = "It is nested too deep to be shown."
_UNNAMED = "unknown"
# The kind of a row that isn't a sample at all.
UNREADABLE = "unreadable line"

Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Entry:
    """A sample with its journal line, or a work item that failed or a sample that was rejected, with the log's line."""

    status: Status
    line: JournalLine


@dataclass(slots=True)
class Row:
    """What the list shows of an entry, and `text`, which is searched; `judged` is what the judge says, if it does.

    `said` is a person's reason to reject it, and `edited` the title and the text after an edit.
    """

    status: Status
    packed: bytes | JournalLine
    key: Key | None
    title: str
    text: str
    length: int
    topic: int
    model: int
    reason: int
    cycle: int
    attempts: int
    score: float | None
    judged: Verdict | None
    cost: float | None
    calls: int
    problems: int
    verdict: VerdictShown = ""
    said: int = -1
    edited: tuple[str, str] | None = None


class NumberedNames:
    """Names by number, each once; `has_grown` since they were last sent."""

    def __init__(self) -> None:
        self.names: list[Any] = []
        self.has_grown = False
        self._numbers: dict[Any, int] = {}

    def number(self, name: Any) -> int:
        """Return the number of a name, a new one if it isn't known."""
        number = self._numbers.setdefault(name, len(self.names))
        if number == len(self.names):
            self.names.append(name)
            self.has_grown = True
        return number


@dataclass(slots=True)
class SampleIndex:
    """The rows by their places, from 0, and the lists that their columns point into."""

    shown: ShownText
    rows: list[Row] = field(default_factory=list)
    topics: NumberedNames = field(default_factory=NumberedNames)
    models: NumberedNames = field(default_factory=NumberedNames)
    reasons: NumberedNames = field(default_factory=NumberedNames)
    _by_key: dict[Key, int] = field(default_factory=dict)
    _ids: dict[int, str] = field(default_factory=dict)
    _rejected: set[int] = field(default_factory=set)
    # Samples of which no work item is known, as those of a schema of the user's own in a dataset.
    _without_key: dict[tuple[str, int], list[int]] = field(default_factory=dict)
    # How many samples of a work item were rejected.
    _tries: Counter[Key | None] = field(default_factory=Counter)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    # ---- filling

    def place(self, entries: Iterable[Entry]) -> list[int]:
        """Take in entries, and return the rows that are new or were changed.

        A sample takes the place of an earlier one, or of a failure, of its work item; what is known is left out.
        """
        made = [self._row(entry) for entry in entries]
        for row, title in zip(made, self.shown.titles(row.title for row in made), strict=True):
            row.title = title
        return [place for row in made if (place := self._place(row)) is not None]

    def _place(self, row: Row) -> int | None:
        if row.status == "rejected":
            return self._place_rejected(row)
        if row.key is None:
            self._without_key.setdefault((row.title, row.length), []).append(len(self.rows))
            return self._append(row)
        place = self._by_key.get(row.key)
        if place is None:
            place = self._by_key[row.key] = self._place_of_equal(row)
        if place == len(self.rows):
            return self._append(row)
        if self._is_known(self.rows[place], row):
            return None
        self.rows[place] = row
        self._ids.pop(place, None)
        return place

    def _place_of_equal(self, row: Row) -> int:
        """Return the place of an equal sample of which no work item was known, or else that after the last row."""
        places = self._without_key.get((row.title, row.length), [])
        for place in places:
            if self._is_known(self.rows[place], row):
                places.remove(place)
                self.rows[place].key = row.key
                return place
        return len(self.rows)

    def _place_rejected(self, row: Row) -> int | None:
        mark = hash((row.key, row.text))
        if row.key is not None and mark in self._rejected:
            return None
        self._rejected.add(mark)
        self._tries[row.key] += row.key is not None
        return self._append(row)

    def _append(self, row: Row) -> int:
        self.rows.append(row)
        return len(self.rows) - 1

    @staticmethod
    def _is_known(old: Row, new: Row) -> bool:
        if old.packed == new.packed or (old.status == "done" and new.status == "failed"):
            return True
        return old.status == new.status == "done" and record_of(_unpack(old.packed)) == record_of(_unpack(new.packed))

    def _row(self, entry: Entry) -> Row:
        line, status = entry.line, entry.status
        record = record_of(line)
        try:
            texts, calls = texts_of(record), _calls(record)
        except TooDeepError:
            line = {**_without_sample(line), "kind": "nested too deep", "error": _DEEP}
            status, record, texts, calls = "failed", {}, [], 0
        said, usage = metadata_of(record), mapping_of(line.get("usage"))
        path = tuple(map(self._name, _path(line)))
        text = "\n".join(texts)
        error = str(line.get("error") or "") if status == "failed" else ""
        judge = mapping_of(said.get("judge"))
        verdict = verdict_of_judge(record)
        return Row(
            status,
            _pack(line),
            key_of(line),
            title_of(record, texts) or error,
            "\n".join((text, *path, error)).casefold(),
            len(text),
            self.topics.number(path),
            self.models.number(self._name(line.get("model") or "")),
            self._reason(status, line),
            _whole(line.get("cycle")),
            _whole(line.get("attempt")) or 1,
            None if verdict is None else finite_number(judge.get("score")),
            verdict,
            None if said.get("cost_known") is False else finite_number(usage.get("cost")),
            calls,
            len(findings_of(line)),
        )

    def _reason(self, status: Status, line: JournalLine) -> int:
        if status == "done":
            return -1
        name = line.get("check") if status == "rejected" else line.get("kind")
        return self.reasons.number(self._name(in_words(str(name or _UNNAMED))))

    def _name(self, name: object) -> str:
        text = name if isinstance(name, str) else str(name)
        return text if text.isascii() and text.isprintable() and len(text) < _LONGEST_NAME else self.shown.line(text)

    # ---- reading

    def counts(self) -> dict[str, int]:
        """Return how many samples there are ("sample"), how many were rejected and failed, and unreadable lines."""
        kinds = Counter(self._kind(row) for row in self.rows)
        return {kind: kinds[kind] for kind in ("sample", "rejected", "failed", UNREADABLE)}

    def _kind(self, row: Row) -> str:
        if row.status == "failed" and self.reasons.names[row.reason] == UNREADABLE:
            return UNREADABLE
        return "sample" if row.status == "done" else row.status

    def columns(self, places: Sequence[int] | range) -> Columns:
        """Return the columns of some rows."""
        rows = [self.rows[place] for place in places]
        return {
            "title": [row.edited[0] if row.edited else row.title for row in rows],
            "topic": [row.topic for row in rows],
            "status": [row.status for row in rows],
            "verdict": [row.verdict for row in rows],
            "reason": [row.reason if row.said < 0 else row.said for row in rows],
            "score": [row.score for row in rows],
            "length": [row.length for row in rows],
            "model": [row.model for row in rows],
            "cycle": [row.cycle for row in rows],
            "attempts": [row.attempts + (row.status == "done" and self._tries[row.key]) for row in rows],
            "cost": [row.cost for row in rows],
            "calls": [row.calls for row in rows],
            "problems": [row.problems for row in rows],
        }

    def lists(self, *, grown_only: bool) -> dict[str, list[Any]]:
        """Return the lists that columns point into; with `grown_only`, those that have grown since this was called."""
        lists = {"topics": self.topics, "models": self.models, "reasons": self.reasons}
        wanted = {name: one for name, one in lists.items() if one.has_grown or not grown_only}
        for one in wanted.values():
            one.has_grown = False
        return {
            name: list(map(list, one.names)) if name == "topics" else list(one.names) for name, one in wanted.items()
        }

    def line(self, place: int) -> JournalLine:
        """Return the line behind a row."""
        return _unpack(self.rows[place].packed)

    def record(self, place: int) -> dict[str, Any]:
        """Return the record of a row; empty if its sample failed."""
        return dict(record_of(self.line(place)))

    def path(self, place: int) -> tuple[str, ...]:
        """Return the topic path of a row."""
        path: tuple[str, ...] = self.topics.names[self.rows[place].topic]
        return path

    def id_of(self, place: int) -> str:
        """Return the id of the sample of a row."""
        if place not in self._ids:
            self._ids[place] = sample_id(self.record(place))
        return self._ids[place]

    def with_equal(self, places: Iterable[int]) -> list[int]:
        """Return rows and those of equal samples, in their order."""
        given = list(places)
        alike = {(self.rows[place].title, self.rows[place].length) for place in given}
        wanted = {self.id_of(place) for place in given}
        others = (place for place, row in enumerate(self.rows) if (row.title, row.length) in alike)
        return [place for place in others if self.rows[place].status == "done" and self.id_of(place) in wanted]

    def places_of(self, samples: Iterable[str], lengths: Collection[int] = ()) -> list[int]:
        """Return the rows of samples whose ids were asked for before, or whose texts have one of some lengths."""
        wanted = set(samples)
        if lengths:
            for place, row in enumerate(self.rows):
                if row.status == "done" and row.length in lengths:
                    self.id_of(place)
        return sorted(place for place, own in self._ids.items() if own in wanted)

    def place_of(self, sample: str) -> int | None:
        """Return the first row of a sample by its id, None if there is none."""
        return next((place for place in range(len(self.rows)) if self.id_of(place) == sample), None)

    def search(self, text: str) -> list[int]:
        """Return the rows whose texts or topics have a text, whatever the case."""
        wanted = text.casefold()
        return [place for place, row in enumerate(self.rows) if wanted in row.text or _is_in_edited(wanted, row)]

    def show_edited(self, place: int, record: JournalLine | None) -> None:
        """Show and search a sample as it was edited; None shows it as it was."""
        self.rows[place].edited = None
        if record is not None:
            texts = texts_of(record)
            title = self.shown.titles([title_of(record, texts)])[0]
            self.rows[place].edited = (title, "\n".join(texts).casefold())


def _is_in_edited(wanted: str, row: Row) -> bool:
    return row.edited is not None and wanted in row.edited[1]


def record_of(line: JournalLine) -> Mapping[str, Any]:
    """Return the record of a line; empty if it has none."""
    return mapping_of(line.get("sample"))


def findings_of(line: JournalLine) -> list[tuple[str, str, str]]:
    """Return what checks found against a sample: the check, the reason and the evidence of each."""
    found = []
    if line.get("check"):
        found.append((str(line["check"]), str(line.get("reason") or ""), str(line.get("evidence") or "")))
    kept = metadata_of(record_of(line)).get("findings")
    if isinstance(kept, list):
        found += [("kept all the same", str(one), "") for one in kept]
    return found


def _path(line: JournalLine) -> Sequence[Any]:
    path = line.get("path") or line.get("topic_path")
    return path if isinstance(path, list | tuple) else ()


def _calls(record: Mapping[str, Any]) -> int:
    try:
        return sum(1 for _ in calls_in(record))
    except (LookupError, TypeError, AttributeError):  # not a call in our format
        return 0


def _pack(line: JournalLine) -> bytes | JournalLine:
    """Return a line in as few bytes as its JSON, which are read in no time; as it is if it holds objects of others."""
    try:
        return marshal.dumps(dict(line))
    except ValueError:
        return line


def _unpack(packed: bytes | JournalLine) -> JournalLine:
    if not isinstance(packed, bytes):
        return packed
    line: JournalLine = marshal.loads(packed)  # noqa: S302 - made by `_pack` in this process
    return line


def _without_sample(line: JournalLine) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name != "sample"}


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def finite_number(value: object) -> float | None:
    """Return a finite number; None for anything else."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < float("inf") else None  # type: ignore[arg-type]
