"""Run a recipe: pass its requests to the model and its tool calls to the tools, and give it the replies and results."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Protocol, TypeVar

from deepfabric_core.chat.messages import Reply, Request, Spent, Usage
from deepfabric_core.chat.rejected_calls import RejectedCalls
from deepfabric_core.chat.tools import ToolResult, ToolUse
from deepfabric_core.errors import FailureKind, ModelError, ReplyError
from deepfabric_core.events import Emit, ReplyRejected
from deepfabric_core.llm.model import ChatModel
from deepfabric_core.store.step_log import Answer, Step, StepLog, Steps, is_repair

T = TypeVar("T")
RecipeSteps = Generator[Request | ToolUse, Any, T]


@dataclass(frozen=True, slots=True)
class RecipeResult(Generic[T]):
    """What a recipe returned, and what it used, including replies to earlier processes.

    `rest` is the part of the usage that no line of the steps' file holds, if that has lines for this recipe. `own` is
    what was answered without repairs, and `ends_with_repair` says whether the last reply was one.
    """

    value: T
    attempts: int
    usage: Usage
    model: str
    simulated: bool
    demonstration: bool
    rest: Spent | None = None
    own: Spent = field(default_factory=Spent)
    ends_with_repair: bool = False


class ToolRunner(Protocol):
    """Anything that carries out a recipe's tool calls."""

    async def use(self, tool_use: ToolUse) -> ToolResult:
        """Carry out a call."""

    async def redo(self, tool_use: ToolUse, known: ToolResult) -> ToolResult:
        """Repeat, for its effect, a call of an earlier process whose result is `known`."""


class StateLost(Exception):
    """The tools' state of an earlier process can't be restored, so the work item has to begin anew."""


async def run_recipe(
    recipe: RecipeSteps[T],
    model: ChatModel,
    emit: Emit,
    tool_sessions: ToolRunner | None = None,
    *,
    steps: Steps | None = None,
    rejected: RejectedCalls | None = None,
) -> RecipeResult[T]:
    """Run a recipe to its end. Errors of models and tools are thrown into it, so that it can handle them.

    The recipe continues from where an earlier process was killed: it is given the answers in `steps`, and the tools
    repeat the calls among them. Nothing is awaited between a reply and its processing by the recipe. So the reply is on
    disk (as a sample, by the caller, or as a step, here) before its permit is used by another call, and a kill never
    loses more replies than calls may be in flight. Calls that come to nothing are added to `rejected`.

    Raises:
        ModelError: the recipe didn't handle it.
        StateLost: a call of an earlier process failed, or had another outcome, when it was repeated.
        OutputError: a step can't be written.
    """
    exchange = _Exchange(model, emit, tool_sessions, steps or StepLog().of(()), rejected or RejectedCalls())
    try:
        step = next(recipe)
        while True:
            known = exchange.steps.recall(step)
            answer = await (exchange.ask(step) if known is None else exchange.repeat(step, known))
            step = exchange.tell(recipe, step, answer, keep=known is None)
    except StopIteration as end:
        return exchange.driven(end.value)
    except ReplyError as problem:
        exchange.reject(problem.kind, str(problem))
        raise


@dataclass
class _Exchange:
    """The exchange between one recipe, its model and its tools; `unkept` is the usage of a reply that isn't on file."""

    model: ChatModel
    emit: Emit
    tool_sessions: ToolRunner | None
    steps: Steps
    rejected: RejectedCalls
    attempts: int = 0
    usage: Usage = field(default_factory=Usage)
    unkept: Usage = field(default_factory=Usage)
    own: Spent = field(default_factory=Spent)
    ends_with_repair: bool = False
    last: Reply | None = None
    asked: Request | None = None

    async def ask(self, step: Step) -> Answer | ModelError:
        """Send a step to the model or to a tool."""
        try:
            if isinstance(step, ToolUse):
                return await self._use(step)
            if step.because is not None:
                self._ask_again(step, step.because)
            self.attempts += 1
            self.asked = step
            reply = await self.model.complete(replace(step, continues=True) if self.last else step)
        except ReplyError as problem:
            self._count(step, problem.reply)
            return problem
        except ModelError as problem:
            self.asked = None
            if isinstance(step, Request) and problem.kind is not FailureKind.INTERNAL:
                self.rejected.add(step, None, problem.kind, str(problem))
            return problem
        self._count(step, reply)
        return reply

    def _ask_again(self, step: Request, because: FailureKind) -> None:
        """Tell that a reply was refused; one to an earlier process isn't at hand any more."""
        shown = self.rejected.last if self.reject(because, step.reason) else ("", "")
        self.emit(ReplyRejected(step.subject.path, because, self.rejected.hide(step.reason), *shown))

    def reject(self, kind: FailureKind, reason: str) -> bool:
        """Add the last call to the rejected ones, if it was made by this process; return whether it was."""
        asked, self.asked = self.asked, None
        if asked is None or self.last is None:
            return False
        self.rejected.add(asked, self.last, kind, reason)
        return True

    async def repeat(self, step: Step, known: Answer) -> Answer:
        """Take an earlier process's answer, and restore the tools' state after it."""
        if isinstance(step, ToolUse) and isinstance(known, ToolResult):
            await self._redo(step, known)
            return known
        self.attempts += 1
        self._count(step, known.reply if isinstance(known, ReplyError) else known)
        self.unkept = Usage()
        return known

    def tell(self, recipe: RecipeSteps[T], step: Step, answer: Answer | ModelError, *, keep: bool) -> Step:
        """Pass the answer to the recipe, return its next step, and keep the answer, the last one only if asked to."""
        returned = False
        try:
            return recipe.throw(answer) if isinstance(answer, ModelError) else recipe.send(answer)
        except StopIteration:
            returned = True
            raise
        finally:
            if keep and (self.steps.keeps_last or not returned):
                self._keep(step, answer)

    def driven(self, value: T) -> RecipeResult[T]:
        """Return the recipe's result."""
        last, kept = self.last or Reply("", self.model.name), self.steps.on_file
        rest = Spent(self.attempts - kept, self.unkept) if kept else None
        marks = last.simulated, last.demonstration
        made = value, self.attempts, self.usage, last.model
        return RecipeResult(*made, *marks, rest, self.own, self.ends_with_repair)

    def _count(self, step: Step, reply: object) -> None:
        if isinstance(reply, Reply):
            self.last = reply
            self.ends_with_repair = is_repair(step)
            if not self.ends_with_repair:
                self.own += Spent(reply.calls, reply.usage, reply.calls if reply.usage.cost is None else 0)
            self.attempts += reply.calls - 1
            self.usage += reply.usage
            self.unkept = reply.usage

    def _keep(self, step: Step, answer: Answer | ModelError) -> None:
        """Keep an answer that was paid for or had an effect; a call that failed is simply repeated."""
        if isinstance(answer, Reply | ToolResult) or (isinstance(answer, ReplyError) and answer.reply is not None):
            self.steps.add(step, answer)
            self.unkept = Usage()

    async def _use(self, tool_use: ToolUse) -> ToolResult:
        if self.tool_sessions is None:
            return ToolResult(f"there is no tool {tool_use.name}", error="UnknownTool")
        return await self.tool_sessions.use(tool_use)

    async def _redo(self, tool_use: ToolUse, known: ToolResult) -> None:
        if self.tool_sessions is None:
            return
        try:
            now = await self.tool_sessions.redo(tool_use, known)
        except ModelError as problem:
            raise StateLost(str(problem)) from problem
        if bool(now.error) != bool(known.error):
            raise StateLost(f"{tool_use.name}: {now.error or 'no error'} instead of {known.error or 'no error'}")
