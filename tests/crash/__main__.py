"""See one of the failures again: ``python -m tests.crash tree --kill 12``, then another ``--kill 3`` in the resume.

The folders stay, with what the last run said.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.crash.harness import TROUBLES, Stage, Trouble, compiled
from tests.crash.scenarios import ANSWERING, SCENARIOS, World, agent, badly_at_first
from tests.crash.survival import Case
from tests.provider import LocalProvider

_HELP = "at the N-th call; may be given again, for the run that goes on"


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("scenario", choices=SCENARIOS)
    parser.add_argument("--cut", metavar="STATE", help="a state after a power cut, by its name")
    for name, trouble in TROUBLES.items():
        at = partial(_placed, trouble)
        parser.add_argument(f"--{name}", metavar="N", action="append", dest="troubles", type=at, help=_HELP)
    return parser


def _placed(trouble: Trouble, number: str) -> Trouble:
    return trouble.moved(int(number))


def _seen(case: Case, cut: str | None, troubles: list[Trouble]) -> Iterator[str]:
    if cut is None:
        outcome = case.grief(*troubles)
    else:
        known = {state.name: state for state in case.cuts()}
        if cut not in known:
            sys.exit(f"this time there were these states: {' '.join(known)}")
        outcome = case.after(known[cut])
    yield from (f"at: {outcome.struck or 'the end'}", f"it had left: {outcome.left}")
    yield from outcome.wrong or case.wrong_with_once_more()


def main() -> None:
    """Do it once, and tell what is wrong."""
    given = _options().parse_args()
    root = Path(tempfile.mkdtemp(prefix="crash-"))
    with LocalProvider(ANSWERING, badly_at_first, agent=agent) as provider, Stage(root, compiled(root)) as stage:
        case = Case(SCENARIOS[given.scenario], World(stage, provider), root / "copy")
        lines = [*_seen(case, given.cut, given.troubles or []), (root / "err").read_text(encoding="utf-8")]
        sys.stdout.write("\n".join([*lines, f"all of it is in {root}\n"]))


if __name__ == "__main__":
    main()
