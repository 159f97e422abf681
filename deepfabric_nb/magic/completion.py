"""Tab completion: subcommands, flags and values on a magic's line, keys and values in the YAML below it."""

from __future__ import annotations

import logging
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher

from deepfabric_core.flags.options import OPTIONS, Option
from deepfabric_nb.magic.yaml_cursor import YamlCursor, cursor_at

_log = logging.getLogger(__name__)

_CELL = re.compile(r"(?:[ \t]*\n)*%%deepfabric(?=\s)(?P<line>[^\n]*)")
_LINE = re.compile(r"[ \t]*(?:[\w ,.]+=[ ]*)?%deepfabric(?=[ \t])")
_OPTIONS = {spelling: option for option in OPTIONS for spelling in option.flag.split("/")}

# What subcommands take besides flags, and the notebook's own flags that are followed by a value.
_TAKE_RUNS = ("resume", "stop", "export", "topics", "report", "samples")
_TAKE_FILES = ("generate", "watch", "validate", "topics", "export")
_TAKE_DATA = ("trace", "report", "samples", "export")
_TAKE_DATASETS = ("-o", "--output", "--against", "--topics", "--report")
_TAKE_VALUES = (
    *("--out", "--name", "--to", "--reasoning", "--split", "--by", "--hold-out", "--check", "--context"),
    *_TAKE_DATASETS,
)
_CONFIGS = (".yaml", ".yml")
_FILES = (*_CONFIGS, ".json", ".jsonl")
_FIRST_PROVIDERS = ("openai", "anthropic", "gemini", "simulated", "demo")
_TRACES = (".jsonl",)

Commands = Mapping[str, Sequence[str]]
Matcher = Callable[[CompletionContext], SimpleMatcherResult]


@dataclass(frozen=True, slots=True)
class Completion:
    """`text` replaces what is between offset `start` of the cell and the cursor; `hint` describes it."""

    text: str
    start: int
    hint: str = ""


@dataclass(frozen=True, slots=True)
class _Line:
    """A magic's line up to the cursor: the words before the last one, and what is typed of the last one."""

    words: tuple[str, ...]
    typed: str
    start: int
    in_cell: bool

    @property
    def places(self) -> list[str]:
        """The words that are neither flags nor their values."""
        pairs = zip(("", *self.words), self.words, strict=False)
        return [word for previous, word in pairs if not word.startswith("-") and not _takes_value(previous)]


def complete(
    cell: str, cursor: int, *, runs: Sequence[str], names: Sequence[str], commands: Commands
) -> list[Completion]:
    """Return the completions at the cursor of a cell; none outside our magics.

    `runs` are the names of runs, `names` the notebook's variables, `commands` the subcommands with all spellings of
    their flags.
    """
    cursor = min(max(cursor, 0), len(cell))
    body = _body(cell)
    if body is not None and cursor >= body:
        return list(_in_yaml(cell[body:], cursor - body, body, names))
    line = _line(cell, cursor)
    return list(_on_line(line, runs, names, commands)) if line else []


def make_matcher(
    namespace: Callable[[], Iterable[str]], runs: Callable[[], Sequence[str]], commands: Commands
) -> Matcher:
    """Return `complete` as an IPython matcher, which suppresses others in our lines and cells, and never raises."""

    def answer(context: CompletionContext) -> SimpleMatcherResult:
        try:
            cell, cursor = context.full_text, _offset(context)
            if not _is_ours(cell, cursor):
                return SimpleMatcherResult(completions=[])
            found = complete(cell, cursor, runs=runs(), names=sorted(namespace()), commands=commands)
            return _result(found, cell, cursor)
        except Exception:  # noqa: BLE001 - Tab must keep working for other code
            _log.debug("completion failed", exc_info=True)
            return SimpleMatcherResult(completions=[])

    matcher: Matcher = context_matcher(identifier="deepfabric")(answer)
    return matcher


class _Silence(list[SimpleCompletion]):
    """No completions, but length 1: IPython lets a matcher suppress others only if it seems to have completions."""

    def __len__(self) -> int:
        return 1


def _result(found: Sequence[Completion], cell: str, cursor: int) -> SimpleMatcherResult:
    start = found[0].start if found else cursor
    offers = [SimpleCompletion(one.text, type=one.hint) for one in found]
    return SimpleMatcherResult(
        completions=offers or _Silence(), matched_fragment=cell[start:cursor], suppress=True, ordered=True
    )


def _offset(context: CompletionContext) -> int:
    above = context.full_text.split("\n")[: context.cursor_line]
    return sum(len(line) + 1 for line in above) + context.cursor_position


def _is_ours(cell: str, cursor: int) -> bool:
    body = _body(cell)
    return (body is not None and cursor >= body) or _line(cell, cursor) is not None


def _body(cell: str) -> int | None:
    """Return the offset at which the YAML of a `%%deepfabric` cell begins."""
    first = _CELL.match(cell)
    return first.end() + 1 if first and first.end() < len(cell) else None


def _line(cell: str, cursor: int) -> _Line | None:
    """Return the magic's line that the cursor is on."""
    before = cell[cell.rfind("\n", 0, cursor) + 1 : cursor]
    first = _CELL.match(cell[:cursor])
    magic = first.start("line") - first.end() if first else None
    if magic is None and not cell.lstrip().startswith("%%") and (line := _LINE.match(before)):
        magic = line.end() - len(before)
    if not magic:  # neither, or the cursor is right after the name
        return None
    *words, typed = before[magic:].lstrip(" \t").split(" ")
    return _Line(tuple(filter(None, words)), typed, cursor - len(typed), in_cell=first is not None)


def _on_line(line: _Line, runs: Sequence[str], names: Sequence[str], commands: Commands) -> Iterator[Completion]:
    flag, equals, value = line.typed.partition("=")
    if equals and _takes_value(flag):
        line = _Line((*line.words, flag), value, line.start + len(flag) + 1, in_cell=line.in_cell)
    if line.words and _takes_value(line.words[-1]):
        offers = _values_of_flag(line.words[-1], line.typed, names)
    else:
        offers = _words(line, runs, commands)
    return (Completion(text, line.start, hint) for text, hint in offers if text.startswith(line.typed))


def _words(line: _Line, runs: Sequence[str], commands: Commands) -> Iterator[tuple[str, str]]:
    places = line.places
    command = places[0] if places and places[0] in commands else "generate"
    if not places:
        yield from ((name, "command") for name in commands)
    yield from _arguments(command, line, runs)
    if line.words or line.typed or line.in_cell:
        yield from _flags(commands.get(command, ()), {word.partition("=")[0] for word in line.words})


def _flags(flags: Iterable[str], given: set[str]) -> Iterator[tuple[str, str]]:
    for flag in flags:
        option = _OPTIONS.get(flag) or Option(flag, "flag")
        if not option.deprecated and not given.intersection(option.flag.split("/")):
            yield flag, option.help


def _arguments(command: str, line: _Line, runs: Sequence[str]) -> Iterator[tuple[str, str]]:
    if command in _TAKE_RUNS:
        yield from ((shlex.quote(run), "run") for run in runs if run not in line.words)
    endings = (*(_TRACES if command in _TAKE_DATA else ()), *(_CONFIGS if command in _TAKE_FILES else ()))
    if endings and not (line.in_cell and command in _TAKE_FILES):
        yield from _files(line.typed, endings)


def _values_of_flag(flag: str, typed: str, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    option = _OPTIONS.get(flag)
    if flag == "--out":
        yield from ((name, "variable") for name in names)
    elif flag in _TAKE_DATASETS or (option and option.kind == "path"):
        yield from _files(typed, _FILES)
    elif flag in _OF_EXPORTS:
        yield from ((value, "value") for value in _OF_EXPORTS[flag]())
    elif option:
        yield from ((value, "value") for value in option.choices or _values_of_key(option))


def _formats() -> Iterable[str]:
    from deepfabric_core.config.exports import FORMATS

    return FORMATS


def _templates() -> Iterable[str]:
    from deepfabric_core.export.check.shipped_templates import shipped_templates

    return shipped_templates()


_OF_EXPORTS: Mapping[str, Callable[[], Iterable[str]]] = {
    "--to": _formats,
    "--check": _templates,
    "--reasoning": lambda: ("think-tags", "reasoning_content", "thinking", "drop"),
    "--by": lambda: ("topic", "source", "random"),
}


def _values_of_key(option: Option) -> list[str]:
    return _values(tuple(option.keys[-1].split("."))) if option.keys else []


def _takes_value(flag: str) -> bool:
    option = _OPTIONS.get(flag)
    return option.kind != "switch" if option else flag in _TAKE_VALUES


def _files(typed: str, endings: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield the folders, and the files with such an ending, in the folder that was typed."""
    folder, _, name = typed.rpartition("/")
    folder += "/" if "/" in typed else ""
    try:
        found = sorted(Path(folder or ".").iterdir())
    except (OSError, ValueError):
        return
    for file in found:
        if file.name.startswith(".") and not name.startswith("."):
            continue
        if file.is_dir():
            yield f"{shlex.quote(folder + file.name)}/", "folder"
        elif file.name.endswith(endings):
            yield shlex.quote(folder + file.name), "file"


def _in_yaml(text: str, cursor: int, body: int, names: Sequence[str]) -> Iterator[Completion]:
    """Yield what fits at the cursor; right behind a colon it begins with the space that belongs there."""
    space = " " if text[:cursor].endswith(":") else ""
    place = cursor_at(text[:cursor] + space + text[cursor:], cursor + len(space))
    if place is None:
        return
    if place.typed.startswith("!"):
        offers, typed = _variables(place.typed, names)
    else:
        offers, typed = list(_values_at(place, text[cursor:]) if place.is_value else _keys_at(place)), place.typed
    start = body + place.start - len(space) + len(place.typed) - len(typed)
    for offer, hint in offers:
        if offer.startswith(typed):
            yield Completion(offer if offer.startswith("\n") else space + offer, start, hint)


def _variables(typed: str, names: Sequence[str]) -> tuple[list[tuple[str, str]], str]:
    tag, space, name = typed.partition(" ")
    if not space:
        return [("!var ", "a value of the notebook")], tag
    return [(name, "variable") for name in names] if tag == "!var" else [], name.lstrip()


def _values_at(place: YamlCursor, below: str) -> Iterator[tuple[str, str]]:
    """Yield the values of a key; of an empty section its keys, each on a line of its own below."""
    yield from ((value, "value") for value in _values(place.path))
    depth = "  " * len(place.path)
    following = next(filter(str.strip, below.split("\n")), "")
    if not following.startswith(depth) and all(isinstance(part, str) for part in place.path):
        yield from ((f"\n{depth}{key}", hint) for key, hint in _keys_at(replace(place, bare=True)))


def _values(path: tuple[Any, ...]) -> list[str]:
    from deepfabric_core.config.schema_keys import known_values
    from deepfabric_core.llm.api_keys import KEY_VARIABLES

    providers = list(dict.fromkeys((*_FIRST_PROVIDERS, *KEY_VARIABLES)))
    return providers if path[-2:] == ("llm", "provider") else known_values(path)


def _keys_at(place: YamlCursor) -> Iterator[tuple[str, str]]:
    from deepfabric_core.config.schema_keys import describe, known_keys

    for key in known_keys(place.path):
        path = (*place.path, key)
        if key not in place.siblings:
            colon = ":" if known_keys(path) else ": "
            yield (key + colon if place.bare else key), describe(path)
