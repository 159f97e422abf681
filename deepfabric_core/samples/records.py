"""Build the records of a dataset, in DeepFabric's format, with their metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deepfabric_core.chat.messages import Spent, Usage
from deepfabric_core.samples.plan import WorkItem

Record = dict[str, Any]

# DeepFabric has no style for samples without reasoning.
NO_REASONING: Record = {"style": "freetext", "content": ""}


@dataclass(frozen=True, slots=True)
class Sample:
    """The result of a recipe: the record, and its question and answer for screens and for later cycles."""

    record: Record
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a sample was made: the model, the number of calls, their usage, and when it was done.

    `simulated` says that a simulated model made it up, `demonstration` that it was written by hand for the demo.
    `at` is in seconds since the epoch. It isn't part of the dataset, which is the same from run to run. `rest` is the
    part of the calls that isn't in the step log, or None if none of them is; `judging` is what judges took beside them.
    `own` is what was answered without repairs, and `ends_with_repair` says whether the last reply was one.
    """

    model: str
    attempts: int
    usage: Usage
    simulated: bool
    at: float
    rest: Spent | None = None
    demonstration: bool = False
    judging: Spent | None = None
    own: Spent | None = None
    ends_with_repair: bool = False

    def as_line(self) -> Record:
        """Return the fields of the journal line."""
        whole = Spent(self.attempts, self.usage)
        line: Record = {"model": self.model, **whole.as_object(), "at": round(self.at, 3)}
        own = None if self.own and (self.own.attempts, self.own.usage) == (self.attempts, self.usage) else self.own
        more = {"rest": self.rest, "judging": self.judging, "own": own}
        line |= {name: spent.as_object() for name, spent in more.items() if spent is not None}
        return line | ({"repair": True} if self.ends_with_repair else {})


def conversation(system_prompt: str | None, question: str, answer: str) -> list[Mapping[str, str]]:
    """Return the messages of one question and its answer, after a system message if there is a prompt."""
    system = [{"role": "system", "content": system_prompt}] if system_prompt else []
    return [*system, {"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def with_metadata(record: Record, item: WorkItem, making: Provenance) -> Record:
    """Return the record with its `metadata` filled in; a record of the user's own schema is returned unchanged.

    All columns have the same type whatever the kind of conversation and the model, so that such files can be loaded
    together: missing reasoning is an empty text, and an unknown cost is 0 with `cost_known` false.
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
        "demonstration": making.demonstration,
    }
    first = {"messages": record["messages"], "metadata": metadata, "reasoning": NO_REASONING}
    return {**first, **record, "metadata": metadata}
