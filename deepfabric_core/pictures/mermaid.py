"""Draw topics as a Mermaid flowchart, for Markdown pages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from deepfabric_core.pictures.excerpt import MOST_CROSSING, Branch, crossing, excerpt
from deepfabric_core.pictures.labels import clean
from deepfabric_core.topics.model import Topics

# Mermaid draws at most 50,000 characters, and a character of a name may take five of them.
_LONGEST = 44
# Characters that may have a meaning in Mermaid, Markdown or HTML.
_SPECIAL = re.compile(r"[!-+\--/:-@\[-`{-~]")


def mermaid(topics: Topics) -> str:
    """Return the flowchart; of large structures only a part, with the number of topics left out."""
    return "\n".join(["flowchart LR", *(f"    {line}" for line in _lines(topics))]) + "\n"


def _lines(topics: Topics) -> Iterator[str]:
    root = excerpt(topics)
    branches = list(root.walk())
    ids = {id(branch): f"n{number}" for number, branch in enumerate(branches)}
    for branch in branches:
        yield f'{ids[id(branch)]}["{_label(branch)}"]'
    for branch in branches:
        for child in branch.below:
            yield f"{ids[id(branch)]} {'-->' if child.topic else '-.-'} {ids[id(child)]}"
    links = crossing(root)
    for parent, child in links[:MOST_CROSSING]:
        yield f"{ids[id(parent)]} -.-> {ids[id(child)]}"
    if len(links) > MOST_CROSSING:
        yield f"%% {MOST_CROSSING:,} of {len(links):,} links to further parents"


def _label(branch: Branch) -> str:
    if branch.topic is None:
        return f"#43;{branch.left_out:,} more"
    name = _SPECIAL.sub(lambda found: f"#{ord(found[0])};", clean(branch.topic.name, _LONGEST))
    return f"{name} (#43;{branch.left_out:,})" if branch.left_out else name
