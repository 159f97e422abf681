"""The recipe for basic samples: a question and its answer."""

from __future__ import annotations

from pydantic import BaseModel, Field

from deepfabric_core.chat.json_replies import Asking, ask, parser_of, schema_of
from deepfabric_core.config.schema import Config
from deepfabric_core.samples.recipes.recipe import Brief, Recipe, SampleRequest
from deepfabric_core.samples.records import Sample, conversation

_TASK = (
    "Write one training conversation about the last topic of that path: a user's question that stands by itself, "
    "and the assistant's complete answer.\n\n"
    'Reply as JSON: {"question": "...", "answer": "..."}'
)


class Exchange(BaseModel):
    """The model's reply."""

    question: str = Field(pattern=r"\S")
    answer: str = Field(pattern=r"\S")


def prepare(config: Config) -> Recipe:
    """Return the recipe for `conversation.type: basic`."""
    request = SampleRequest(config.generation, _TASK, schema_of(Exchange))
    parse = parser_of(Exchange)
    system_prompt = config.recorded_system_prompt
    retries = config.generation.sample_retries

    def basic(brief: Brief) -> Asking[Sample]:
        exchange = yield from ask(request.about(brief), parse, retries=retries)
        record = {
            "messages": conversation(system_prompt, exchange.question, exchange.answer),
            "metadata": {},
            "question": exchange.question,
            "final_answer": exchange.answer,
        }
        return Sample(record, exchange.question, exchange.answer)

    return basic
