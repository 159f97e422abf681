"""Texts that leave something to be filled in."""

from __future__ import annotations

import re

from deepfabric_core.quality.checks.check import Problem, excerpt
from deepfabric_core.quality.checks.passages import Passage, Passages

_ADVICE = "it left gaps to be filled in: write out what belongs there"
_PART = (
    "(?:answer|response|reply|question|explanation|solution|reasoning|text|content|description|example|topic|subject"
    "|output)"
)
_WHOSE = "(?:(?:your|the|final|full|complete|my|user|user's|assistant's|short|long|detailed)[ _]+){0,3}"
_ORDER = r"(?:insert|add|enter|put|write|provide|fill in|specify|include|replace)\b"
_OWNER = "(?:your|company|customer|client|recipient|sender|product|user|first name|last name|full name)"
# What nobody writes on purpose, whatever the text is about; brackets before an address are a link.
_LEFT_OPEN = re.compile(
    rf"\[\s*{_ORDER}[^\]\n]{{1,80}}\](?!\()"
    rf"|[\[<{{]\s*{_WHOSE}{_PART}(?:[ _]+(?:here|goes here|text))?\s*[\]>}}](?!\()"
    r"|<\s*(?:insert|add|enter|put|fill in)\b[^>\n]{1,80}>"
    r"|\{\{\s*[a-z_][\w. ]{0,40}\}\}"
    r"|\b(?:insert|add|enter|write) (?:your |the )?(?:\w+ )?(?:here|text here)\]"
    rf"|\[{_OWNER}(?:[ _'][^\]\n]{{1,40}})?\](?!\()|\[(?:name|date|address|city)\](?!\()"
    r"|^[^\w\n]*(?:todo|tbd|fixme|tbc)\b[^\w\n]*$|^[^\w\n]*(?:todo|fixme)[ \t]*:"
    r"|[\[(](?:todo|tbd|fixme|tbc)\b[^\])\n]{0,80}[\])]|lorem ipsum dolor",
    re.MULTILINE,
)
# Whoever asks for a form, a letter or a template wants the gaps.
_GAPS_ARE_MEANT = re.compile(
    r"templat|placeholder|fill[- ]?(?:in|out)|letter|e-?mail|form\b|draft|boilerplate|contract|invoice|cover|resume"
    r"|\bcv\b|message|memo|notice|agreement|script|certificate|speech|invitation|press release|announcement|post\b"
    r"|bio\b|lorem|dummy|filler|todo|tbd|fixme|mustache|jinja|handlebars|liquid|helm|ansible|django|angular|vue|svelte|bbcode"
    r"|latex|regex|xml|html|syntax|variable|snippet|prompt|interpolat|wiki|github actions|workflow|cloze|mad libs"
    r"|vorlage|platzhalter|brief|formular|vertrag|modèle|lettre|formulaire|contrat|plantilla|carta|correo|formulario"
    r"|contrato|modello|lettera|modulo|modelo|sjabloon|formulier|шаблон|письм|договор|模板|邮件|信|テンプレート|メール"
    r"|手紙|서식|편지|이메일|템플릿|قالب|رسالة|نموذج"
)
_BRACKETS = ("[", "<", "{", "(todo", "(tbd", "(fixme", "(tbc")
_WORDS = frozenset(
    (
        "todo todo: todo. tbd tbd: tbd. fixme fixme: tbc tbc. lorem **todo** **todo:** #todo -todo **tbd** **tbd:**"
    ).split()
)


def placeholder(passages: Passages) -> Problem | None:
    """Return what is wrong if a text has gaps, outside code, that its question doesn't ask for."""
    for passage in passages.all if passages.is_conversation else passages.answers:
        if (found := _gap_in(passage)) and not _GAPS_ARE_MEANT.search(passages.question.folded):
            return Problem(f"the {passage.name} has a placeholder", _ADVICE, excerpt(found))
    return None


def _gap_in(passage: Passage) -> str | None:
    folded = passage.folded
    if not any(map(folded.__contains__, _BRACKETS)) and _WORDS.isdisjoint(passage.words):
        return None
    found = _LEFT_OPEN.search(passage.own_words)
    return found[0] if found else None
