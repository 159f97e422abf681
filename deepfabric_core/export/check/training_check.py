"""Check each record of an export as a trainer would see it, and add up what is wrong."""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from deepfabric_core.errors import ConfigError
from deepfabric_core.export.chat_template import ChatTemplate, TemplateRefusal
from deepfabric_core.export.check.defects import Defect, defects_in, holds_any, lost_in_text
from deepfabric_core.export.check.parameter_types import ParameterTypes
from deepfabric_core.export.check.placeholders import Placeholders, shape_of, with_placeholders
from deepfabric_core.export.check.target import Target
from deepfabric_core.export.check.unread_parts import has_unread_parts
from deepfabric_core.export.conversation import Conversation, Turn
from deepfabric_core.export.entries import Entry
from deepfabric_core.export.formats.format import Answer, Converted, Format, Pair, Reasoning
from deepfabric_core.export.formats.messages import KEYS, messages_of, split_at_answer, steps_of
from deepfabric_core.export.tally import Tally, add_to
from deepfabric_core.samples.reading import JournalLine, path_of

# What is rendered by a chat template in training.
_RENDERED = ("trl", "trl-prompt-completion", "trl-preference", "trl-kto", "grpo", "axolotl")
# Where all of the assistant's turns are learned; elsewhere it is the completion.
_WHOLE = ("trl", "axolotl")
# Where a template's marks say what is learned. Axolotl finds the turns by itself.
_MASKED_BY_MARKS = "trl"
_PLACES: tuple[Reasoning, ...] = ("reasoning_content", "thinking", "think-tags")
# What learns an answer of several steps step by step.
_STEPS = "trl-prompt-completion"
# So many shapes of conversations are remembered.
_SHAPES = 4096

Shaped = tuple[frozenset[Defect], frozenset[Defect]]


@dataclass(slots=True)
class TrainingCheck:
    """What was found in the records so far.

    With `assistant_only`, the loss is of the assistant's tokens alone, which a template has to mark for TRL.
    `keeps_all` keeps every finding, and not only the first ones of each kind.

    Raises:
        ConfigError: no chat template renders the format, or there is a context and no tokenizer.
    """

    target: Target
    format: Format
    reasoning: Reasoning
    context: int | None = None
    assistant_only: bool = False
    keeps_all: bool = False
    records: int = 0
    defects: dict[str, Tally] = field(default_factory=dict)
    tokens: array[int] = field(default_factory=lambda: array("I"))
    findings: list[tuple[int, str]] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    _types: ParameterTypes = field(default_factory=ParameterTypes)
    _shapes: dict[Hashable, Shaped] = field(default_factory=dict)
    _keeping: set[str] | None = None

    def __post_init__(self) -> None:
        if self.format.name not in _RENDERED and not self._is_text:
            known = ", ".join((*_RENDERED, "harmony", "chatml"))
            raise ConfigError(f"--check: no chat template renders {self.format.name}; it checks {known} and templates.")
        if self.context is not None and self.target.encode is None:
            raise ConfigError(f"--context: {self.target.untokenized}.")
        if self.assistant_only and self.format.name != _MASKED_BY_MARKS:
            raise ConfigError(f"--assistant-only is about conversations as trl has them, and not {self.format.name}.")
        self.context = self.context or self.target.context

    @property
    def _is_text(self) -> bool:
        return self.format.columns is not None and set(self.format.columns) == {"text"}

    @property
    def marks_nothing(self) -> bool:
        """Whether the template marks nothing as the assistant's, and something would have to."""
        return self.format.name == _MASKED_BY_MARKS and not self.target.template.has_marks

    @property
    def learns_no_end(self) -> bool:
        """Whether what the template marks of a turn ends with its words, so that a model isn't taught to stop."""
        template = self.target.template
        if self.format.name != _MASKED_BY_MARKS or not template.has_marks or not self.target.markers:
            return False
        question = {"role": "user", "content": "dummy question"}
        answer = {"role": "assistant", "content": "dummy answer"}
        try:
            _, marked = template.render_marked([question, answer, question])
        except TemplateRefusal:
            return False
        return marked.rstrip().endswith(answer["content"])

    def see(self, entry: Entry, made: Converted) -> None:
        """Check what was made of a record."""
        self.records += 1
        number = entry.number
        found: set[str] = set()
        if made.left_out:
            found.add(f"left out of the export: {made.left_out}")
        elif made.rows:
            found.update(map(str, self._in_texts(entry.item, made) if self._is_text else self._in_item(number, entry)))
        for defect in sorted(found):
            self._add(defect, number, entry.record, entry.dataset)

    def finish(self) -> None:
        """Add what is known once all records were seen."""
        for place, numbers in self._types.mixed():
            for number in numbers:
                self._add(f"{Defect.TYPES}: {place}", number)

    def _add(self, defect: str, number: int, record: JournalLine | None = None, dataset: str = "") -> None:
        is_new = add_to(self.defects, defect, number, dataset)
        if self.keeps_all and is_new:
            self.findings.append((number, defect))
        if self.keeps_all and record is not None:
            self.names[number] = name_of(record)

    def _in_texts(self, item: object, made: Converted) -> Iterator[Defect]:
        for row in made.rows:
            yield from self._count(row["text"], special=True)
            if isinstance(item, Conversation):
                thought = item.turns if self.reasoning != "drop" else ()
                yield from lost_in_text(item, row["text"], thought)

    def _in_item(self, number: int, entry: Entry) -> Iterator[str]:
        for conversation in _conversations(entry.item):
            yield from defects_in(conversation)
            self._types.see(number, conversation)
            if holds_any(conversation, self.target.markers):
                yield Defect.MARKERS
        if isinstance(entry.item, Conversation) and has_unread_parts(entry.record, entry.item):
            yield Defect.UNREAD
        for example in examples_of(self.format, entry.item):
            try:
                yield from self._rendered(example)
            except TemplateRefusal as problem:
                yield f"the template can't render it: {problem}"
                return

    def _rendered(self, example: Example) -> Iterator[Defect]:
        tools = example.whole.tools
        template = self.target.template_for(tools)
        messages = messages_of(example.whole.turns, self.reasoning, named=True)
        text, learned = template.render_marked(messages, tools)
        yield from lost_in_text(example.whole, text, example.learned if self._keeps_reasoning else ())
        lost, masked = self._of_shape(example, template)
        yield from lost
        if self._needs_marks(template) and example.learned:
            yield from masked if learned.strip() else (Defect.EMPTY_MASK,)
        if example.is_completed:
            prompt, _ = template.render_marked(messages[: -len(example.learned)], tools, asks=True)
            if not text.startswith(prompt):
                yield Defect.BEGINNING
        yield from self._count(text, special=False)

    @property
    def _keeps_reasoning(self) -> bool:
        return self.reasoning != "drop"

    def _needs_marks(self, template: ChatTemplate) -> bool:
        return self.format.name == _MASKED_BY_MARKS and (template.has_marks or self.assistant_only)

    def _of_shape(self, example: Example, template: ChatTemplate) -> Shaped:
        """Return what is lost, and what is marked wrongly, in all examples of the same shape."""
        shape = (shape_of(example.whole), len(example.learned), template is self.target.template)
        if (known := self._shapes.get(shape)) is not None:
            return known
        made = with_placeholders(example.whole)
        first = len(example.whole.turns) - len(example.learned)
        found = _placed(made, template, self.reasoning, first)
        if Defect.REASONING in found[0]:
            self._note_lost_reasoning(made, template, first)
        if len(self._shapes) < _SHAPES:
            self._shapes[shape] = found
        return found

    def _note_lost_reasoning(self, made: Placeholders, template: ChatTemplate, first: int) -> None:
        """Note what would keep the reasoning of all that lose it: another place for it, or a row for each step."""
        places = [place for place in _PLACES if place in self.format.reasoning]
        keeping: set[str] = {
            place for place in places if Defect.REASONING not in _placed(made, template, place, first)[0]
        }
        steps = list(steps_of(made.conversation)) if self.format.name in _WHOLE else []
        if steps and Defect.REASONING not in _placed(made, template, self.reasoning, len(steps[0].turns) - 1)[0]:
            keeping.add(_STEPS)
        self._keeping = keeping if self._keeping is None else self._keeping & keeping

    @property
    def advice(self) -> str:
        """What to do about reasoning that is lost; "" if none is."""
        if self._keeping is None:
            return ""
        place = next((place for place in _PLACES if place in self._keeping), None)
        if place is not None:
            copied = ", where the latest releases of transformers copy it by themselves" if place in KEYS else ""
            return f"--reasoning {place} keeps the reasoning in this template{copied}"
        if _STEPS in self._keeping:
            return f"this template keeps the reasoning after the last question alone: {_STEPS} learns that"
        return "no place keeps all of the reasoning in this template; --reasoning drop leaves it out on purpose"

    def _count(self, text: str, *, special: bool) -> Iterator[Defect]:
        target = self.target
        if target.encode is None:
            return
        ids = target.encode(text, special)
        self.tokens.append(len(ids))
        if self.context is not None and len(ids) > self.context:
            yield Defect.TOO_LONG
        for token, defect in ((target.bos, Defect.TWO_BEGINNINGS), (target.eos, Defect.TWO_ENDS)):
            number = target.ids.get(token)
            if number is not None and (number, number) in pairwise(ids):
                yield defect


def name_of(record: JournalLine) -> str:
    """Return what people know a record by: its id, or else its topic; "" if it has neither."""
    own = record.get("id")
    return str(own) if isinstance(own, str | int) else " > ".join(path_of(record))


def report_of(check: TrainingCheck) -> dict[str, Any]:
    """Return all that a check found that keeps all: each defect with all its records, and these with their names."""
    by_defect: dict[str, list[int]] = {}
    for number, defect in check.findings:
        by_defect.setdefault(defect, []).append(number)
    counts = sorted(check.tokens)
    return {
        "checked_against": check.target.name,
        "format": check.format.name,
        "records": check.records,
        "defective_records": len({number for number, _ in check.findings}),
        "tokens": {"min": counts[0], "median": counts[len(counts) // 2], "max": counts[-1]} if counts else None,
        "context": check.context,
        "defects": [
            {
                "defect": defect,
                "count": len(numbers),
                "records": [{"record": number, "name": check.names.get(number, "")} for number in numbers],
            }
            for defect, numbers in sorted(by_defect.items(), key=lambda one: -len(one[1]))
        ],
    }


def _placed(made: Placeholders, template: ChatTemplate, place: Reasoning, first: int) -> Shaped:
    """Return what of a conversation of placeholders is lost, and what is marked wrongly."""
    conversation = made.conversation
    try:
        text, marked = template.render_marked(messages_of(conversation.turns, place, named=True), conversation.tools)
    except TemplateRefusal:
        return frozenset(), frozenset()
    lost = frozenset(made.lost_in(text, first, thoughts=place != "drop"))
    return lost, frozenset(made.wrongly_marked(text, marked))


@dataclass(frozen=True, slots=True)
class Example:
    """What a trainer sees at once, and the last turns of it, which are learned, as a completion or by marks."""

    whole: Conversation
    learned: tuple[Turn, ...]
    is_completed: bool = False


def examples_of(chosen: Format, item: object) -> Iterator[Example]:
    """Yield what a trainer makes of an item in a format."""
    for conversation in _conversations(item):
        parts = split_at_answer(conversation)
        if chosen.name in _WHOLE or parts is None:
            yield Example(conversation, conversation.turns)
        elif chosen.name == "grpo":
            yield Example(parts[0], ())
        elif chosen.name == "trl-prompt-completion":
            yield from (Example(whole, whole.turns[-1:], is_completed=True) for whole in steps_of(conversation))
        else:
            yield Example(conversation, parts[1], is_completed=True)


def _conversations(item: object) -> Sequence[Conversation]:
    """Return the conversations that are learned from: two of a pair."""
    match item:
        case Pair(prompt=prompt, chosen=chosen, rejected=rejected):
            return [Conversation((*prompt.turns, *answer), prompt.tools) for answer in (chosen, rejected)]
        case Answer(conversation=conversation):
            return [conversation]
        case Conversation():
            return [item]
    return []
