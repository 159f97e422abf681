"""`LikeSamples`: which samples are like one, so that they can be rejected with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypedDict

from deepfabric_core.quality.candidate import candidate_of
from deepfabric_core.quality.duplicates import DuplicateRules
from deepfabric_core.quality.sample_print import SamplePrint, print_of
from deepfabric_core.wording import counted
from deepfabric_nb.samples.index import SampleIndex

if TYPE_CHECKING:
    from deepfabric_core.quality.print_index import PrintIndex

_BRANCH_NAME = 60


class Group(TypedDict):
    """Rows that may be rejected together, and what they have in common."""

    label: str
    rows: list[int]


class LikeSamples:
    """Compares samples by their prints, which are made when they are first asked for: 0.1 ms for each sample."""

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
        rows = list(self._undecided(place))
        own = self._print(place)
        if own is None:
            return []
        prints, known = self._print_index(rows, rules)
        return sorted({place, *(known[row] for row, like in prints.alike(own) if like.shared >= rules.threshold)})

    def _print_index(self, rows: list[int], rules: DuplicateRules) -> tuple[PrintIndex, list[int]]:
        from deepfabric_core.quality.print_index import PrintIndex

        made = [(row, found) for row in rows if (found := self._print(row)) is not None]
        index = PrintIndex(rules.threshold, 0.0, len(made))
        index.add_all([found for _, found in made])
        return index, [row for row, _ in made]

    def _print(self, place: int) -> SamplePrint | None:
        mark = place, hash(self._index.rows[place].text)
        if mark not in self._prints:
            self._prints[mark] = print_of(candidate_of(self._index.record(place)))
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
        if own.passed is False:
            rows = [other for other in self._undecided(place) if self._index.rows[other].passed is False]
            yield "that the judge is against", rows

    def _with_problems(self, place: int) -> list[int]:
        rows = self._index.rows
        return [other for other in self._undecided(place) if rows[other].problems] if rows[place].problems else []


def _label(what: str, rows: int) -> str:
    return counted(rows, what) if what == "near-duplicate" else f"{counted(rows, 'sample')} {what}"
