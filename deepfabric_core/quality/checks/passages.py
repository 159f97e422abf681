"""The texts of a candidate as the checks read them: with and without code and quotations, prepared once for all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from deepfabric_core.quality.candidate import Candidate

# How much of a text is looked at where it would take long.
MOST_CHARACTERS = 20_000
_MOST_FENCES = 400
_FENCE = re.compile(r"(?m)^[ \t>]*(?P<marks>`{3,}|~{3,})[ \t]*(?P<info>[^\n`~]*)$")
_INLINE_CODE = re.compile(r"``[^\n]{1,400}?``|`[^`\n]{1,400}`")
# A quotation has a mark on both sides, or each of its lines begins with one.
_QUOTATION = re.compile(
    r"“[^“”\n]{1,600}”|„[^„“”\n]{1,600}[“”]|«[^«»\n]{1,600}»|「[^「」\n]{1,600}」|『[^『』\n]{1,600}』"
    r"|‘[^‘’'\n]{3,600}[’'](?!\w)|\"[^\"\n]{1,600}\"|(?<!\w)'[^'\n]{3,600}'(?!\w)|(?<!\*)\*[^*\n]{3,600}\*(?!\*)"
    r"|(?m:^[ \t]*>[^\n]*)"
)
_QUOTATION_MARKS = ('"', "“", "”", "„", "«", "「", "『", "‘", " '", "*", "\n>", "('")
# Fields of records that hold bad examples on purpose, such as those of preference data.
_BAD_EXAMPLE = re.compile(r"(?i)reject|refus|\bbad|wrong|incorrect|worse|negative|corrupt|noisy|broken|original|input")
# Letters of other writing systems than the Latin one, some of which put no spaces between words.
_NOT_LATIN = re.compile("[\u0370-\u1dff\u2c00-\ua6ff\ua800-\ud7ff\uf900-\uffef]")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of code: its language as written, what is in it, and whether it is closed."""

    language: str
    body: str
    is_closed: bool


class Passage:
    """One text of a candidate."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text

    @cached_property
    def folded(self) -> str:
        """The text in lower case, with straight apostrophes."""
        return _folded(self.text)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The fenced blocks of code, in order."""
        return self._parts[1]

    @cached_property
    def prose(self) -> str:
        """The text without code, neither in blocks nor within a line; what was between is still on lines of its own."""
        prose = self._parts[0]
        return _INLINE_CODE.sub(" ` ", prose) if "`" in prose else prose

    @cached_property
    def own_words(self) -> str:
        """The prose without quotations, in lower case, with straight apostrophes; of a very long text its beginning."""
        return without_quotations(_folded(self.prose[:MOST_CHARACTERS]))

    @cached_property
    def is_latin(self) -> bool:
        """Whether all letters are Latin ones."""
        return self.text.isascii() or not _NOT_LATIN.search(self.text)

    @cached_property
    def words(self) -> frozenset[str]:
        """The tokens, each once."""
        return frozenset(self.tokens)

    @cached_property
    def tokens(self) -> list[str]:
        """What stands between spaces in the text, in lower case and in order."""
        return self.folded.split()

    @cached_property
    def _parts(self) -> tuple[str, tuple[Block, ...]]:
        if "```" not in self.text and "~~~" not in self.text:
            return self.text, ()
        if self.text.count("```") + self.text.count("~~~") > _MOST_FENCES:
            return self.text, ()
        outside, blocks = _split(self.text, inner=True)
        if blocks and not blocks[-1].is_closed:
            flat = _split(self.text, inner=False)
            outside, blocks = flat if flat[1] and flat[1][-1].is_closed else (outside, blocks)
        return outside, blocks


class Passages:
    """The texts of one candidate."""

    def __init__(self, candidate: Candidate) -> None:
        self.candidate = candidate
        # A record of the user's own schema that holds numbers alone has no texts.
        has_no_texts = bool(candidate.record) and not candidate.fields and "messages" not in candidate.record
        self.is_conversation = candidate.is_conversation and not has_no_texts
        self.all = () if has_no_texts else tuple(Passage(name, text) for name, text in candidate.texts())

    @cached_property
    def question(self) -> Passage:
        """The question; in a record of the user's own schema it may be empty."""
        named = (one for one in self.all if one.name == "question")
        return next(named, None) or Passage("question", self.candidate.question)

    @cached_property
    def answers(self) -> tuple[Passage, ...]:
        """The answer, or the texts of a record of the user's own schema, but for what it holds as bad examples."""
        if self.is_conversation:
            return self.all[-1:]
        return tuple(one for one in self.all if one.name != "question" and not _BAD_EXAMPLE.search(one.name))

    @cached_property
    def written(self) -> tuple[Passage, ...]:
        """The answers and the reasoning."""
        return (*self.all[1:-1], *self.answers) if self.is_conversation else self.answers


def _folded(text: str) -> str:
    return text.lower().replace("’", "'").replace("ʼ", "'")


def without_quotations(text: str) -> str:
    """Return a text with empty quotation marks in place of each quotation that isn't longer than a paragraph."""
    if not text.startswith((">", "'")) and not any(map(text.__contains__, _QUOTATION_MARKS)):
        return text
    return _QUOTATION.sub(" “” ", text)


def _split(text: str, *, inner: bool) -> tuple[str, tuple[Block, ...]]:
    """Return a text without its fenced blocks, and the blocks.

    A fence ends a block if it has the marks that began it and no words. One with words begins an inner block, as in a
    description of Markdown, if there may be inner ones; else it is a line like any other.
    """
    outside: list[str] = []
    blocks: list[Block] = []
    opened: list[re.Match[str]] = []
    position = 0
    for fence in _FENCE.finditer(text):
        marks, info = fence["marks"], fence["info"].strip()
        if not opened and not info and marks[0] == "~":
            continue  # the line below a heading, as documentation in Python has it
        if not opened:
            outside.append(text[position : fence.start()])
            opened.append(fence)
        elif info:
            opened += [fence] * inner
        elif _ends(opened[-1], marks):
            began = opened.pop()
            if not opened:
                blocks.append(Block(began["info"].strip(), text[began.end() + 1 : fence.start()], is_closed=True))
                position = fence.end()
    if opened:
        began = opened[0]
        blocks.append(Block(began["info"].strip(), text[began.end() + 1 :], is_closed=False))
        position = len(text)
    outside.append(text[position:])
    return "\n".join(outside), tuple(blocks)


def _ends(began: re.Match[str], marks: str) -> bool:
    return marks[0] == began["marks"][0] and len(marks) >= len(began["marks"])
