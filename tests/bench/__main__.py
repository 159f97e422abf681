"""Every contestant in every case, one after the other in one run, and one table of what came of it.

python -m tests.bench [CASE ...] [--peer PYTHON] [--quick]

The cases of refusals also have a table of their own, with the peers that `python -m tests.bench.peers` installs.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

from tests.bench.cases import CASES, ONE_SAMPLE, Case
from tests.bench.contestants import OURS, Contestant, contestants
from tests.bench.measure import Bench
from tests.bench.peers.packages import FOLDER
from tests.bench.refusals import by_refusal
from tests.bench.table import Row, as_json, cells, markdown, plain

_NO_PEER = "Without DeepFabric 4.13: name the Python of its environment with --peer, or in DEEPFABRIC_PEER."


def options() -> argparse.ArgumentParser:
    """Name the flags."""
    names = "\n".join(f"  {case.name:<20} {case.what}" for case in (ONE_SAMPLE, *CASES))
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=__doc__,
        epilog=f"cases:\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("cases", nargs="*", metavar="CASE", help="names or patterns like 'rate*'; all by default")
    parser.add_argument("--peer", default=os.environ.get("DEEPFABRIC_PEER"), help="the Python that has DeepFabric 4.13")
    parser.add_argument("--peers", type=Path, default=FOLDER, help="the folder of the other peers (%(default)s)")
    parser.add_argument("--without", action="append", default=[], metavar="NAME", help="leave a contestant out")
    parser.add_argument("--quick", action="store_true", help="about a third of the samples")
    parser.add_argument("--samples", type=int, metavar="N", help="so many samples in each case that can have them")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all that was measured")
    return parser


def chosen(patterns: Sequence[str]) -> list[Case]:
    """Find the cases that were named, or complain about a name that fits none."""
    for pattern in patterns:
        if not any(fnmatch(case.name, pattern) for case in (ONE_SAMPLE, *CASES)):
            raise SystemExit(f"There is no case {pattern}; --help lists them.")
    return [case for case in CASES if not patterns or any(fnmatch(case.name, pattern) for pattern in patterns)]


def taking_part(case: Case, everyone: Sequence[Contestant]) -> list[Contestant]:
    """Leave out who can't take part, or would take too long."""
    return [one for one in everyone if case.kind in one.kinds and (not case.only or one.name in case.only)]


def sized(case: Case, *, samples: int | None, quick: bool) -> Case:
    """Ask for as many samples as was said, if the case allows it."""
    if samples is not None and not case.fixed:
        return replace(case, samples=samples)
    return case.quick() if quick else case


def rows(cases: Sequence[Case], everyone: Sequence[Contestant]) -> Iterator[Row]:
    """Measure, first the start-up of everyone who takes part."""
    bench = Bench()
    for one in everyone:
        if one is not OURS and cases and not any(one in taking_part(case, everyone) for case in cases):
            continue
        yield bench.calibrate(ONE_SAMPLE, one)
        if one is OURS and bench.body is None:
            raise SystemExit("Ours made no call, so there is no request that the others could make.")
    for case in cases:
        for one in taking_part(case, everyone):
            yield bench.measure(case, one)


def main() -> None:
    """Measure, telling of each row on stderr, and print the table on stdout."""
    given = options().parse_args()
    cases = [sized(case, samples=given.samples, quick=given.quick) for case in chosen(given.cases)]
    everyone = contestants(Path(given.peer).absolute() if given.peer else None, given.peers.absolute())
    if not given.peer:
        sys.stderr.write(f"{_NO_PEER}\n")
    if unknown := {*given.without} - {one.name for one in everyone if one is not OURS}:
        raise SystemExit(f"Can't leave out {', '.join(sorted(unknown))}.")
    measured: list[Row] = []
    try:
        for row in rows(cases, [one for one in everyone if one.name not in given.without]):
            measured.append(row)
            sys.stderr.write(f"{row.case}, {row.contestant}: {row.wall:.1f} s\n")
            if row.trouble:
                sys.stderr.write(f"  {row.trouble}\n")
    except KeyboardInterrupt:
        sys.stderr.write("Stopped; this is what was measured.\n")
    draw = markdown if given.markdown else plain
    sys.stdout.write(f"{draw(cells(measured))}\n")
    if any(case.kind == "refusals" for case in cases):
        sys.stdout.write(f"\n{draw(by_refusal(measured))}\n")
    sys.stdout.write("".join(f"\n{row.trouble}" for row in measured if row.trouble) + "\n")
    if given.json:
        given.json.write_text(as_json(measured), encoding="utf-8")


if __name__ == "__main__":
    main()
