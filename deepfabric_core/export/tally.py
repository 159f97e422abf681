"""Count what holds of records, and remember the first ones."""

from __future__ import annotations

from dataclasses import dataclass, field

# So many records are named of each kind.
_NAMED = 5


@dataclass(slots=True)
class Tally:
    """How many records something holds of, and the numbers of the first ones, of a mix after the dataset's name.

    They are added in their order.
    """

    count: int = 0
    first: list[int | str] = field(default_factory=list)
    last: tuple[int, str] = (0, "")

    def add(self, number: int, dataset: str = "") -> bool:
        """Add a record; return whether it wasn't added just before, as one that makes several rows may be."""
        if (number, dataset) == self.last:
            return False
        self.last = number, dataset
        self.count += 1
        if len(self.first) < _NAMED:
            self.first.append(f"{dataset} {number}" if dataset else number)
        return True


def add_to(tallies: dict[str, Tally], name: str, number: int, dataset: str = "") -> bool:
    """Add a record to the tally of that name; return whether it is new there."""
    return tallies.setdefault(str(name), Tally()).add(number, dataset)
