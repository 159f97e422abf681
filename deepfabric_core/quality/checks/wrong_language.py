"""Texts in another language than the dataset's."""

from __future__ import annotations

import re

from deepfabric_core.errors import ConfigError
from deepfabric_core.quality.checks.check import Find, Problem, Settings, excerpt
from deepfabric_core.quality.checks.passages import Passage, Passages
from deepfabric_core.quality.language import code_of, is_language, language_of, name_of, names_of

# Whoever asks for a translation gets an answer in another language.
_TRANSLATION = re.compile(
    r"translat|übersetz|überträg|tradu|перевед|перевод|переклад|翻訳|訳し|翻译|翻譯|译成|번역|ترجم|tłumacz|prevod|přelož|vertaal"
    r"|översätt|oversæt|oversett|käännä|fordít|çevir|terjemah|dịch|other language|foreign language"
    # What other languages call the languages that are asked for most.
    r"|[英法德日韩俄中]文|[英法德日韩俄汉]语|[英独仏]語|西班牙|フランス語|ドイツ語|スペイン語|韓国語|中国語|日本語|영어|일본어|중국어|독일어|프랑스어|스페인어"
    r"|английск|немецк|французск|испанск|englisch|französisch|spanisch|anglais|allemand|espagnol|inglés|alemán|francés"
    r"|inglese|tedesco|francese|spagnolo|inglês|alemão|engels|duits|frans|angielsk|niemieck|إنجليزي|الانجليزي|فرنسي|ألماني"
)


def language(settings: Settings, *, code: str | None = None) -> Find:
    """Return the check that question, answer and reasoning are in the run's language, or in that of the option."""
    try:
        wanted = code_of(code) if code is not None else settings.language
    except ValueError as problem:
        raise ConfigError(f"checks: language: {problem}.") from problem

    def find(passages: Passages) -> Problem | None:
        for passage in _read_alone(passages) if wanted else ():
            if is_language(passage.text, wanted or "") is False and not _is_wanted(passages, passage.text):
                name = name_of(wanted or "")
                reason = f"the {passage.name} isn't in {name}"
                return Problem(reason, f"{reason}: write it in {name}", excerpt(passage.text))
        return None

    return find


def _read_alone(passages: Passages) -> tuple[Passage, ...]:
    """Return the texts that have a language each; the fields of an own schema may be words and names, so have one."""
    return passages.all if passages.is_conversation else (Passage("record", passages.candidate.whole),)


def _is_wanted(passages: Passages, text: str) -> bool:
    """Return whether the question asks for a translation, or names the language that a text is in."""
    asked = passages.question.folded
    found = language_of(text)
    return bool(_TRANSLATION.search(asked)) or (found is not None and any(name in asked for name in names_of(found)))
