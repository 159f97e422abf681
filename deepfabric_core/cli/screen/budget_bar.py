"""The budget on the screen: what is spent of the tightest limit as a bar, and what is expected at the end."""

from __future__ import annotations

from rich.console import Group
from rich.text import Text

from deepfabric_core.cli.screen.style import ScreenStyle
from deepfabric_core.text.budget_status import BudgetStatus, LimitUse


def budget_bar(look: ScreenStyle, status: BudgetStatus, width: int, *, reached: bool) -> Group:
    """Return the bar with the figures above and below it; `reached` if the run has ended because of it."""
    use, alarmed = status.tightest, reached or bool(status.warning)
    head = Text(f"Budget {use.told} ({use.percent} %)", style=f"bold {look.warn}" if alarmed else "bold")
    if use.reservation and head.cell_len + len(use.reservation) + 2 <= width:
        head.append(f", {use.reservation}", style=look.quiet)
    lines = [head, _bar(look, use, width, look.warn if alarmed else look.accent)]
    lines += [Text(look.line(line), style=look.quiet) for line in status.details]
    if status.warning:
        lines.append(Text(status.warning, style=f"bold {look.warn}"))
    return Group(*lines)


def _bar(look: ScreenStyle, use: LimitUse, width: int, style: str) -> Text:
    """Return spent, reserved and free as a bar with a mark at the forecast. Only a limit that is used up fills it."""
    most = width if use.spent >= use.limit else width - 1
    spent = min(most, _cells(use.spent, use, width))
    reserved = min(width - spent, _cells(use.reserved, use, width))
    cells = [(look.glyph("━", "#"), f"bold {style}")] * spent + [(look.glyph("╍", "+"), style)] * reserved
    cells += [(look.glyph("─", "."), look.quiet)] * (width - len(cells))
    if use.expected and width:
        mark = min(width, max(1, _cells(use.expected.likely, use, width))) - 1
        cells[mark] = (look.glyph("┃", "|"), f"bold {style}")
    return Text.assemble(*cells, no_wrap=True, overflow="crop")


def _cells(amount: float, use: LimitUse, width: int) -> int:
    """Return how many cells an amount takes, at least one if it isn't 0."""
    return -int(-amount * width // use.limit)
