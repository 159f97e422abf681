"""What the tests of checks share: to apply one of them to a question and an answer."""

from __future__ import annotations

from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.checks.check import Settings
from deepfabric_core.quality.checks.choose import choose
from deepfabric_core.quality.checks.examine import examine

FENCE = "```"


def reason(
    check: object, answer: str, question: str = "How do I oil a chain?", settings: Settings | None = None
) -> str:
    """What one check, as a config names it, has against an answer; empty if nothing."""
    found = examine(Candidate(question, answer), choose([check], settings or Settings("en")))
    return found.reason if found else ""


def block(language: str, code: str) -> str:
    return f"Here it is:\n\n{FENCE}{language}\n{code}\n{FENCE}\n\nThat is all."
