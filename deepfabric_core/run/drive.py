"""A recipe brought together with a model and tools: requests and calls go one way, replies and results the other."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

from deepfabric_core.chat.messages import Reply, Request, Usage
from deepfabric_core.chat.tools import ToolResult, ToolUse
from deepfabric_core.errors import ModelError
from deepfabric_core.events import Emit, ReplyRejected
from deepfabric_core.llm.model import ChatModel

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Driven(Generic[T]):
    """What a recipe returned, and what it took."""

    value: T
    attempts: int
    usage: Usage
    model: str
    simulated: bool


class Hands(Protocol):
    """Whatever carries out a recipe's tool calls."""

    async def use(self, wish: ToolUse) -> ToolResult:
        """Carry out a call."""


async def drive(
    recipe: Generator[Request | ToolUse, Any, T], model: ChatModel, emit: Emit, hands: Hands | None = None
) -> Driven[T]:
    """Run a recipe to its end. A model's or a tool's error is thrown into it, so that it may do with what it has.

    Nothing is awaited between a reply and what the recipe makes of it: so the caller has the sample on disk before
    the place of its call is used by another one, and a kill never costs more calls than may be in flight.

    Raises:
        ModelError: the recipe had no answer to it.
    """
    attempts, usage, reply = 0, Usage(), Reply("", model.name)
    answered = False
    try:
        step = next(recipe)
        while True:
            try:
                if isinstance(step, ToolUse):
                    step = recipe.send(await _used(hands, step))
                    continue
                if step.because is not None:
                    emit(ReplyRejected(step.subject.path, step.because))
                attempts += 1
                reply = await model.complete(replace(step, continues=True) if answered else step)
            except ModelError as problem:
                step = recipe.throw(problem)
            else:
                answered = True
                usage += reply.usage
                step = recipe.send(reply)
    except StopIteration as end:
        return Driven(end.value, attempts, usage, reply.model, reply.simulated)


async def _used(hands: Hands | None, wish: ToolUse) -> ToolResult:
    if hands is None:
        return ToolResult(f"there is no tool {wish.name}", error="UnknownTool")
    return await hands.use(wish)
