"""Check each record of an export as a trainer would see it, and add up what is wrong."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from deepfabric_core.errors import ConfigError
from deepfabric_core.export.chat_template import TemplateRefusal
from deepfabric_core.export.check.defects import Defect, defects_in, lost_in_text, mask_defect
from deepfabric_core.export.check.parameter_types import ParameterTypes
from deepfabric_core.export.check.target import Target
from deepfabric_core.export.conversation import Conversation, Turn
from deepfabric_core.export.formats.format import Answer, Converted, Format, Pair, Reasoning
from deepfabric_core.export.formats.messages import messages_of, split_at_answer, steps_of
from deepfabric_core.export.tally import Tally, add_to

# What is rendered by a chat template in training.
_RENDERED = ("trl", "trl-prompt-completion", "trl-preference", "trl-kto", "grpo", "axolotl")
# Where a template's marks say what is learned; elsewhere it is the completion.
_MASKED_BY_MARKS = ("trl", "axolotl")


@dataclass(slots=True)
class TrainingCheck:
    """What was found in the records so far.

    Raises:
        ConfigError: no chat template renders the format, or there is a context and no tokenizer.
    """

    target: Target
    format: Format
    reasoning: Reasoning
    context: int | None = None
    records: int = 0
    defects: dict[str, Tally] = field(default_factory=dict)
    tokens: array[int] = field(default_factory=lambda: array("I"))
    _types: ParameterTypes = field(default_factory=ParameterTypes)

    def __post_init__(self) -> None:
        if self.format.name not in _RENDERED and not self._is_text:
            known = ", ".join((*_RENDERED, "harmony", "chatml"))
            raise ConfigError(f"--check: no chat template renders {self.format.name}; it checks {known} and templates.")
        if self.context is not None and self.target.encode is None:
            raise ConfigError(f"--context: {self.target.name} has no tokenizer; check a folder with tokenizer.json.")
        self.context = self.context or self.target.context

    @property
    def _is_text(self) -> bool:
        return self.format.columns is not None and set(self.format.columns) == {"text"}

    @property
    def marks_nothing(self) -> bool:
        """Whether the template marks nothing as the assistant's, and something would have to."""
        return self.format.name in _MASKED_BY_MARKS and not self.target.template.has_marks

    def see(self, number: int, item: object, made: Converted) -> None:
        """Check what was made of a record."""
        if not made.rows:
            return
        self.records += 1
        found = set(self._in_texts(made)) if self._is_text else set(self._in_item(number, item))
        for defect in sorted(found):
            add_to(self.defects, defect, number)

    def _in_texts(self, made: Converted) -> Iterator[Defect]:
        for row in made.rows:
            yield from self._count(row["text"], special=True)

    def _in_item(self, number: int, item: object) -> Iterator[Defect]:
        for conversation in _conversations(item):
            yield from defects_in(conversation)
            if self._types.are_mixed_by(conversation):
                yield Defect.TYPES
        for example in examples_of(self.format, item):
            try:
                yield from self._rendered(example)
            except TemplateRefusal as problem:
                add_to(self.defects, f"the template can't render it: {problem}", number)
                return

    def _rendered(self, example: Example) -> Iterator[Defect]:
        template, tools = self.target.template, example.whole.tools
        messages = messages_of(example.whole.turns, self.reasoning, named=True)
        text, learned = template.render_marked(messages, tools)
        thought = example.learned if self.reasoning != "drop" else ()
        yield from lost_in_text(example.whole, text, thought)
        if self.format.name in _MASKED_BY_MARKS:
            defect = mask_defect(example.learned, text, learned) if template.has_marks else None
            if defect is not None:
                yield defect
        elif example.learned:
            prompt, _ = template.render_marked(messages[: -len(example.learned)], tools, asks=True)
            if not text.startswith(prompt):
                yield Defect.BEGINNING
        yield from self._count(text, special=False)

    def _count(self, text: str, *, special: bool) -> Iterator[Defect]:
        target = self.target
        if target.encode is None:
            return
        ids = target.encode(text, special)
        self.tokens.append(len(ids))
        if self.context is not None and len(ids) > self.context:
            yield Defect.TOO_LONG
        if target.bos is not None and ids[:2] == [target.bos] * 2:
            yield Defect.TWO_BEGINNINGS
        if target.eos is not None and ids[-2:] == [target.eos] * 2:
            yield Defect.TWO_ENDS


@dataclass(frozen=True, slots=True)
class Example:
    """What a trainer sees at once, and the last turns of it, which are learned."""

    whole: Conversation
    learned: tuple[Turn, ...]


def examples_of(chosen: Format, item: object) -> Iterator[Example]:
    """Yield what a trainer makes of an item in a format."""
    for conversation in _conversations(item):
        parts = split_at_answer(conversation)
        if chosen.name in _MASKED_BY_MARKS or parts is None:
            yield Example(conversation, conversation.turns)
        elif chosen.name == "grpo":
            yield Example(parts[0], ())
        elif chosen.name == "trl-prompt-completion":
            yield from (Example(whole, whole.turns[-1:]) for whole in steps_of(conversation))
        else:
            yield Example(conversation, parts[1])


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
