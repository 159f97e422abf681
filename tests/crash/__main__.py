"""See one of the failures again: ``python -m tests.crash tree --kill 12``, then another ``--kill 3`` in the resume.

The folders stay, with what the last run said.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.crash.harness import TROUBLES, Stage, Trouble, compiled
from tests.crash.scenarios import ANSWERING, SCENARIOS, World, agent
from tests.crash.survival import Case
from tests.provider import LocalProvider


class _Add(argparse.Action):
    def __call__(self, parser: object, given: argparse.Namespace, value: object, option: str | None = None) -> None:
        given.troubles.append(TROUBLES[(option or "").lstrip("-")].moved(int(str(value))))


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("scenario", choices=SCENARIOS)
    parser.add_argument("--cut", metavar="STATE", help="a state after a power cut, by its name")
    for name in TROUBLES:
        parser.add_argument(f"--{name}", action=_Add, metavar="N", help="at the N-th call; may be given again")
    parser.set_defaults(troubles=[])
    return parser


def _seen(case: Case, cut: str | None, troubles: list[Trouble]) -> Iterator[str]:
    if cut is None:
        struck, wrong = case.grief(*troubles)
        yield f"at: {struck or 'the end'}"
        yield from wrong or case.wrong_with_once_more()
        return
    found = next(state for state in case.cuts() if state.name == cut)
    yield f"after: {found.after}"
    yield from case.after(found)


def main() -> None:
    """Do it once, and tell what is wrong."""
    given = _options().parse_args()
    root = Path(tempfile.mkdtemp(prefix="crash-"))
    with LocalProvider(ANSWERING, agent=agent) as provider, Stage(root, compiled(root)) as stage:
        case = Case(SCENARIOS[given.scenario], World(stage, provider), root / "copy")
        for line in _seen(case, given.cut, given.troubles):
            print(line)
        print((root / "err").read_text(encoding="utf-8"))
        print(f"all of it is in {root}")


if __name__ == "__main__":
    main()
