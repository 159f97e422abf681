"""The lines of a dataset, as DeepFabric writes and reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deepfabric_core.chat.messages import Spent, Usage
from deepfabric_core.samples.plan import WorkItem

Record = dict[str, Any]

# DeepFabric knows no style of its own for this.
_NO_REASONING: Record = {"style": "freetext", "content": ""}


@dataclass(frozen=True, slots=True)
class Sample:
    """What a recipe made: the record, and its question and answer for screens and for later cycles."""

    record: Record
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a sample came about: the model that answered, the calls it took, their tokens, and when it was done.

    `at` is in seconds since the epoch. It isn't part of the dataset, which is the same from run to run. `rest` is what
    of the calls is written nowhere else, where some of them are steps that were written at once.
    """

    model: str
    attempts: int
    usage: Usage
    simulated: bool
    at: float
    rest: Spent | None = None

    def as_line(self) -> Record:
        """What a journal says of it."""
        line = {"model": self.model, **Spent(self.attempts, self.usage).as_object(), "at": round(self.at, 3)}
        return line if self.rest is None else {**line, "rest": self.rest.as_object()}


def conversation(system_prompt: str | None, question: str, answer: str) -> list[Mapping[str, str]]:
    """The messages of a single exchange."""
    system = [{"role": "system", "content": system_prompt}] if system_prompt else []
    return [*system, {"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def with_metadata(record: Record, item: WorkItem, making: Provenance) -> Record:
    """The record with `metadata` in place; a record of the user's own schema has no room for it and stays as it is.

    Each column is there with the same type whatever the conversation and the model, so that files of both kinds load
    together: reasoning that isn't there is an empty text, a cost that isn't known is 0, and
    `cost_known` false.
    """
    if "messages" not in record or "metadata" not in record:
        return record
    usage = making.usage
    metadata: dict[str, Any] = {
        "conversation_type": "basic",
        **record["metadata"],
        "topic_id": item.topic_id,
        "topic_path": list(item.path),
        "cycle": item.cycle,
        "model": making.model,
        "attempts": making.attempts,
        "usage": {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens},
        "cost": float(usage.cost or 0),
        "cost_known": usage.cost is not None,
        "simulated": making.simulated,
    }
    first = {"messages": record["messages"], "metadata": metadata, "reasoning": _NO_REASONING}
    return {**first, **record, "metadata": metadata}
