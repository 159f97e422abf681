"""How much of a quota calls take, compared with what was expected of them: when they begin, and when they are answered.

Providers count the tokens of a reply when they know them, or reserve as many as there may be and give the rest back,
or don't count what was cached. Others may use the same quota. All this shows in how the quota falls from call to call.
"""

from __future__ import annotations

from dataclasses import dataclass

# Before anything was seen, calls are taken to count when they begin, by what was expected; so many calls outweigh that.
_FIRST_CALLS = 6.0
_FORGETS = 0.96
_MOST = 20.0


@dataclass
class Charge:
    """What a call takes, as a multiple of what is expected of it: `begin` when it begins, `answer` when it is answered.

    Found by least squares; `answer` is negative if something is given back. `off` is by how many usual calls it was off
    lately.
    """

    begin: float = 1.0
    answer: float = 0.0
    off: float = 0.0
    _of_begun: float = _FIRST_CALLS**2
    _of_answered: float = _FIRST_CALLS**2
    _of_both: float = 0.0
    _fell_begun: float = _FIRST_CALLS**2
    _fell_answered: float = 0.0

    @property
    def whole(self) -> float:
        """What a call takes in all."""
        return max(1 / _MOST, self.begin + self.answer)

    def compare(self, begun: float, answered: float, fell: float) -> None:
        """Take that a quota fell by so many usual calls while so many had begun and so many were answered."""
        self.off = _FORGETS * self.off + abs(fell - self.begin * begun - self.answer * answered)
        self._of_begun = _FORGETS * self._of_begun + begun * begun
        self._of_answered = _FORGETS * self._of_answered + answered * answered
        self._of_both = _FORGETS * self._of_both + begun * answered
        self._fell_begun = _FORGETS * self._fell_begun + begun * fell
        self._fell_answered = _FORGETS * self._fell_answered + answered * fell
        self._solve()

    def _solve(self) -> None:
        square = self._of_begun * self._of_answered - self._of_both**2
        if square <= 0:
            return
        begin = (self._fell_begun * self._of_answered - self._fell_answered * self._of_both) / square
        answer = (self._fell_answered * self._of_begun - self._fell_begun * self._of_both) / square
        self.begin, self.answer = min(_MOST, max(0.0, begin)), min(_MOST, max(-_MOST, answer))
