"""Read what a model answers in plain text: without labels, quotes, bullets and numbers around it."""

from __future__ import annotations

import re

_LABEL = re.compile(
    r"(?i)^\W{0,3}(?:here(?:'s| is)[^\n:]{0,60}:|(?:user'?s? )?(?:question|q)\s*(?:\d{1,2})?\s*:|(?:the )?user\s*:"
    r"|(?:assistant|(?:final |the )?answer|a|reasoning)\s*:)\W{0,2}\s*"
)
_BULLET = re.compile(r"^\s*(?:\(?\d{1,3}[.):]|[-*\u2022\u2013]|[a-zA-Z]\))\s*")
_MARKS = re.compile(r"\*\*|__|^#+\s*|`")
_QUOTED = re.compile(r'(?s)^["“«](.*)["”»]$')
_ANSWER = re.compile(r"(?im)^\W{0,3}(?:final )?answer\W{0,3}:\W{0,3}")


class CutOffError(Exception):
    """A part was cut off at max_tokens; `text` is what there is of it. Who asked for parts may make do with it."""

    def __init__(self, text: str) -> None:
        super().__init__("it was cut off")
        self.text = text

    @property
    def whole_lines(self) -> str:
        """The text without its last line."""
        return self.text.rpartition("\n")[0]


def said(text: str) -> str:
    """Return a reply without a label such as "Question:" in front, and without quotes around it."""
    text = _LABEL.sub("", text.strip(), count=1).strip()
    quoted = _QUOTED.match(text)
    return quoted[1].strip() if quoted and '"' not in quoted[1] else text


def question_in(text: str) -> str:
    """Return the question in a reply, without an answer that the model went on to write."""
    paragraphs = re.split(r"\n\s*\n", text.strip()[: _start_of_answer(text.strip())])
    asks = next((number for number, one in enumerate(paragraphs, 1) if one.rstrip('" ”*').endswith("?")), None)
    return said("\n\n".join(paragraphs[:asks]))


def _start_of_answer(text: str) -> int | None:
    found = _ANSWER.search(text)
    return found.start() if found and found.start() else None


def listed(text: str) -> list[str]:
    """Return the entries of a list that a reply holds, one a line, without numbers, bullets and explanations."""
    lines = text.strip().splitlines()
    bulleted = [line for line in lines if _BULLET.match(line)]
    return [entry for line in bulleted or lines if (entry := _entry(line))]


def _entry(line: str) -> str:
    """Return the name in a line; what follows a colon or a dash explains it."""
    name = _MARKS.sub("", _BULLET.sub("", line)).strip()
    name = re.split(r":\s|:$|\s[-\u2013\u2014]\s", name, maxsplit=1)[0]
    return said(name).strip(" .;,\"'")


def reasoning_and_answer(text: str) -> tuple[str, str]:
    """Return what stands before and after the line that begins with "Answer:"; no answer if there is no such line."""
    found = list(_ANSWER.finditer(text))
    if not found:
        return said(text), ""
    return said(text[: found[-1].start()]), said(text[found[-1].end() :])
