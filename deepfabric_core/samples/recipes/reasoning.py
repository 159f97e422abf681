"""The recipe for samples with reasoning: a question, the reasoning in free text, and the answer."""

from __future__ import annotations

from pydantic import BaseModel, Field

from deepfabric_core.chat.json_replies import Asking, ask, parser_of, texts_schema
from deepfabric_core.config.schema import Config
from deepfabric_core.samples.recipes import plain_parts
from deepfabric_core.samples.recipes.recipe import Brief, Recipe, SampleRequest
from deepfabric_core.samples.recipes.reply_checks import ReplyChecks
from deepfabric_core.samples.records import Sample, conversation

_TASK = (
    "Write a conversation: first what the user asks, in one or two full sentences which stand alone and take thought, "
    "then the reasoning that leads to the answer step by step in plain prose, and at last the final answer, which "
    "stands by itself."
)
_FORM = 'Reply as a JSON object with the keys "question", "reasoning" and "answer".'

_EXAMPLE = {
    "question": "What the user asks, in a sentence or two",
    "reasoning": "How one comes to the answer, step by step",
    "answer": "What the assistant answers, in full",
}


class ReasonedExchange(BaseModel):
    """The model's reply. The reasoning comes before the answer, so that the model writes it first."""

    question: str = Field(pattern=r"\S")
    reasoning: str = Field(pattern=r"\S")
    answer: str = Field(pattern=r"\S")


def prepare(config: Config) -> Recipe:
    """Return the recipe for `conversation.type: cot` with `reasoning_style: freetext`."""
    request = SampleRequest(
        config.generation, _TASK, _FORM, texts_schema(ReasonedExchange, _EXAMPLE), plain_parts.reasoned_exchange
    )
    parse, checks = parser_of(ReasonedExchange), ReplyChecks(_TASK, _FORM, *_EXAMPLE.values())
    system_prompt = config.recorded_system_prompt
    retries = config.generation.sample_retries

    def reasoning(brief: Brief) -> Asking[Sample]:
        def accepted(text: str) -> ReasonedExchange:
            exchange = parse(text)
            checks.check(exchange.question, exchange.answer, brief, reasoning=exchange.reasoning)
            return exchange

        exchange = yield from ask(request.about(brief), accepted, retries=retries)
        record = {
            "messages": conversation(system_prompt, exchange.question, exchange.answer),
            "metadata": {"conversation_type": "cot"},
            "reasoning": {"style": "freetext", "content": exchange.reasoning},
            "question": exchange.question,
            "final_answer": exchange.answer,
        }
        return Sample(record, exchange.question, exchange.answer)

    return reasoning
