"""Code in answers that can't be parsed as the language that its block is marked with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from deepfabric_core.quality.checks.check import Find, Problem, Settings, excerpt
from deepfabric_core.quality.checks.data_code import is_json, is_sql, is_yaml
from deepfabric_core.quality.checks.passages import Block, Passages
from deepfabric_core.quality.checks.python_code import is_python

# The blocks of an answer are parsed until they are so long together: it would take milliseconds.
_MOST_CHARACTERS = 6000
_MOST_OF_SQL = 1500
# Code that is abridged, is filled in by a template or has gaps for the reader's own values.
_NOT_WHOLE = re.compile(
    r"\.\.\.|…|⋮|\{\{|\{%|<[a-z][\w .'/-]*>|\[(?:your|insert)\b|^\+ |^@@ ", re.MULTILINE | re.IGNORECASE
)
# Code that is shown because it is wrong: what a question or an answer says of it, and what an answer alone does.
_IS_WRONG = (
    "syntax ?error|indentation ?error|decode ?error|parse error|invalid|malformed|won't parse|doesn't parse|not parse"
    "|pseudo-?code|unterminated|unexpected token|fehler|ungültig|erreur|invalide|inválid|errore|ошибк|错误|無効"
    "|エラー|오류"
)
_ASKED_FOR = re.compile(_IS_WRONG)
_SAID_OF_IT = re.compile(f"{_IS_WRONG}|incorrect|wrong|broken|bad\\b|mistake|❌|✗|falsch|incorrecte|неверн")


def _syntax(tags: str, language: str, is_valid: Callable[[str], bool], most: int = _MOST_CHARACTERS) -> Find:
    marked = frozenset(tags.split())

    def find(passages: Passages) -> Problem | None:
        for passage in passages.written:
            for block in _checked(passage.blocks, marked, most):
                if not is_valid(block.body) and not _is_meant(passages, passage.folded):
                    reason = f"a block of {language} in the {passage.name} can't be parsed"
                    return Problem(reason, f"{reason}: write code that is valid {language}", excerpt(block.body))
        return None

    return find


def _checked(blocks: Iterable[Block], marked: frozenset[str], left: int) -> Iterator[Block]:
    """Yield the blocks in a language that are whole, as far as there is time."""
    for block in blocks:
        if not block.is_closed or _tag(block) not in marked:
            continue
        left -= len(block.body)
        if left >= 0 and not _NOT_WHOLE.search(block.body):
            yield block


def _tag(block: Block) -> str:
    return re.split(r"[\s,{:]", block.language[:40].lower(), maxsplit=1)[0]


def _is_meant(passages: Passages, answer: str) -> bool:
    return bool(_SAID_OF_IT.search(answer) or _ASKED_FOR.search(passages.question.folded))


python_syntax = _syntax("python py python3 py3", "Python", is_python)
json_syntax = _syntax("json", "JSON", is_json)
yaml_syntax = _syntax("yaml yml", "YAML", is_yaml)


def sql_syntax(_: Settings) -> Find:
    """Return the check that blocks of SQL can be parsed."""
    return _syntax("sql postgresql postgres mysql sqlite tsql", "SQL", is_sql, _MOST_OF_SQL)
