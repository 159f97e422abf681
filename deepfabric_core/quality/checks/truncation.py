"""Answers that break off, as those that were cut off at a number of tokens do."""

from __future__ import annotations

import re

from deepfabric_core.quality.checks.check import Problem, excerpt
from deepfabric_core.quality.checks.passages import Passage, Passages

_ADVICE = "it broke off: write it to its end, and more briefly if need be"
_LOOKED_AT = 2500
# A sentence in any language ends with one of these, and perhaps a bracket, a quotation mark or a sign after it.
_SENTENCE_ENDS = ".!?…。！？｡؟।॥։።᙮።။៕."
_END_OF_SENTENCE = re.compile(rf"(?<=[^\W\d_][^\W\d_])[{_SENTENCE_ENDS}][\"'”’»」』)\]*_]*(?=\s|$)|[。！？]")
# No sentence ends with these words in lower case, without a mark after them; nor with the latter ones in any language
# but English, where some of them are ordinary words.
_GO_ON = re.compile(
    r"(?:^|[\s(])(?:the|a|an|and|or|but|of|because|which|their|your|its|our|my|than|whether|if|from|into|is|are|was|were"
    r"|und|oder|eine|einen|einem|einer|dass|weil|sowie|et|ou|les|dont|las|della|delle|perché|uma|com|não|omdat|и|или|что|в"
    r"|на|с|для|который|как)$"
)
_GO_ON_ELSEWHERE = re.compile(
    r"(?:^|[\s(])(?:der|die|das|den|dem|des|ein|du|une|dans|avec|pour|que|qui|y|los|del|el|la|una|un|con|de|para|porque|il"
    r"|lo|gli|che|dei|per|os|um|em|het|een|en|van|met|dat)$"
)
_ENGLISH = frozenset(("the", "to", "of", "is", "you", "your", "it", "and", "for"))
_OPEN = re.compile(r"(?:[,;:(\[{„«「『（、，：；]|[\s(](?:[-–—=+*/&]|e\.g|i\.e)|\w-)$")
_BARE_MARKER = re.compile(r"(?m)^[ \t]*(?:[-*+•]|\d{1,3}[.)]|#{1,6})[ \t]*$")
_LIST_ITEM = re.compile(r"[ \t]*(?:[-*+•·–—→✓✔☐]|\d{1,3}[.)]|\(?[a-zA-Z0-9][.)]|[^\w\s\"'“„«(])\s")
# Lines that need no mark at their end: headings, tables, quotations, commands, bold labels.
_LINE_OF_ITS_OWN = re.compile(r"[ \t]*(?:#{1,6} |\||>|\$|\*\*[^*]+\*\*:?$)")
_TECHNICAL = ("|", "://", "@", "`", "$", "=", "\\", "/")
_LETTER_AT_END = re.compile(r"[^\W_]$")
# Languages without marks at the end of sentences.
_UNMARKED = re.compile("[\u0e00-\u0eff\u0f00-\u0fff\u1780-\u17ff]")
_FEWEST_SENTENCES = 2
_FEWEST_WORDS, _FEWEST_CHARACTERS = 4, 8
_LONG_LINE = 60
_LONGEST_WORD = 40
_SMILEY = re.compile(r"[:;=8xX][-']?[(\[{]$")
_OPEN_IN_CHINESE = ("，", "、", "：")


def truncation(passages: Passages) -> Problem | None:
    """Return what is wrong if an answer breaks off, judged by its last line and the sentences before it."""
    if not passages.is_conversation:
        return None
    for passage in passages.written:
        if end := _broken_end(passage):
            reason = f"the {passage.name} breaks off"
            return Problem(reason, _ADVICE, excerpt(end))
    return None


def _broken_end(passage: Passage) -> str | None:
    """Return the last line of a text that breaks off, or None if it is complete, as far as can be told."""
    text = passage.text[-_LOOKED_AT:].rstrip()
    if not text or text.endswith(("```", "~~~")) or (passage.blocks and not passage.blocks[-1].is_closed):
        return None
    *before, last = text.splitlines()
    if before and _BARE_MARKER.fullmatch(last):
        return last
    bare = last.strip().rstrip("*_ ").rstrip()
    if bare.endswith(tuple(_SENTENCE_ENDS)) or _LINE_OF_ITS_OWN.match(last):
        return None
    if any(sign in bare[-_LONGEST_WORD:].rpartition(" ")[2] for sign in _TECHNICAL):
        return None
    breaks_off = _goes_on(bare, passage) or _lacks_its_mark(bare, before)
    return last if breaks_off else None


def _goes_on(line: str, passage: Passage) -> bool:
    """Return whether a line ends with a word or a mark that no line of any kind ends with."""
    few = len(line.split(maxsplit=_FEWEST_WORDS)) < _FEWEST_WORDS
    if few and (len(line) < _FEWEST_CHARACTERS or not line.endswith(_OPEN_IN_CHINESE)):
        return False
    end = line[-_LONGEST_WORD:]
    if _GO_ON.search(end) or (_OPEN.search(end) and not _SMILEY.search(end)):
        return True
    return bool(_GO_ON_ELSEWHERE.search(end)) and _ENGLISH.isdisjoint(passage.words)


def _lacks_its_mark(line: str, before: list[str]) -> bool:
    """Return whether a line ends without a mark, though the text is in sentences that all have one."""
    if not _LETTER_AT_END.search(line) or _UNMARKED.search(line):
        return False
    if _LIST_ITEM.match(line):
        items = [one.rstrip() for one in before if _LIST_ITEM.match(one)]
        return len(items) >= _FEWEST_SENTENCES and all(one.endswith(tuple(_SENTENCE_ENDS)) for one in items)
    if line.isascii() and len(line.split()) < _FEWEST_WORDS:
        return False
    ends = list(_END_OF_SENTENCE.finditer(line))
    if len(ends) >= 1 and len(line) - ends[-1].end() >= _FEWEST_CHARACTERS:
        return True
    paragraphs = [one.strip() for one in before if one.strip()]
    in_sentences = [one for one in paragraphs if one[-1] in _SENTENCE_ENDS]
    is_prose = len(in_sentences) >= _FEWEST_SENTENCES and len(in_sentences) >= 0.7 * len(paragraphs)
    return is_prose and len(line) > _LONG_LINE
