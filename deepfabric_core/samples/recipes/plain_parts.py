"""Ask for a sample in plain text, one part after the other, from models that can't write JSON."""

from __future__ import annotations

from collections.abc import Generator

from deepfabric_core.chat.messages import Message, PlainParts
from deepfabric_core.chat.plain_text import question_in, reasoning_and_answer, said
from deepfabric_core.chat.prompt_caching import message_of
from deepfabric_core.config.schema import Generation
from deepfabric_core.samples.recipes.recipe import Brief, in_language, messages_about

_QUESTION = "Write one question that a user would ask an assistant, in one or two sentences."
_ALONE = "Write the question alone: no answer, no introduction."
_REASON = (
    "Think it through step by step, in plain prose. At the end begin a new line with Answer: and the final answer."
)
_CONCLUDE = "{question}\n\nHere is how one comes to the answer:\n{reasoning}\n\nNow give the final answer."


def exchange(generation: Generation, brief: Brief) -> PlainParts:
    """Ask for a question, then for its answer."""
    question = yield from _question(generation, brief)
    answer = yield _asked(generation, brief, question)
    return {"question": question, "answer": said(answer)}


def reasoned_exchange(generation: Generation, brief: Brief) -> PlainParts:
    """Ask for a question, then for the reasoning and the answer; for the answer again if it isn't marked as one."""
    question = yield from _question(generation, brief)
    written = yield _asked(generation, brief, f"{question}\n\n{_REASON}")
    reasoning, answer = reasoning_and_answer(written)
    if not answer:
        answer = said((yield _asked(generation, brief, _CONCLUDE.format(question=question, reasoning=reasoning))))
    return {"question": question, "reasoning": reasoning, "answer": answer}


def task(generation: Generation, brief: Brief, wanted: str, form: str) -> PlainParts:
    """Ask for a user's task alone."""
    return {"question": question_in((yield messages_about(generation, brief, wanted, form)))}


def _question(generation: Generation, brief: Brief) -> Generator[tuple[Message, ...], str, str]:
    text = yield messages_about(generation, brief, _QUESTION, _ALONE)
    return question_in(text)


def _asked(generation: Generation, brief: Brief, text: str) -> tuple[Message, ...]:
    """Return the messages of a chat in which a user asks something; the instructions are the assistant's."""
    shared = generation.system_prompt, generation.instructions, in_language(generation)
    return message_of("system", shared, [brief.advice]), Message("user", text)
