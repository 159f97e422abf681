"""A recipe and a model brought together: requests go one way, replies and errors the other."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from deepfabric_core.chat.messages import Reply, Request, Usage
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


async def drive(recipe: Generator[Request, Reply, T], model: ChatModel, emit: Emit) -> Driven[T]:
    """Run a recipe to its end. A model's error is thrown into it, so that it may do with what it has.

    Raises:
        ModelError: the recipe had no answer to it.
    """
    attempts, usage, reply = 0, Usage(), Reply("", model.name)
    try:
        request = next(recipe)
        while True:
            if request.because is not None:
                emit(ReplyRejected(request.subject.path, request.because))
            attempts += 1
            try:
                reply = await model.complete(request)
            except ModelError as problem:
                request = recipe.throw(problem)
            else:
                usage += reply.usage
                request = replace(recipe.send(reply), continues=True)
    except StopIteration as end:
        return Driven(end.value, attempts, usage, reply.model, reply.simulated)
