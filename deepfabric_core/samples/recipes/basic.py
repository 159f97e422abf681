"""The recipe for basic samples: a question and its answer."""

from __future__ import annotations

from pydantic import BaseModel, Field

from deepfabric_core.chat.json_replies import Asking, ask, parser_of, texts_schema
from deepfabric_core.config.schema import Config
from deepfabric_core.samples.recipes import plain_parts
from deepfabric_core.samples.recipes.recipe import Brief, Recipe, SampleRequest
from deepfabric_core.samples.recipes.reply_checks import ReplyChecks
from deepfabric_core.samples.records import Sample, conversation

_TASK = (
    "Write a conversation: first what the user asks, in one or two full sentences which stand alone, then the "
    "assistant's complete answer."
)
_FORM = 'Reply as a JSON object with the keys "question" and "answer".'

_EXAMPLE = {"question": "What the user asks, in a sentence or two", "answer": "What the assistant answers, in full"}


class Exchange(BaseModel):
    """The model's reply."""

    question: str = Field(pattern=r"\S")
    answer: str = Field(pattern=r"\S")


def prepare(config: Config) -> Recipe:
    """Return the recipe for `conversation.type: basic`."""
    request = SampleRequest(config.generation, _TASK, _FORM, texts_schema(Exchange, _EXAMPLE), plain_parts.exchange)
    parse, checks = parser_of(Exchange), ReplyChecks(_TASK, _FORM, *_EXAMPLE.values())
    system_prompt = config.recorded_system_prompt
    retries = config.generation.sample_retries

    def basic(brief: Brief) -> Asking[Sample]:
        def accepted(text: str) -> Exchange:
            exchange = parse(text)
            checks.check(exchange.question, exchange.answer, brief)
            return exchange

        exchange = yield from ask(request.about(brief), accepted, retries=retries)
        record = {
            "messages": conversation(system_prompt, exchange.question, exchange.answer),
            "metadata": {},
            "question": exchange.question,
            "final_answer": exchange.answer,
        }
        return Sample(record, exchange.question, exchange.answer)

    return basic
