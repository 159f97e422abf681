"""The sections of the page, a module each: `SECTIONS` has them in order.

Each is a function from the report to a `Section`, or to None where there is nothing to say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deepfabric_core.pictures.report.sections.checks import checks
from deepfabric_core.pictures.report.sections.difference import difference
from deepfabric_core.pictures.report.sections.duplicates import duplicates
from deepfabric_core.pictures.report.sections.file import file
from deepfabric_core.pictures.report.sections.judge import judge
from deepfabric_core.pictures.report.sections.languages import languages
from deepfabric_core.pictures.report.sections.lengths import lengths
from deepfabric_core.pictures.report.sections.making import making
from deepfabric_core.pictures.report.sections.rejected import rejected
from deepfabric_core.pictures.report.sections.reviews import reviews
from deepfabric_core.pictures.report.sections.section import Section
from deepfabric_core.pictures.report.sections.topics import topics
from deepfabric_core.pictures.report.sections.variety import variety

__all__ = ["SECTIONS", "Section"]

SECTIONS: tuple[Callable[[dict[str, Any]], Section | None], ...] = (
    topics,
    lengths,
    variety,
    duplicates,
    languages,
    checks,
    judge,
    rejected,
    reviews,
    making,
    difference,
    file,
)
