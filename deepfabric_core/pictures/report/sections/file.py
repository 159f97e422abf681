"""The section on the file: lines that are no samples, and how the report was made."""

from __future__ import annotations

from typing import Any

from deepfabric_core.pictures.report.sections.section import Section
from deepfabric_core.pictures.report.texts import escaped, table
from deepfabric_core.wording import are, counted, digits


def file(document: dict[str, Any]) -> Section | None:
    """Return the section; None if each line is a sample."""
    found = document["dataset"]
    if not found["damaged"]:
        return None
    rows = [[digits(one["line"]), escaped(one["problem"])] for one in found["damage"]]
    more = found["damaged"] - len(rows)
    rest = f'<p class="dim">and {digits(more)} more</p>' if more else ""
    about = f"{counted(found['damaged'], 'line')} {are(found['damaged'])} no sample and left out of all figures."
    return Section("file", "Damaged lines", about, table(["line", "what is wrong"], rows, numbers=2) + rest)
