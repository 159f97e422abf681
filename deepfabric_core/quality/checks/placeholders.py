"""Texts that leave something to be filled in."""

from __future__ import annotations

import re

from deepfabric_core.quality.checks.check import Problem, excerpt
from deepfabric_core.quality.checks.passages import Passage, Passages

_ADVICE = "it left gaps to be filled in: write out what belongs there"
_PART = r"(?:answer|response|reply|question|explanation|solution|reasoning|text|content|description|details?|example|topic|subject|output)"
# What nobody writes on purpose, whatever the text is about.
_LEFT_OPEN = re.compile(
    rf"\[\s*(?:insert|add|enter|put|write|provide|fill in|specify|include|replace)\b[^\]\n]{{1,80}}\]"
    rf"|[\[<{{]\s*(?:(?:your|the|final|full|complete|my|user|user's|assistant's|short|long|detailed)[ _]+){{0,3}}{_PART}(?:[ _]+(?:here|goes here|text))?\s*[\]>}}]"
    r"|<\s*(?:insert|add|enter|put|fill in)\b[^>\n]{1,80}>"
    r"|\{\{\s*[a-z_][\w. ]{0,40}\}\}"
    r"|\b(?:insert|add|enter|write) (?:your |the )?(?:\w+ )?(?:here|text here)\]"
    r"|\[(?:your|company|customer|client|recipient|sender|product|user|first|last|full)[ _'][^\]\n]{1,40}\]|\[(?:name|date|address|company|city)\]"
    r"|^[^\w\n]*(?:todo|tbd|fixme|tbc)\b[^\w\n]*$|^[^\w\n]*(?:todo|fixme)[ \t]*:|[\[(](?:todo|tbd|fixme|tbc)\b[^\])\n]{0,80}[\])]"
    r"|lorem ipsum dolor",
    re.MULTILINE,
)
# Whoever asks for a form, a letter or a template wants the gaps.
_GAPS_ARE_MEANT = re.compile(
    r"templat|placeholder|fill[- ]?(?:in|out)|letter|e-?mail|form\b|draft|boilerplate|contract|invoice|cover|resume|\bcv\b|message|memo|notice|agreement|"
    r"script|certificate|speech|invitation|press release|announcement|post\b|bio\b|lorem|dummy|filler|todo|tbd|fixme|mustache|jinja|handlebars|liquid|"
    r"helm|ansible|django|angular|vue|svelte|bbcode|latex|regex|xml|html|syntax|variable|snippet|prompt|interpolat|wiki|github actions|workflow|cloze|"
    r"mad libs|vorlage|platzhalter|brief|formular|vertrag|modèle|lettre|formulaire|contrat|plantilla|carta|correo|formulario|contrato|modello|lettera|"
    r"modulo|modelo|sjabloon|formulier|шаблон|письм|договор|模板|邮件|信|テンプレート|メール|手紙|서식|편지|이메일|템플릿|قالب|رسالة|نموذج"
)
_BRACKETS = ("[", "<", "{", "(todo", "(tbd", "(fixme", "(tbc")
_WORDS = frozenset(
    (
        "todo todo: todo. tbd tbd: tbd. fixme fixme: tbc tbc. lorem **todo** **todo:** #todo -todo **tbd** **tbd:**"
    ).split()
)


def placeholder(passages: Passages) -> Problem | None:
    """Return what is wrong if a text has gaps, outside code, that its question doesn't ask for."""
    for passage in passages.all if passages.candidate.is_conversation else passages.answers:
        if (found := _gap_in(passage)) and not _GAPS_ARE_MEANT.search(passages.question.folded):
            return Problem(f"the {passage.name} has a placeholder", _ADVICE, excerpt(found))
    return None


def _gap_in(passage: Passage) -> str | None:
    folded = passage.folded
    if not any([sign in folded for sign in _BRACKETS]) and _WORDS.isdisjoint(passage.words):
        return None
    found = _LEFT_OPEN.search(passage.own_words)
    return found[0] if found else None
