"""Count what holds of records, and remember the first ones."""

from __future__ import annotations

from dataclasses import dataclass, field

# So many records are named of each kind.
_NAMED = 5


@dataclass(slots=True)
class Tally:
    """How many records something holds of, and the numbers of the first ones."""

    count: int = 0
    first: list[int] = field(default_factory=list)

    def add(self, number: int) -> None:
        """Add a record."""
        self.count += 1
        if len(self.first) < _NAMED and number not in self.first:
            self.first.append(number)


def add_to(tallies: dict[str, Tally], name: str, number: int) -> None:
    """Add a record to the tally of that name."""
    tallies.setdefault(str(name), Tally()).add(number)
