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
from deepfabric_core.export.formats.messages import messages_of
from deepfabric_core.export.tally import Tally, add_to

# What is rendered by a chat template in training.
_RENDERED = ("trl", "trl-prompt-completion", "trl-preference", "trl-kto", "grpo", "axolotl")
# Where a template's marks say what is learned; elsewhere it is the completion.
_MASKED_BY_MARKS = ("trl", "axolotl")


@dataclass(slots=True)
class TrainingCheck:
    """What was found in the records so far.

    Raises:
        ConfigError: no chat template renders the format.
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
            yield from self._rendered(number, conversation)

    def _rendered(self, number: int, conversation: Conversation) -> Iterator[Defect]:
        template = self.target.template
        messages = messages_of(conversation.turns, self.reasoning, named=True)
        try:
            text, learned = template.render_marked(messages, conversation.tools)
        except TemplateRefusal as problem:
            add_to(self.defects, f"the template can't render it: {problem}", number)
            return
        yield from lost_in_text(conversation, text, with_reasoning=self.reasoning != "drop")
        if self.format.name in _MASKED_BY_MARKS and template.has_marks:
            defect = mask_defect(conversation.turns, text, learned)
            if defect is not None:
                yield defect
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


def _conversations(item: object) -> Sequence[Conversation]:
    """Return the conversations that are learned from: two of a pair."""
    match item:
        case Pair(prompt=prompt, chosen=chosen, rejected=rejected):
            return [_answered(prompt, chosen), _answered(prompt, rejected)]
        case Answer(conversation=conversation):
            return [conversation]
        case Conversation():
            return [item]
    return []


def _answered(prompt: Conversation, answer: tuple[Turn, ...]) -> Conversation:
    return Conversation((*prompt.turns, *answer), prompt.tools)
