"""How the simulated model judges: most samples well, some badly, and always the same one in the same way."""

from __future__ import annotations

from typing import Any

from deepfabric_core.chat.messages import Request
from deepfabric_core.llm.simulated.prose import Writer
from deepfabric_core.quality.judge import comparison, scoring
from deepfabric_core.quality.judge.sample_text import texts_between_tags

SCHEMAS = (scoring.SCHEMA_NAME, comparison.SCHEMA_NAME)

_SHARE_OF_GOOD = 0.9
_SHARE_OF_BEST = 0.6


def sample_judged(request: Request) -> str:
    """Return the sample in a request to a judge; its verdict depends on that, and not on when it is asked."""
    return repr(texts_between_tags(request.messages[1].content)) if len(request.messages) > 1 else ""


def answer_of_judge(request: Request, writer: Writer) -> dict[str, Any]:
    """Return the reply to a request for scores or for a comparison."""
    schema = request.schema
    if schema is None or schema.name == comparison.SCHEMA_NAME:
        return {"reason": writer.sentence(), "better": _better(request)}
    low, high = scoring.bounds_of(schema)
    good = writer.chance(_SHARE_OF_GOOD)

    def score() -> int:
        return _good_score(low, high, writer) if good else writer.number(low, (low + high) // 2)

    return {name: {"reason": writer.sentence(), "score": score()} for name in schema.schema["properties"]}


def _good_score(low: int, high: int, writer: Writer) -> int:
    """Return the best score or, if there are more than two, the one below it."""
    return high if high - low == 1 or writer.chance(_SHARE_OF_BEST) else high - 1


def _better(request: Request) -> str:
    """Return which of two samples is better: the one with the longer answer, in whichever order they are."""
    parts = texts_between_tags(request.messages[1].content)
    first, second = (len(text) for name, text in parts if name in ("answer", "record"))
    return "A" if first > second else "B" if second > first else "tie"
