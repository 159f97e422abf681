"""`LikeSamples`: which samples are like one, so that they can be rejected with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypedDict

from deepfabric_core.quality.duplicates import DuplicateRules
from deepfabric_core.quality.foreign_records import foreign_candidate
from deepfabric_core.quality.sample_print import SamplePrint, print_of
from deepfabric_core.wording import counted
from deepfabric_nb.samples.index import SampleIndex

if TYPE_CHECKING:
    from deepfabric_core.quality.print_index import PrintIndex

_BRANCH_NAME = 60
# Which samples are compared by their prints: those that share so many of so many pieces of a text, in characters.
_PIECES, _PIECE, _SHARE = 24, 20, 0.25


class Group(TypedDict):
    """Rows that may be rejected together, and what they have in common."""

    label: str
    rows: list[int]


class LikeSamples:
    """Finds samples that are like one. Prints are made of those that may be near-duplicates alone, as it takes time."""

    def __init__(self, index: SampleIndex) -> None:
        self._index = index
        self._prints: dict[tuple[int, int], SamplePrint | None] = {}

    def groups(self, place: int) -> list[Group]:
        """Return the groups of rows that are like a row, which is in each of them; empty groups are left out."""
        found = [
            ("near-duplicate", self._duplicates(place)),
            ("with the same question", self._of_same_title(place)),
            *self._branches(place),
            *self._with_same_reason(place),
            ("with problems that checks found", self._with_problems(place)),
        ]
        return [{"label": _label(what, len(rows)), "rows": rows} for what, rows in found if len(rows) > 1]

    def _undecided(self, place: int) -> Iterator[int]:
        """Yield the row and the other samples of the dataset that nobody has judged."""
        for other, row in enumerate(self._index.rows):
            if other == place or (row.status == "done" and not row.verdict):
                yield other

    def _duplicates(self, place: int) -> list[int]:
        rules = DuplicateRules()
        own = self._print(place)
        if own is None:
            return []
        prints, known = self._print_index(self._with_common_pieces(place), rules)
        return sorted({place, *(known[row] for row, like in prints.alike(own) if like.shared >= rules.threshold)})

    def _with_common_pieces(self, place: int) -> list[int]:
        """Return the row and those that have some pieces of its text as they are, as near-duplicates do."""
        rows = self._index.rows
        text = rows[place].text[: rows[place].length]
        pieces = {text[at : at + _PIECE] for at in range(0, len(text), max(1, len(text) // _PIECES))}
        enough = max(1, int(len(pieces) * _SHARE))
        likely = (row for row in self._undecided(place) if row != place)
        return [place, *(row for row in likely if sum(piece in rows[row].text for piece in pieces) >= enough)]

    def _print_index(self, rows: list[int], rules: DuplicateRules) -> tuple[PrintIndex, list[int]]:
        from deepfabric_core.quality.print_index import PrintIndex

        made = [(row, found) for row in rows if (found := self._print(row)) is not None]
        index = PrintIndex(rules.threshold, 0.0, len(made))
        index.add_all([found for _, found in made])
        return index, [row for row, _ in made]

    def _print(self, place: int) -> SamplePrint | None:
        mark = place, hash(self._index.rows[place].text)
        if mark not in self._prints:
            self._prints[mark] = print_of(foreign_candidate(self._index.record(place)))
        return self._prints[mark]

    def _of_same_title(self, place: int) -> list[int]:
        title = self._index.rows[place].title
        return [other for other in self._undecided(place) if title and self._index.rows[other].title == title]

    def _branches(self, place: int) -> Iterator[tuple[str, list[int]]]:
        """Yield the rows of the same topic and of the same main branch."""
        path = self._index.path(place)
        lengths = {len(path), 2} if len(path) > 1 else set()
        for length in sorted(lengths, reverse=True):
            branch = path[:length]
            rows = [other for other in self._undecided(place) if self._index.path(other)[:length] == branch]
            yield f"in “{branch[-1][:_BRANCH_NAME]}”", rows

    def _with_same_reason(self, place: int) -> Iterator[tuple[str, list[int]]]:
        """Yield the rows for which the same criterion of the judge was rated lowest, if it says so of this one."""
        own = self._index.rows[place]
        if own.judged == "rejected":
            rows = [other for other in self._undecided(place) if self._index.rows[other].judged == "rejected"]
            yield "that the judge is against", rows

    def _with_problems(self, place: int) -> list[int]:
        rows = self._index.rows
        return [other for other in self._undecided(place) if rows[other].problems] if rows[place].problems else []


def _label(what: str, rows: int) -> str:
    return counted(rows, what) if what == "near-duplicate" else f"{counted(rows, 'sample')} {what}"
