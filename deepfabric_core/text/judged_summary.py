"""What `deepfabric judge` says: what is expected, how far it has come, and what was found, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deepfabric_core.amounts import Spent
from deepfabric_core.printable import printable
from deepfabric_core.text.estimate_text import expected_line
from deepfabric_core.text.number_format import per_time, share
from deepfabric_core.wording import counted, duration, money

if TYPE_CHECKING:
    from deepfabric_core.run.judge.judge_dataset import Found
    from deepfabric_core.run.judge.judged import Judged

_TOPIC, _REASON, _BAR = 70, 200, 30


def before(found: Found, judges: str) -> str:
    """Return what there is to do, and what it is expected to take."""
    drawn = f", drawn from {found.samples:,}" if found.to_judge < found.samples else ""
    known = f", {found.known:,} of them judged already" if found.known else ""
    said = f"Judging {counted(found.to_judge, 'sample')}{drawn}{known}, by {judges}"
    if found.known >= found.to_judge:
        return said
    return f"{said}\nExpected: {expected_line(found.expected)}"


def progress_line(done: Judged, total: int, seconds: float) -> str:
    """Return how far it has come; `total` are the samples of this session, `seconds` what it took so far."""
    speed = done.samples / seconds if seconds else 0.0
    left = f", about {duration((total - done.samples) / speed)} left" if speed and done.samples < total else ""
    unjudged = f", {done.samples - done.judged:,} not judged" if done.samples > done.judged else ""
    mean = f", mean score {done.mean:.2f}" if done.judged else ""
    return f"{done.samples:,} of {total:,} ({share(done.samples / total)}){mean}{unjudged}, {per_time(speed)}{left}"


def summary(done: Judged) -> str:
    """Return what was found, as a block of lines."""
    rows = [
        ("Samples", f"{done.judged:,} of {done.samples:,} judged"),
        *([("Without text", f"{done.empty:,}")] if done.empty else []),
        *([("Not judged", _unjudged(done))] if done.unjudged else []),
    ]
    if done.judged:
        rows.append(("Accepted", f"{done.accepted:,} ({share(done.accepted / done.judged)})"))
        rows.append(("Mean score", f"{done.mean:.2f} of {done.high}"))
        rows += [(f"  {name}", f"{total / done.judged:.2f}") for name, total in done.totals.items()]
    rows.append(("Calls", f"{done.spent.attempts:,}"))
    usage = done.spent.usage
    rows.append(("Tokens", f"{usage.prompt_tokens:,} in, {usage.completion_tokens:,} out"))
    rows.append(("Cost", _cost(done.spent, simulated=done.simulated)))
    rows += [("Judged dataset", str(done.output))] if done.output else []
    rows += [("Rejected", str(done.rejected))] if done.rejected else []
    width = max(len(name) for name, _ in rows)
    lines = [f"  {name:{width}}  {value}" for name, value in rows]
    return "\n".join([_ending(done), *lines, *_distribution(done), *_worst(done)])


def _ending(done: Judged) -> str:
    words = {"complete": "Complete", "incomplete": "Not complete", "budget": "Budget reached", "stopped": "Stopped"}
    said = words.get(done.ending, "Aborted")
    return f"{said}: {done.reason}" if done.reason and done.ending != "stopped" else said


def _unjudged(done: Judged) -> str:
    why = printable(done.why_unjudged, _REASON)
    return f"{done.unjudged:,}{f', the first since {why}' if why else ''}"


def _cost(spent: Spent, *, simulated: bool) -> str:
    if simulated and not spent.usage.cost:
        return "none (a simulated model)"
    if not spent.unpriced:
        return money(spent.usage.cost or 0.0)
    known = f"{money(spent.usage.cost)} and " if spent.usage.cost else ""
    return f"{known}{counted(spent.unpriced, 'call')} of unknown price"


def _distribution(done: Judged) -> list[str]:
    """Return how many samples have which score, rounded, as bars."""
    if not done.judged or done.high - done.low > 10:  # noqa: PLR2004 - more lines than a glance takes in
        return []
    most = max(done.scores.values())
    rows = range(done.high, done.low - 1, -1)
    bars = {score: "#" * round(_BAR * done.scores[score] / most) for score in rows}
    return ["", *(f"  {score:>3}  {bars[score]:{_BAR}}  {done.scores[score]:,}".rstrip() for score in rows)]


def _worst(done: Judged) -> list[str]:
    """Return the samples with the lowest scores that weren't given the best."""
    shown = [one for one in done.worst if one.score < done.high]
    if not shown:
        return []
    lines = ["", "The lowest scores:"]
    for one in shown:
        lines.append(f"  {one.score:.2f}  line {one.line:,}, {printable(one.topic, _TOPIC)}")
        lines.append(f"        {printable(one.reason, _REASON)}")
    return lines
