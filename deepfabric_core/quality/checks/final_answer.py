"""Answers that hold what belongs around them: thoughts, roles, the JSON of a whole reply, a chat template's marks."""

from __future__ import annotations

import re

from deepfabric_core.quality.checks.check import Problem, excerpt
from deepfabric_core.quality.checks.passages import MOST_CHARACTERS, Passage, Passages

_THOUGHTS = re.compile(r"</?(?:think|thinking|thought|reasoning|scratchpad|reflection|final_answer)>", re.IGNORECASE)
_TEMPLATE = re.compile(
    r"<\|(?:im_start|im_end|im_sep|endoftext|eot_id|start_header_id|end_header_id|begin_of_text|end_of_text|assistant"
    r"|user|system|end|eom_id|channel|message|return)\|>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|</s>\s*$|^\s*<s>"
    r"|<｜[^｜\n]{1,40}｜>"
)
_ROLE = r"[# \t]*(?:\*\*)?(?:{})(?:\*\*)?\s?[:：](?:\*\*)?(?:\s|$)"
_USERS = "User|Human|### Instruction|Instruction|用户|ユーザー|Nutzer|Utilisateur|Usuario"
_ASSISTANTS = "Assistant|AI|Bot|ChatGPT|### Response|Response|助手|アシスタント|Assistent|Asistente"
_USER, _ASSISTANT = (re.compile("(?m)^" + _ROLE.format(names)) for names in (_USERS, _ASSISTANTS))
_LABELS = "Assistant|Final answer|The final answer|Answer|Response|A|AI|Assistant's answer"
_LABEL = re.compile(_ROLE.format(_LABELS), re.IGNORECASE)
# What roles look like among words; without one of them there is no conversation.
_ROLE_WORDS = frozenset(
    form.format(name)
    for name in _ASSISTANTS.lower().split("|")
    for form in ("{}:", "{}：", "**{}:", "**{}:**", "**{}**:", "**{}：**")
)
# The keys of replies in JSON, of which two make a whole reply.
_KEY = re.compile(r"\"(question|answer|reasoning|final_answer|response|thought|chain_of_thought)\"\s*:")
_OPENS = re.compile(r"\s*(?:```(?:json)?\s*)?\{\s*\"", re.IGNORECASE)
_KEYS = 2
_ABOUT_CHATS = re.compile(
    r"json|prompt|chat|dialog|template|token|llm|language model|transcript|conversation|role-?play|script|interview"
    r"|tag\b|markup|quiz|riddle|joke|q&a|q and a|faq"
)


def final_answer_format(passages: Passages) -> Problem | None:
    """Return what is wrong if an answer isn't the answer alone."""
    if not passages.is_conversation:
        return None
    answer = passages.answers[0]
    found, what, advice = _leftover(answer, passages.question)
    if not found:
        return None
    return Problem(f"the answer has {what} in it", f"the answer had {what} in it: {advice}", excerpt(found))


def _leftover(answer: Passage, question: Passage) -> tuple[str | None, str, str]:
    """Return what doesn't belong into an answer, what it is called, and what to do instead."""
    text, is_about = answer.prose[:MOST_CHARACTERS], bool(_ABOUT_CHATS.search(question.folded))
    if "<" in text or "[" in text:
        if found := _THOUGHTS.search(text):
            return (None if is_about else found[0]), "thoughts", "write them elsewhere, and here the answer alone"
        if found := _TEMPLATE.search(text):
            return (None if is_about else found[0]), "marks of a chat's format", "write the answer's text alone"
    if _OPENS.match(answer.text) and len(set(_KEY.findall(answer.text[:MOST_CHARACTERS]))) >= _KEYS:
        return (None if is_about else answer.text[:100]), "the whole reply's JSON", "write the answer's text alone"
    if ":" in text or "：" in text:
        if not _ROLE_WORDS.isdisjoint(answer.words) and _USER.search(text) and _ASSISTANT.search(text):
            return (None if is_about else text[:100]), "a whole conversation", "write what the assistant answers, once"
        if found := _LABEL.match(text):
            return found[0], "a label before it", "begin with the answer itself"
    return None, "", ""
