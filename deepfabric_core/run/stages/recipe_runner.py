"""A recipe brought together with a model and tools: requests and calls go one way, replies and results the other."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Protocol, TypeVar

from deepfabric_core.chat.messages import Reply, Request, Spent, Usage
from deepfabric_core.chat.tools import ToolResult, ToolUse
from deepfabric_core.errors import ModelError, ReplyError
from deepfabric_core.events import Emit, ReplyRejected
from deepfabric_core.llm.model import ChatModel
from deepfabric_core.store.step_log import Answer, Step, StepLog, Steps

T = TypeVar("T")
RecipeSteps = Generator[Request | ToolUse, Any, T]


@dataclass(frozen=True, slots=True)
class RecipeResult(Generic[T]):
    """What a recipe returned, and what it took; `rest` is what of that no line of the steps' file holds, if it has any.

    What an earlier process was answered counts too.
    """

    value: T
    attempts: int
    usage: Usage
    model: str
    simulated: bool
    rest: Spent | None = None


class ToolRunner(Protocol):
    """Whatever carries out a recipe's tool calls."""

    async def use(self, wish: ToolUse) -> ToolResult:
        """Carry out a call."""

    async def redo(self, wish: ToolUse, known: ToolResult) -> ToolResult:
        """Carry out again, for its effect, a call of an earlier process whose result is `known`."""


class StateLost(Exception):
    """The tools' state of an earlier process can't be had again, so the work item has to begin anew."""


async def run_recipe(
    recipe: RecipeSteps[T], model: ChatModel, emit: Emit, hands: ToolRunner | None = None, *, steps: Steps | None = None
) -> RecipeResult[T]:
    """Run a recipe to its end. A model's or a tool's error is thrown into it, so that it may do with what it has.

    The recipe goes on from where an earlier process was killed: it is given the answers that `steps` hold, and the
    tools carry out those calls again. Nothing is awaited between a reply and what the recipe makes of it: so the reply
    is on disk, by the caller as a sample or here as a step, before the place of its call is used by another one, and a
    kill never costs more calls than may be in flight.

    Raises:
        ModelError: the recipe had no answer to it.
        StateLost: a call of an earlier process failed, or came to another end, when it was carried out again.
        OutputError: a step can't be written.
    """
    exchange = _Exchange(model, emit, hands, steps or StepLog().of(()))
    try:
        step = next(recipe)
        while True:
            known = exchange.steps.recall(step)
            answer = await (exchange.ask(step) if known is None else exchange.repeat(step, known))
            step = exchange.tell(recipe, step, answer, keep=known is None)
    except StopIteration as end:
        return exchange.driven(end.value)


@dataclass
class _Exchange:
    """What goes back and forth for one recipe; `unkept` is the usage of a reply that isn't in the steps' file."""

    model: ChatModel
    emit: Emit
    hands: ToolRunner | None
    steps: Steps
    attempts: int = 0
    usage: Usage = field(default_factory=Usage)
    unkept: Usage = field(default_factory=Usage)
    last: Reply | None = None

    async def ask(self, step: Step) -> Answer | ModelError:
        """Put a step to the model or to a tool."""
        try:
            if isinstance(step, ToolUse):
                return await self._use(step)
            if step.because is not None:
                self.emit(ReplyRejected(step.subject.path, step.because))
            self.attempts += 1
            reply = await self.model.complete(replace(step, continues=True) if self.last else step)
        except ReplyError as problem:
            self._count(problem.reply)
            return problem
        except ModelError as problem:
            return problem
        self._count(reply)
        return reply

    async def repeat(self, step: Step, known: Answer) -> Answer:
        """Take an earlier process's answer, with the tools' state as it was after it."""
        if isinstance(step, ToolUse) and isinstance(known, ToolResult):
            await self._redo(step, known)
            return known
        self.attempts += 1
        self._count(known.reply if isinstance(known, ReplyError) else known)
        self.unkept = Usage()
        return known

    def tell(self, recipe: RecipeSteps[T], step: Step, answer: Answer | ModelError, *, keep: bool) -> Step:
        """Tell the recipe the answer. That is kept, unless the recipe returns with it; answers the next step."""
        returned = False
        try:
            return recipe.throw(answer) if isinstance(answer, ModelError) else recipe.send(answer)
        except StopIteration:
            returned = True
            raise
        finally:
            if keep and not returned:
                self._keep(step, answer)

    def driven(self, value: T) -> RecipeResult[T]:
        """What it came to."""
        last, kept = self.last or Reply("", self.model.name), self.steps.on_file
        rest = Spent(self.attempts - kept, self.unkept) if kept else None
        return RecipeResult(value, self.attempts, self.usage, last.model, last.simulated, rest)

    def _count(self, reply: object) -> None:
        if isinstance(reply, Reply):
            self.last = reply
            self.usage += reply.usage
            self.unkept = reply.usage

    def _keep(self, step: Step, answer: Answer | ModelError) -> None:
        """Keep what was paid for or did something; a call that failed is simply made again."""
        if isinstance(answer, Reply | ToolResult) or (isinstance(answer, ReplyError) and answer.reply is not None):
            self.steps.add(step, answer)
            self.unkept = Usage()

    async def _use(self, wish: ToolUse) -> ToolResult:
        if self.hands is None:
            return ToolResult(f"there is no tool {wish.name}", error="UnknownTool")
        return await self.hands.use(wish)

    async def _redo(self, wish: ToolUse, known: ToolResult) -> None:
        if self.hands is None:
            return
        try:
            now = await self.hands.redo(wish, known)
        except ModelError as problem:
            raise StateLost(str(problem)) from problem
        if bool(now.error) != bool(known.error):
            raise StateLost(f"{wish.name}: {now.error or 'no error'} instead of {known.error or 'no error'}")
