"""Count what holds of records, and remember the first ones."""

from __future__ import annotations

from dataclasses import dataclass, field

# So many records are named of each kind.
_NAMED = 5


@dataclass(slots=True)
class Tally:
    """How many records something holds of, and the numbers of the first ones, of a mix after the dataset's name."""

    count: int = 0
    first: list[int | str] = field(default_factory=list)

    def add(self, number: int, dataset: str = "") -> None:
        """Add a record."""
        self.count += 1
        named = f"{dataset} {number}" if dataset else number
        if len(self.first) < _NAMED and named not in self.first:
            self.first.append(named)


def add_to(tallies: dict[str, Tally], name: str, number: int, dataset: str = "") -> None:
    """Add a record to the tally of that name."""
    tallies.setdefault(str(name), Tally()).add(number, dataset)
