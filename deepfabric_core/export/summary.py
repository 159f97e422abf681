"""What an export tells: what was written, and what the format couldn't hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from deepfabric_core.export.check.training_check import TrainingCheck
from deepfabric_core.export.divide import SPLITS, Division
from deepfabric_core.export.export import ExportResult
from deepfabric_core.export.formats.format import Loss
from deepfabric_core.export.mix import Taken
from deepfabric_core.export.splits import By
from deepfabric_core.export.tally import Tally
from deepfabric_core.wording import counted, digits, were

# So many kinds of defects are told on a screen.
_KINDS = 20
_GROUPS: Mapping[By, str] = {"topic": "topic", "source": "source", "random": "question"}


def export_summary(result: ExportResult) -> Iterator[str]:
    """Yield a sentence for each file that was written."""
    for path, rows in result.files.items():
        yield f"{path} has {counted(rows, 'row')} in the format {result.format}."


def export_notes(result: ExportResult, *, simulated: bool = True) -> Iterator[str]:
    """Yield a sentence for each thing that people have to know of an export; that it is `simulated` only if wanted."""
    yield from map(_of_part, result.taken)
    if result.made_up and simulated:
        yield f"{counted(result.made_up, 'sample')} in it {were(result.made_up)} made up by a simulated model."
    if len(result.labels) == 1:
        kind = "good" if result.labels[True] else "bad"
        yield f"all answers in it are labelled {kind}, and training wants both: reject or edit samples, or let a judge."
    if result.division:
        yield from _of_split(result.division)
    for what, tally in result.lost.items():
        yield f"lost of {_of(tally)}: {what}.{_advice(what)}"
    for why, tally in result.left_out.items():
        yield f"left out {_of(tally)}: {why}."


def _of_part(part: Taken) -> str:
    often = {1: "", 2: ", some of them twice" if part.taken else ""}.get(part.times, f", up to {part.times} times each")
    what = f"{digits(part.taken)} of {counted(part.samples, 'sample')} are taken of {part.name}{often}"
    left_out = f"; {digits(part.repeats)} repeat a sample of an earlier dataset" if part.repeats else ""
    return f"{what}{left_out}."


def _of_split(division: Division) -> Iterator[str]:
    for (left, to), count in division.moved.items():
        what = f"{counted(count, 'sample')} of {left} {'repeats' if count == 1 else 'repeat'} a sample of {to}"
        yield f"{what}, exactly or nearly, and {were(count)} moved there."
    if division.kept:
        kept = counted(division.kept, _GROUPS[division.by])
        yield f"{kept} kept the side that {SPLITS} has; delete it to divide afresh."
    if division.unnamed:
        what = f"{counted(division.unnamed, 'sample')} {were(division.unnamed)} divided by the question alone"
        yield f"{what}, since no {division.by} is named."


def _of(tally: Tally) -> str:
    more = tally.count - len(tally.first)
    first = ", ".join(one if isinstance(one, str) else digits(one) for one in tally.first)
    named = first + (f" and {digits(more)} more" if more > 0 else "")
    return f"{counted(tally.count, 'record')} ({named})"


def _advice(what: str) -> str:
    return " --reasoning think-tags keeps it in the text." if what == Loss.REASONING else ""


def check_lines(check: TrainingCheck) -> Iterator[str]:
    """Yield what a check found, a line each."""
    yield check_heading(check)
    by_count = sorted(check.defects.items(), key=lambda one: -one[1].count)
    for what, tally in by_count[:_KINDS]:
        yield f"  {_of(tally)}: {what}"
    if len(by_count) > _KINDS:
        yield f"  and {counted(len(by_count) - _KINDS, 'more kind')} of defects, which --report FILE has"
    yield from (f"  {fact}" for fact in check_facts(check))


def check_heading(check: TrainingCheck) -> str:
    """Return how many records were checked, and whether anything is wrong."""
    checked = f"{counted(check.records, 'record')} checked against {check.target.name}"
    return f"{checked}: {'nothing is lost.' if not check.defects else 'these would train badly.'}"


def check_facts(check: TrainingCheck) -> Iterator[str]:
    """Yield how many tokens there are, and what holds of the template whatever the records."""
    if check.tokens:
        counts = sorted(check.tokens)
        low, middle, high, most = (digits(counts[round(share * (len(counts) - 1))]) for share in (0, 0.5, 0.95, 1))
        of = f" of a context of {digits(check.context)}" if check.context else ""
        yield f"tokens: {low} at least, {middle} in the middle, {high} at 95 %, {most} at most{of}"
    yield from _on_template(check)


def _on_template(check: TrainingCheck) -> Iterator[str]:
    """Yield what a template lacks, and what to do about it."""
    if check.target.is_model and not check.tokens and check.target.encode is None:
        yield f"tokens can't be counted: {check.target.untokenized}"
    if check.advice:
        yield check.advice
    if check.marks_nothing:
        yield (
            "the template has no {% generation %}, so assistant_only_loss would learn nothing: TRL has "
            "some of its own for those that it knows to the letter, and refuses others; leave it off, or export "
            "trl-prompt-completion"
        )
    if check.learns_no_end:
        yield "the template marks no end of an answer, so with assistant_only_loss a model isn't taught to stop"
