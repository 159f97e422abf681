"""The recorded model: it answers from a trace, without a network, a key or a cost.

A request gets the reply that was given to an equal one, else to one about the same subject at the same step, else to
the nearest one by its words. So prompts may differ in what depends on timing, such as the questions asked before, and
the same run still gets the same replies, however many calls are made at once.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from deepfabric_core.chat.messages import Message, Reply, Request, SchemaMode, ToolCall
from deepfabric_core.chat.trace import Trace, TracedCall, TracedSubject, asked, trace_in
from deepfabric_core.config.llm import Llm
from deepfabric_core.config.secret_keys import redactor
from deepfabric_core.errors import ConfigError, FailureKind, ModelError
from deepfabric_core.llm.wrappers.known_ways import WAYS
from deepfabric_core.redaction import HIDDEN

# Both stages of a run read their trace, when the run is checked and when it begins.
_REMEMBERED_TRACES = 2
_WORD = re.compile(r"\w+")
# In a short trace a word may tell something though most of the calls have it.
_FEW_CALLS = 100


class _Question(NamedTuple):
    """What was asked, word for word, and in which way."""

    messages: tuple[Message, ...]
    schema: str
    way: SchemaMode | None
    tools: tuple[str, ...]
    tool_choice: str


class _Form(NamedTuple):
    """What kind of reply is wanted: of which schema, and whether it may be a tool call."""

    schema: str
    offers_tools: bool


class _Step(NamedTuple):
    """Where in the work on which subject a request stands; `again` if the reply before it couldn't be used."""

    path: tuple[str, ...]
    variation: int
    form: _Form
    messages: int
    results: int
    again: bool


class RecordedModel:
    """A model that gives the replies of a trace.

    A failure isn't repeated, unless nothing else came of a request or the way of asking for JSON was refused.
    """

    def __init__(self, settings: Llm) -> None:
        self._settings = settings
        self._recording = recording_of(settings)
        self._redact = lru_cache(maxsize=256)(redactor(settings, os.environ))
        self._given: set[int] = set()
        self._borrowed: Counter[_Step] = Counter()

    @property
    def name(self) -> str:
        """Provider and model."""
        return self._settings.name

    async def complete(self, request: Request) -> Reply:
        """Answer one request.

        Raises:
            ModelError: the trace has no reply to anything like it, or the recorded model takes no tools.
        """
        call = asked(request)
        found = self._equal(call)
        if found is None and self._recording.hides:
            call = _redacted(call, self._redact)
            found = self._equal(call)
        if found is None and (error := self._recording.refused.get(_question(call))) is not None:
            raise ModelError(error.message, kind=FailureKind.BAD_REQUEST, status=error.status)
        number = self._near(call, request.subject.taken) if found is None else self._next_of(found)
        return _reply(self._recording.calls[number], request)

    async def close(self) -> None:
        """Do nothing: no connection is open."""

    def _equal(self, call: TracedCall) -> Sequence[int] | None:
        return self._recording.by_question.get(_question(call))

    def _near(self, call: TracedCall, taken: Sequence[str]) -> int:
        """Return the reply to a request that nobody asked word for word; what is `taken` may depend on timing."""
        recording, step = self._recording, _step(call)
        if (found := recording.by_step.get(step)) is not None:
            return self._next_of(found)
        if step.form.offers_tools and recording.refuses_tools:
            raise self._refusal("the recorded model does not support tools")
        if step in recording.failed:
            raise self._refusal("the recorded call failed for good")
        nearest = recording.nearest(step, _words(call, taken))
        if nearest is None:
            raise self._refusal("the trace has no reply to such a request; record a run that makes it")
        found = recording.by_step[_step(recording.calls[nearest])]
        self._borrowed[step] += 1
        return found[min(self._borrowed[step], len(found)) - 1]

    def _next_of(self, found: Sequence[int]) -> int:
        """Return the first reply that wasn't given yet, or else the last one once more."""
        number = next((number for number in found if number not in self._given), found[-1])
        self._given.add(number)
        return number

    def _refusal(self, reason: str) -> ModelError:
        return ModelError(f"{self.name}: {self._recording.source}: {reason}.", kind=FailureKind.BAD_REQUEST)


def recording_of(settings: Llm) -> Recording:
    """Return the recording that a model answers from.

    Raises:
        ConfigError: the file can't be read, isn't a trace, or is damaged.
    """
    path = Path(settings.recorded.path or "")
    try:
        known = path.stat()
        return _loaded(path, path.resolve(), known.st_mtime_ns, known.st_size)
    except OSError as problem:
        said = (problem.strerror or str(problem)).lower()
        raise ConfigError(
            f"{path}: the trace in llm.recorded.path can't be read: {said}; name a file that deepfabric generate "
            "--trace has written."
        ) from problem


@lru_cache(maxsize=_REMEMBERED_TRACES)
def _loaded(path: Path, place: Path, *_: int) -> Recording:
    if not place.is_file():
        raise ConfigError(f"{path}: the trace in llm.recorded.path is not a regular file; name one.")
    with place.open("rb") as file:
        trace = trace_in(file, str(path))
    if trace.damaged:
        raise ConfigError(f"{path}, line {trace.damaged[0]}: it is damaged; remove that line or record the run again.")
    return Recording(trace)


class Recording:
    """What a trace has of replies, with an index. It doesn't change, so runs of a process share it."""

    def __init__(self, trace: Trace) -> None:
        self._every = every = _lasting(trace)
        self.source = trace.source
        self.calls = [call for call in every if call.reply is not None]
        self.by_question: defaultdict[_Question, list[int]] = defaultdict(list)
        self.by_step: defaultdict[_Step, list[int]] = defaultdict(list)
        for number, call in enumerate(self.calls):
            self.by_question[_question(call)].append(number)
            self.by_step[_step(call)].append(number)
        self.refused = {_question(call): call.error for call in every if _is_a_refused_way(call)}
        self.failed = frozenset(_step(call) for call in every) - self.by_step.keys()
        self.hides = any(HIDDEN in message.content for call in self.calls for message in call.request.messages)

    @property
    def way(self) -> SchemaMode | None:
        """The way in which the recorded run began to ask for JSON; None if it had to find it, as this one will."""
        began = next((call.way for call in self._every if call.way is not None), None)
        return None if began == WAYS[0] else began

    @cached_property
    def refuses_tools(self) -> bool:
        """Whether tools were offered and no call with them was answered."""
        offered = any(step.form.offers_tools for step in self.failed)
        return offered and not any(step.form.offers_tools for step in self.by_step)

    def nearest(self, step: _Step, words: set[str]) -> int | None:
        """Return the call of the same form that has the most words in common; None if there is none."""
        near = self._by_words.get(step.form)
        return None if near is None else near.best(step, words, self.calls)

    @cached_property
    def _by_words(self) -> dict[_Form, _Words]:
        forms: defaultdict[_Form, list[int]] = defaultdict(list)
        for number, call in enumerate(self.calls):
            forms[_step(call).form].append(number)
        return {form: _Words.of(numbers, self.calls) for form, numbers in forms.items()}


@dataclass(frozen=True, slots=True)
class _Words:
    """The calls of a form, by the words of their messages; words that most of the calls have tell nothing."""

    numbers: tuple[int, ...]
    having: dict[str, list[int]]
    sizes: dict[int, int]

    @staticmethod
    def of(numbers: Sequence[int], calls: Sequence[TracedCall]) -> _Words:
        having: defaultdict[str, list[int]] = defaultdict(list)
        sizes: dict[int, int] = {}
        for number in numbers:
            words = _words(calls[number])
            sizes[number] = len(words)
            for word in words:
                having[word].append(number)
        most = min(len(numbers) - 1, max(_FEW_CALLS, len(numbers) // 2))
        telling = {word: found for word, found in having.items() if len(found) <= most}
        return _Words(tuple(numbers), telling, sizes)

    def best(self, step: _Step, words: set[str], calls: Sequence[TracedCall]) -> int:
        """Return the call with the most words in common, of these one at the same step, the shortest and earliest."""
        shared: Counter[int] = Counter()
        for word in words:
            shared.update(self.having.get(word, ()))
        most = max(shared.values(), default=0)
        among = [number for number in self.numbers if shared[number] == most]
        same = _place(step)
        return min(among, key=lambda number: (_place(_step(calls[number])) != same, self.sizes[number], number))


def _place(step: _Step) -> tuple[int, int, bool]:
    return step.messages, step.results, step.again


def _words(call: TracedCall, taken: Sequence[str] = ()) -> set[str]:
    """Return the words of all messages but the system's, without the list of what is `taken`."""
    text = "\n".join(message.content for message in call.request.messages if message.role != "system")
    for one in taken:
        text = text.replace(f"\n- {one}", "")
    return set(_WORD.findall(text.casefold()))


def _lasting(trace: Trace) -> list[TracedCall]:
    """Return the calls that count: a later session replaces what it makes again, from its first step on.

    A session that was killed may have had replies that nobody saw any more, and failed samples may be tried again.
    """
    works: defaultdict[tuple[str, TracedSubject], list[tuple[int, TracedCall]]] = defaultdict(list)
    number = 0
    for session in trace.sessions:
        begun = set()
        for call in session:
            work = call.stage, replace(call.subject, wanted=0)
            if work not in begun:
                begun.add(work)
                works[work] = _before(works[work], _step(call))
            works[work].append((number, call))
            number += 1
    return [call for _, call in sorted((one for calls in works.values() for one in calls), key=lambda one: one[0])]


def _before(calls: Iterable[tuple[int, TracedCall]], step: _Step) -> list[tuple[int, TracedCall]]:
    return list(takewhile(lambda one: _step(one[1]) != step, calls))


def _question(call: TracedCall) -> _Question:
    request = call.request
    return _Question(request.messages, request.schema, call.way, request.tools, request.tool_choice)


def _step(call: TracedCall) -> _Step:
    request, subject = call.request, call.subject
    return _Step(
        subject.path,
        subject.variation,
        _Form(request.schema, bool(request.offered_tools)),
        len(request.messages),
        sum(message.role == "tool" for message in request.messages),
        bool(call.because),
    )


def _is_a_refused_way(call: TracedCall) -> bool:
    """Return whether a server refused how JSON was asked for; a replay finds the way by the same refusals."""
    return call.way is not None and call.error is not None and call.error.kind == FailureKind.BAD_REQUEST.value


def _redacted(call: TracedCall, redact: Callable[[str], str]) -> TracedCall:
    """Return a call as it would be recorded."""

    def hidden(message: Message) -> Message:
        calls = tuple(ToolCall(redact(one.id), redact(one.name), redact(one.arguments)) for one in message.tool_calls)
        own = None if message.tool_call_id is None else redact(message.tool_call_id)
        return Message(message.role, redact(message.content), calls, own)

    request = replace(call.request, messages=tuple(map(hidden, call.request.messages)))
    subject = replace(call.subject, path=tuple(map(redact, call.subject.path)))
    return replace(call, request=request, subject=subject)


def _reply(call: TracedCall, request: Request) -> Reply:
    """Return a recorded reply, in the way in which it is asked for now."""
    said = call.reply
    if said is None:
        raise AssertionError
    text, calls, reason = said.text, said.tool_calls, said.finish_reason
    if call.way == "tool" and request.schema_mode != "tool" and calls and not call.request.offered_tools:
        text, calls, reason = calls[0].arguments, (), "stop"
    return Reply(text, said.model, reason, call.usage, calls, said.simulated, said.demonstration)
