"""The recipe for samples with reasoning: a question, the reasoning in free text, and the answer."""

from __future__ import annotations

from pydantic import BaseModel, Field

from deepfabric_core.chat.json_replies import Asking, ask, parser_of, schema_of
from deepfabric_core.config.schema import Config
from deepfabric_core.samples.recipes.recipe import Brief, Recipe, SampleRequest
from deepfabric_core.samples.records import Sample, conversation

_TASK = (
    "Write one training conversation about the last topic of that path: a user's question that takes thought, the "
    "reasoning that leads to its answer step by step in plain prose, and the final answer, which stands by itself.\n\n"
    'Reply as JSON: {"question": "...", "reasoning": "...", "answer": "..."}'
)


class ReasonedExchange(BaseModel):
    """The model's reply. The reasoning comes before the answer, so that the model writes it first."""

    question: str = Field(pattern=r"\S")
    reasoning: str = Field(pattern=r"\S")
    answer: str = Field(pattern=r"\S")


def prepare(config: Config) -> Recipe:
    """Return the recipe for `conversation.type: cot` with `reasoning_style: freetext`."""
    request = SampleRequest(config.generation, _TASK, schema_of(ReasonedExchange))
    parse = parser_of(ReasonedExchange)
    system_prompt = config.recorded_system_prompt
    retries = config.generation.sample_retries

    def reasoning(brief: Brief) -> Asking[Sample]:
        exchange = yield from ask(request.about(brief), parse, retries=retries)
        record = {
            "messages": conversation(system_prompt, exchange.question, exchange.answer),
            "metadata": {"conversation_type": "cot"},
            "reasoning": {"style": "freetext", "content": exchange.reasoning},
            "question": exchange.question,
            "final_answer": exchange.answer,
        }
        return Sample(record, exchange.question, exchange.answer)

    return reasoning
