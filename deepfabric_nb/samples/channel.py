"""`SampleChannel`: what answers the page of a view of samples, through any widget, and keeps what people decide."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from deepfabric_core.errors import ConfigError, DeepFabricError
from deepfabric_core.redaction import Redactor
from deepfabric_core.run.results import gc_paused
from deepfabric_core.samples.reading import messages_of
from deepfabric_core.samples.records import Record
from deepfabric_core.samples.reviews import Action, Decision, Review, Reviews, Verdict
from deepfabric_core.store.review_log import reviews_path
from deepfabric_core.wording import counted
from deepfabric_nb.runs.linked_views import Links
from deepfabric_nb.samples.alike import LikeSamples
from deepfabric_nb.samples.card import card_of
from deepfabric_nb.samples.decisions import decision, decisions_on, verdict_shown
from deepfabric_nb.samples.edits import Place, edited
from deepfabric_nb.samples.index import Entry, SampleIndex
from deepfabric_nb.samples.made_again import MadeAgain
from deepfabric_nb.samples.output_schema import schema_of
from deepfabric_nb.samples.page_messages import PageMessages
from deepfabric_nb.samples.protocol import Card, Index, ReviewProgress
from deepfabric_nb.samples.shown_text import ShownText
from deepfabric_nb.samples.sources import SampleSource

_SHORT = 40
_REASON = 120
_MOST_CARDS = 50
_DONE_WORDS = {"accept": "Accept", "reject": "Reject", "edit": "Edit", "comment": "Comment on"}
_ELSEWHERE = "That can't be done here."
_NOT_A_SAMPLE = {
    "failed": "This sample failed, so there is nothing to review: %deepfabric resume tries it again.",
    "rejected": "This sample was rejected while the dataset was made and isn't in it, so there is nothing to review.",
}
_NO_RUN = (
    "These samples belong to no run of a notebook on this machine, so they can't be made again from here: use "
    "`deepfabric generate CONFIG --resume`, if they were made by it."
)

Message = Mapping[str, Any]


class SampleChannel:
    """Answers the messages of `protocol` for the samples of a source.

    `widget` is what messages go through; its traits `selected` and `decisions` are kept up to date if it has them.
    `make_again` begins to make rejected samples again, and returns the source of what comes; it may raise a
    `DeepFabricError`. `when_decided` is called after decisions, here or in another view. Graphs of the same topics are
    `links`. Call `refresh` a few times a second while the source grows, in one thread; messages may come in another.
    """

    def __init__(
        self,
        widget: Any,
        source: SampleSource,
        *,
        redact: Redactor | None = None,
        make_again: Callable[[], SampleSource] | None = None,
    ) -> None:
        self._make_again = make_again
        self._more: SampleSource | None = source
        self.source = source
        self.index = SampleIndex(ShownText(redact or Redactor()))
        self._alike = LikeSamples(self.index)
        self._decisions = decisions_on(reviews_path(source.dataset) if source.dataset else None)
        self._lock = self._decisions.lock
        self._decided: dict[int, Verdict | None] = {}
        self._made_again = MadeAgain()
        self._page = PageMessages(widget, self.index, progress=self.progress, card=self.card)
        self.selected = ""
        self.when_decided: Callable[[], object] | None = None
        with gc_paused():
            self.index.place(source.entries())
        self._show_verdicts()
        if not source.is_growing:
            self._more = None
        with self._lock:
            self._decisions.views.add(self)
        self.links = Links(source.dataset)
        self.links.own.samples.add(self)
        widget.on_msg(self.receive)

    # ---- what is known

    @property
    def reviews(self) -> Reviews:
        """All decisions on the dataset."""
        return self._decisions.reviews

    @property
    def title(self) -> str:
        """What the samples are of."""
        return self.index.shown.line(self.source.title, 200)

    @property
    def is_growing(self) -> bool:
        """Whether samples may still come."""
        return self._more is not None

    def accepted(self) -> Iterator[Record]:
        """Yield the records of the dataset that nobody rejected, as they were edited, in the order of the rows."""
        with self._lock:
            for place, row in enumerate(self.index.rows):
                if row.status == "done" and row.verdict != "rejected":
                    yield self._review(place).applied_to(self.index.record(place))

    def topics_by_sample(self) -> dict[str, str]:
        """Return the topics of all samples that have one, by the samples' ids."""
        with self._lock:
            paths = (
                (place, self.index.path(place)) for place, row in enumerate(self.index.rows) if row.status != "failed"
            )
            return {self.index.id_of(place): path[-1] for place, path in paths if path}

    def card(self, place: int) -> Card:
        """Return the card of a row."""
        with self._lock:
            index = self.index
            return card_of(place, index.line(place), index.path(place), self._review(place), index.shown)

    def _review(self, place: int) -> Review:
        has_none = self.index.rows[place].status != "done" or not self.reviews.decisions
        return Review() if has_none else self._decisions.of(self.index.id_of(place))

    # ---- samples that come later

    def refresh(self) -> None:
        """Take in what is new, and send it to the page."""
        with self._lock:
            source = self._more
            if source is None:
                return
            growing = source.is_growing
            self._take_in(source.new_entries())
            if not growing:
                self._more = None
                self._made_again.end()
                self._page.send(self._made_again.message)
                self._page.changed()

    def _take_in(self, entries: Iterable[Entry]) -> None:
        before = len(self.index)
        placed = self.index.place(entries)
        if not placed:
            return
        self._show_verdicts(placed)
        changed = sorted({place for place in placed if place < before})
        if len(self.index) > before:
            self._page.rows(before)
        if changed:
            self._page.changed(changed)
        if self._made_again.note(changed):
            self._page.send(self._made_again.message)

    # ---- messages from the page

    def receive(self, _: Any, message: Any, __: Any = None) -> None:
        """Answer a message; one that isn't understood is left out."""
        if not isinstance(message, Mapping):
            return
        with self._lock:
            try:
                self._answer(message)
            except DeepFabricError as problem:
                self._page.send({"type": "refused", "message": self.index.shown.text(str(problem))})

    def _answer(self, message: Message) -> None:
        match message:
            case {"type": "open"}:
                self.open()
            case {"type": "read", "rows": list(rows)}:
                self._page.cards(self._known(rows)[:_MOST_CARDS])
            case {"type": "search", "text": str(text)}:
                self._page.send({"type": "found", "ask": message.get("ask"), "rows": self.index.search(text)})
            case {"type": "decide", "row": int(row), "action": str(action)}:
                self._decide(row, action, message)
            case {"type": "decide_all", "rows": list(rows), "action": "accept" | "reject" as action}:
                self._decide_all(rows, action, _text(message, "reason"))
            case {"type": "undo"}:
                self._undo()
            case {"type": "alike", "row": int(row)} if self._known([row]):
                self._page.send({"type": "alike", "row": row, "groups": self._alike.groups(row)})
            case {"type": "make_again"}:
                self._begin_again()
            case {"type": "select", "row": int(row)}:
                self._select(row)

    def _select(self, row: int) -> None:
        known = self._known([row])
        self.selected = self.index.id_of(row) if known else ""
        self._page.set_trait("selected", self.selected)
        if known and (key := self.index.rows[row].key):
            for graph in self.links.topics:
                graph.show(key[0])

    def show_within(self, path: Sequence[str]) -> None:
        """Show only the samples of a topic and of those below it, by its path; those of all topics for an empty one."""
        self._page.send({"type": "within", "path": [self.index.shown.line(name) for name in path]})

    def open(self) -> None:
        """Send everything, with what others decided meanwhile, and which sample was looked at."""
        self._decisions.read(by=self)
        self._show_verdicts()
        self._page.send({"type": "index", "index": self.now()})
        self._page.send(self._made_again.message)
        if (looked_at := self._page.trait("selected")) and (rows := self.index.places_of([looked_at])):
            self._page.send({"type": "selected", "row": rows[0]})

    def select(self, sample: str) -> None:
        """Show a sample on the page, by its id; nothing happens if it isn't there."""
        with self._lock:
            self.selected = sample
            if (place := self.index.place_of(sample)) is not None:
                self._page.send({"type": "selected", "row": place})

    def now(self) -> Index:
        """Return all rows as the page gets them."""
        lists = self.index.lists(grown_only=False)
        return {
            "title": self.title,
            "topics": lists["topics"],
            "models": lists["models"],
            "reasons": lists["reasons"],
            "rows": self.index.columns(range(len(self.index))),
            "review": self.progress(),
            "can_review": not self._decisions.why_not,
        }

    def _known(self, rows: Sequence[Any]) -> list[int]:
        return [row for row in rows if type(row) is int and 0 <= row < len(self.index)]

    # ---- decisions

    def _decide(self, row: int, action: str, message: Message) -> None:
        said = {name: _text(message, name) for name in ("reason", "instruction", "comment")}
        match action:
            case "edit":
                self._keep([self._edit(row, message.get("texts"), said["comment"])])
            case "accept" | "reject" | "comment":
                self._keep([self._decision(row, action, **said)])
            case _:
                raise ConfigError(_ELSEWHERE)
        self._tell_decided([row])

    def _edit(self, row: int, texts: Any, comment: str) -> Decision:
        places = list(_texts_at_places(texts))
        made = self._decision(row, "edit", comment=comment)
        before = self._review(row).applied_to(self.index.record(row))
        schema = schema_of(self.source) if messages_of(before) is None else None
        return replace(made, before=before, after=edited(before, places, schema))

    def _decision(self, row: int, action: Action, **said: str) -> Decision:
        if not self._known([row]):
            raise ConfigError(_ELSEWHERE)
        if refusal := _NOT_A_SAMPLE.get(self.index.rows[row].status):
            raise ConfigError(refusal)
        made = decision(action, self.index.id_of(row), **said)
        topic_id, cycle = self.index.rows[row].key or (None, None)
        return replace(made, topic_id=topic_id, cycle=cycle)

    def _decide_all(self, rows: Sequence[Any], action: Action, reason: str) -> None:
        known = [row for row in self._known(rows) if self.index.rows[row].status == "done"]
        if not known:
            raise ConfigError(_ELSEWHERE)
        one_of_equal = {self.index.id_of(row): row for row in known}
        self._keep([self._decision(row, action, reason=reason) for row in one_of_equal.values()])
        self._tell_decided(known)

    def _keep(self, decisions: list[Decision]) -> None:
        self._decisions.add(decisions)
        self._tell_samples([one.sample for one in decisions])

    def _undo(self) -> None:
        undone = self._decisions.undo()
        samples = [one.sample for one in undone]
        self._tell_samples(samples)
        rows = self.index.places_of(samples)
        self._tell_decided(rows, samples)
        if rows:
            self._page.send({"type": "selected", "row": rows[0]})

    def _tell_decided(self, rows: Sequence[int], samples: Iterable[str] = ()) -> None:
        """Send the rows of samples that were decided on, those of equal samples too, and the card of a single one.

        The other views of the dataset are told as well; `samples` may have no row.
        """
        same = self.index.with_equal(rows)
        for place in same:
            self._show_verdict(place)
        self._page.changed(same)
        if len(rows) == 1:
            self._page.cards(rows)
        self._note_decided()
        lengths = {self.index.rows[place].length for place in same}
        self._decisions.tell({*samples, *map(self.index.id_of, same)}, lengths, by=self)

    def hear(self, samples: Collection[str], lengths: Collection[int]) -> None:
        """Take in decisions that were made in another view of the dataset."""
        places = self.index.places_of(samples, lengths)
        for place in places:
            self._show_verdict(place)
        self._tell_samples(samples)
        self._page.changed(places)
        self._note_decided()

    def _note_decided(self) -> None:
        if self.when_decided is not None:
            self.when_decided()

    def hear_all(self) -> None:
        """Take in all decisions, as others have changed their file."""
        before = [(row.verdict, row.said, row.edited) for row in self.index.rows]
        self._show_verdicts()
        after = [(row.verdict, row.said, row.edited) for row in self.index.rows]
        self._page.changed([place for place, now in enumerate(after) if now != before[place]])
        self._note_decided()

    def _tell_samples(self, samples: Iterable[str]) -> None:
        """Set the trait with all verdicts."""
        verdicts = dict(self._page.trait("decisions") or {})
        for sample in samples:
            verdicts[sample] = verdict_shown(self._decisions.of(sample))
        self._page.set_trait("decisions", {sample: verdict for sample, verdict in verdicts.items() if verdict})

    def _show_verdicts(self, places: Iterable[int] | None = None) -> None:
        """Put into the rows what was decided on them."""
        if self.reviews.decisions or self._decided:
            for place in range(len(self.index)) if places is None else places:
                self._show_verdict(place)
        if places is None:
            shown = ((sample, verdict_shown(self._decisions.of(sample))) for sample in self.reviews.samples())
            self._page.set_trait("decisions", {sample: verdict for sample, verdict in shown if verdict})

    def _show_verdict(self, place: int) -> None:
        row, review = self.index.rows[place], self._review(place)
        row.verdict = verdict_shown(review)
        self.index.show_edited(place, review.edited)
        reason = review.reason if review.is_rejected else ""
        row.said = self.index.reasons.number(self.index.shown.line(reason, _REASON)) if reason else -1
        if row.verdict:
            self._decided[place] = review.verdict_as_made
        else:
            self._decided.pop(place, None)

    def progress(self) -> ReviewProgress:
        """Return how far the review is."""
        rows = self.index.rows
        verdicts = [rows[place].verdict for place in self._decided]
        compared = [(said, rows[place].judged) for place, said in self._decided.items() if said and rows[place].judged]
        rejected = verdicts.count("rejected")
        file = self._decisions.path
        return {
            "accepted": verdicts.count("accepted"),
            "rejected": rejected,
            "edited": verdicts.count("edited"),
            "total": sum(row.status == "done" for row in self.index.rows),
            "agrees": sum(said == judged for said, judged in compared),
            "compared": len(compared),
            "to_make_again": rejected,
            "can_undo": self._undoable(),
            "can_make_again": self._make_again is not None and self._more is None,
            "why_not_again": "" if self._make_again else _NO_RUN,
            "file": "" if file is None else self.index.shown.line(str(file)),
        }

    def _undoable(self) -> str:
        """Return in a few words what an undo takes back; empty if there is nothing."""
        last = self._decisions.undoable if self._decisions.why_not == "" else []
        if not last:
            return ""
        what = _DONE_WORDS.get(last[0].action, "Decision on")
        if len(last) > 1:
            return f"{what} {counted(len(last), 'sample')}"
        places = self.index.places_of([last[0].sample])
        title = self.index.rows[places[0]].title if places else "a sample that isn't here any more"
        return f"{what} “{title[:_SHORT]}{'…' if len(title) > _SHORT else ''}”"

    # ---- making again

    def _begin_again(self) -> None:
        if self._make_again is None:
            raise ConfigError(_NO_RUN)
        if self._more is not None:
            raise ConfigError("The run is at work: rejected samples can be made again when it is over.")
        rejected = {place for place, row in enumerate(self.index.rows) if row.verdict == "rejected"}
        if not rejected:
            raise ConfigError("No sample is rejected: reject those that are to be made again.")
        source = self._make_again()
        self._made_again.begin(rejected)
        self._page.send(self._made_again.message)
        self.follow(source)

    def follow(self, source: SampleSource) -> None:
        """Take in what another source has from now on, such as a run that goes on with these samples."""
        with self._lock:
            self._more = source
            with gc_paused():
                self._take_in(source.entries())
            self._page.changed()


def _text(message: Message, name: str) -> str:
    value = message.get(name)
    return value if isinstance(value, str) else ""


def _texts_at_places(texts: Any) -> Iterator[tuple[Place, str]]:
    """Yield the texts of an edit with their places.

    Raises:
        ConfigError: there are none, or they can't be understood.
    """
    if not isinstance(texts, list) or not texts:
        raise ConfigError("Nothing was changed.")
    for one in texts:
        match one:
            case {"at": [_, *_] as at, "text": str(text)} if all(type(step) in (str, int) for step in at):
                yield at, text
            case _:
                raise ConfigError(_ELSEWHERE)
