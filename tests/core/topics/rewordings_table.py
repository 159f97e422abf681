"""Print which labelled names are taken for rewordings: `python -m tests.core.topics.rewordings_table`."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from deepfabric_core.topics.rewordings import is_rewording

Pairs = list[tuple[str, str]]


def labelled() -> dict[str, Pairs]:
    """Return the pairs that reword each other, and those that are different."""
    text = Path(__file__).with_name("labelled_names.yaml").read_text(encoding="utf-8")
    return {kind: [(str(one), str(other)) for one, other in pairs] for kind, pairs in yaml.safe_load(text).items()}


def missed_and_wrong() -> tuple[Pairs, Pairs]:
    """Return the rewordings that aren't found, and the different names that are taken for rewordings."""
    pairs = labelled()
    missed = [pair for pair in pairs["rewordings"] if not is_rewording(*pair)]
    return missed, [pair for pair in pairs["different"] if is_rewording(*pair)]


if __name__ == "__main__":
    missed, wrong = missed_and_wrong()
    pairs = labelled()
    rewordings, found = len(pairs["rewordings"]), len(pairs["rewordings"]) - len(missed)
    for title, some in (("missed", missed), ("wrong", wrong)):
        sys.stdout.writelines(f"{title}: {one} | {other}\n" for one, other in some)
    sys.stdout.write(
        f"{rewordings} rewordings and {len(pairs['different'])} different pairs: "
        f"precision {found / (found + len(wrong)):.3f}, recall {found / rewordings:.3f}\n"
    )
