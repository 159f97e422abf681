"""What has to be true after a run came to grief, and after the run that goes on with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.crash.harness import Call, Ended, Stage, Trouble
from tests.crash.power_cut import Cut, Disk, cuts, expansions, is_expansion, put_back
from tests.crash.scenarios import DATASET, REJECTED, Scenario, World, kept_samples, made, parsed, rejected_or_made

# Where `--fresh` puts an older checkpoint: its name holds the time.
_ASIDE = re.compile(r"dataset-\d{8}-\d{6}(-\d+)?(?=/)")
_SQLITE = re.compile(r"\.sqlite(-\w+)?$")
_PROCESS = re.compile(r"\.\d+\.(?=tmp|probe)")
_KILLED = -9
_TRIES = 3

# At how many calls there is trouble, given the usual number; None: at every one.
Places = Callable[[int], int | None]

# The mark of a finished run, and where it is left if the folder for the user's data can't be written.
_MARK = "/dataset.finished.json"
_MARK_BESIDE = "work/out/.dataset.finished.json"


@dataclass(frozen=True)
class Undisturbed:
    """The same run when nothing happens to it."""

    ended: Ended
    calls: int
    files: frozenset[str]


class Outcome(NamedTuple):
    """The call that was struck, or None where the run ended before it; what is wrong; and the files it had left."""

    struck: Call | str | None
    wrong: list[str]
    left: str = ""


@dataclass
class Case:
    """A scenario on a stage, made ready once and put back for each run that is watched."""

    scenario: Scenario
    world: World
    copy: Path

    def __post_init__(self) -> None:
        self.scenario.set_up(self.world)
        self.stage.save(self.copy)
        self.older = self.dataset()
        self.kept_before = self._kept()

    @property
    def stage(self) -> Stage:
        """Where it happens."""
        return self.world.stage

    @property
    def paid(self) -> int:
        """The calls that have come in until now."""
        return self.world.provider.counts.requests

    @cached_property
    def undisturbed(self) -> Undisturbed:
        """See what the run does when nothing happens to it."""
        self.stage.load(self.copy)
        before = self.paid
        ended = self.world.run(*self.scenario.arguments)
        assert ended.code == 0, ended
        assert not list(self.wrong_with_the_dataset())
        return Undisturbed(ended, self.paid - before, self.files())

    def files(self) -> frozenset[str]:
        """The names of all files but locks, which stay, and SQLite's, which mends its own, without the time in them."""
        names = (_ASIDE.sub("aside", name) for name in self.stage.files())
        return frozenset(name for name in names if not (name.endswith(".lock") or _SQLITE.search(name)))

    def dataset(self) -> bytes | None:
        """What is in the dataset's place."""
        path = self.stage.work / DATASET
        return path.read_bytes() if path.exists() else None

    def _kept(self) -> set[str]:
        return kept_samples((self.stage.work, self.stage.data))

    def delivered(self) -> set[str]:
        """What was made and is in the dataset, and what was rejected and is in the file beside it."""
        beside = self.stage.work / DATASET.replace(".jsonl", ".rejected.jsonl")
        rejected = parsed(beside.read_bytes()) if beside.exists() else ()
        return {made(record) for record in parsed(self.dataset() or b"")} | set(map(rejected_or_made, rejected))

    # ---- one run after the other

    def grief(self, *troubles: Trouble) -> Outcome:
        """Let a run come to grief, then each that goes on with it; at last one goes on undisturbed."""
        allowed = self.undisturbed.calls + self.scenario.in_flight * len(troubles)
        self.stage.load(self.copy)
        paid, kept, wrong = self.paid, self.kept_before, list[str]()
        arguments, struck = self.scenario.arguments, None
        for trouble in troubles:
            before = self.paid
            ended = self.stage.run("generate", "config.yaml", *arguments, trouble=trouble)
            struck, arguments = ended.struck, self.scenario.again
            wrong += [*self._wrong_at_this_moment(), *self._wrong_with_the_end(ended, trouble, self.paid - before)]
            kept = kept | self._kept()
        left = ", ".join(sorted(self.files() - self.undisturbed.files))
        wrong += [*self._wrong_after_going_on(kept), *self._wrong_with_the_price(self.paid - paid, allowed)]
        return Outcome(struck, wrong, left)

    def _wrong_at_this_moment(self) -> Iterator[str]:
        """The dataset is the older one or the complete new one."""
        found = self.dataset()
        if found is None and self.older is not None:
            yield "the older dataset is gone"
        elif found is not None and found != self.older:
            yield from self.wrong_with_the_dataset()

    def _wrong_with_the_end(self, ended: Ended, trouble: Trouble, calls: int) -> Iterator[str]:
        """A run that is not killed ends by one sentence, or does what it was asked to."""
        if ended.code == _KILLED and trouble.name == "kill":
            return
        errors = [line for line in ended.err.splitlines() if line.startswith("Error:")]
        if ended.code not in (0, 1) and not (ended.code == 2 and not calls):
            yield f"it ended by {ended.code} after {calls} calls"
        if "Traceback" in ended.err or "unexpected" in ended.err:
            yield f"it said: {ended.err.strip().splitlines()[-1]}"
        elif len(errors) != (ended.code != 0):
            yield f"it ended by {ended.code} and said: {errors or ended.err.strip().splitlines()[-1:]}"
        if not ended.code:
            yield from self.wrong_with_the_dataset()

    def wrong_with_the_dataset(self) -> Iterator[str]:
        """It holds each sample of the plan once, and nothing else."""
        content = self.dataset() or b""
        found = list(parsed(content))
        said = [record.get("metadata", {}) for record in found]
        keys = {(metadata.get("topic_id"), metadata.get("cycle")) for metadata in said}
        if content.count(b"\n") != len(found) or not content.endswith(b"\n"):
            yield "a line of the dataset isn't whole"
        if not len(found) == len(keys) == self.scenario.samples:
            yield f"the dataset has {len(found)} samples, {len(keys)} different ones, of {self.scenario.samples}"

    def _wrong_after_going_on(self, kept: set[str]) -> Iterator[str]:
        ended = self.world.run(*self.scenario.again)
        if ended.code:
            yield f"going on ended by {ended.code}: {ended.err.strip().splitlines()[-1:]}"
            return
        yield from self.wrong_with_the_dataset()
        lost = kept - self.delivered() - (self._kept() & self.kept_before)
        if lost:
            yield f"{len(lost)} finished samples were lost"
        found, expected = self.files(), self.undisturbed.files
        if _MARK_BESIDE in found:  # then it doesn't matter whether the other one is there
            found, expected = (frozenset(n for n in names if not n.endswith(_MARK)) for names in (found, expected))
            found -= {_MARK_BESIDE}
        if more := found - expected:
            yield f"files that don't belong there: {sorted(more)}"
        if fewer := {name for name in expected - found if "/aside/" not in name}:
            yield f"files that are missing: {sorted(fewer)}"

    def _wrong_with_the_price(self, paid: int, allowed: int) -> Iterator[str]:
        if paid > allowed:
            yield f"{paid} calls were paid, and {allowed} are allowed"

    def wrong_with_once_more(self) -> Iterator[str]:
        """Where all is done, a further resume costs nothing and changes nothing."""
        before, dataset = self.paid, self.dataset()
        ended = self.world.run(*self.scenario.again)
        if ended.code:
            yield f"a resume of what is complete ended by {ended.code}: {ended.err.strip().splitlines()[-1:]}"
        if self.paid > before:
            yield f"a resume of what is complete cost {self.paid - before} calls"
        if self.dataset() != dataset:
            yield "a resume of what is complete changed the dataset"

    # ---- a power cut

    def cuts(self) -> list[Cut]:
        """Record the run, and tell all that may be found after a power cut."""
        self.stage.load(self.copy)
        disk = Disk((self.stage.work, self.stage.data))
        ended = self.stage.run("generate", "config.yaml", *self.scenario.arguments, record=True)
        assert ended.code == 0, ended
        return cuts(disk, ended.calls)

    def after(self, cut: Cut) -> Outcome:
        """Put back what was found, and go on."""
        self.stage.clear()
        put_back(cut.state)
        left = ", ".join(sorted(self.files() - self.undisturbed.files))
        wrong, paid, found = list(self._wrong_at_this_moment()), self.paid, self.dataset()
        if cut.done and found in (None, self.older):
            wrong.append("the dataset was said to be written, and isn't there")
        known, scenario = expansions(cut.promised), self.scenario
        rejected = sum(fact.startswith(REJECTED) for fact in cut.promised)
        samples = len(cut.promised) - known - rejected
        tried = max(0, rejected - samples)  # each sample is rejected once at most
        allowed = scenario.expansions - known + scenario.calls_each * (scenario.samples - samples) - tried
        wrong += self._wrong_after_going_on({fact for fact in cut.promised if not is_expansion(fact)})
        wrong += self._wrong_with_the_price(self.paid - paid, 0 if cut.done else allowed)
        if cut.done and self.dataset() != found:
            wrong.append("the dataset was said to be written, and is another one now")
        return Outcome(cut.after, wrong, left)

    # ---- at every call

    def report(self, flags: str, outcome: Outcome) -> Report:
        """What went wrong, without what is different each time."""
        texts = (str(outcome.struck or "the end"), outcome.left, *outcome.wrong)
        after, left, *wrong = (_PROCESS.sub(".N.", text.replace(f"{self.stage.root}/", "")) for text in texts)
        return Report(tuple(wrong), f"{self.scenario.name} {flags}", after, left)


class Report(NamedTuple):
    """What is wrong, how to see it again, at which call, and what it had left behind."""

    wrong: tuple[str, ...]
    flags: str
    at: str
    left: str


def none_of(reports: Iterable[Report]) -> None:
    """Fail where there are any: tell each thing that is wrong once, with all the places where it is."""
    by_wrong: dict[tuple[str, ...], list[Report]] = {}
    for report in reports:
        by_wrong.setdefault(report.wrong, []).append(report)
    paragraphs = []
    for wrong, where in by_wrong.items():
        places = (f"    python -m tests.crash {report.flags}  # at: {report.at}" for report in where)
        paragraphs.append("\n".join([*wrong, *places, f"    the first had left: {where[0].left}"]))
    if paragraphs:
        pytest.fail("\n\n".join(paragraphs), pytrace=False)


def spread(count: int, few: int | None) -> list[int]:
    """All numbers from 1 to `count`, or a few of them with the last one."""
    if few is None:
        return list(range(1, count + 1))
    return sorted({max(1, round(count * place / few)) for place in range(1, few + 1)})


def sweep(case: Case, trouble: Trouble, few: int | None, *, once_more: bool = False) -> list[Report]:
    """Bring trouble at every call, one run after the other; answers what was not survived.

    Threads make a run a little longer or shorter each time: where it ended too soon, it is run again.
    """
    reports = []
    for at in spread(case.undisturbed.ended.count(trouble.kinds), few):
        for _ in range(_TRIES):
            outcome = case.grief(trouble.moved(at))
            if outcome.struck:
                break
        if once_more and outcome.struck and not outcome.wrong:
            outcome = outcome._replace(wrong=list(case.wrong_with_once_more()))
        if outcome.wrong:
            reports.append(case.report(str(trouble.moved(at)), outcome))
    return reports


def chained(case: Case, trouble: Trouble, few: int | None) -> list[Report]:
    """Bring trouble at every third call, and another time while a run goes on with it, at ever other places."""
    reports, count = [], case.undisturbed.ended.count(trouble.kinds)
    for at in spread(count, min(few or count, count // 3)):
        later = trouble.moved(1 + at * 7 % max(2, count - at))
        outcome = case.grief(trouble.moved(at), later)
        if outcome.wrong:
            reports.append(case.report(f"{trouble.moved(at)} {later}", outcome))
    return reports


def cut_off(case: Case, few: int | None) -> list[Report]:
    """Go on from all that may be found after a power cut; answers where something is lost."""
    reports, found = [], case.cuts()
    for number in spread(len(found), few):
        cut = found[number - 1]
        outcome = case.after(cut)
        if outcome.wrong:
            reports.append(case.report(f"--cut {cut.name}", outcome))
    return reports
