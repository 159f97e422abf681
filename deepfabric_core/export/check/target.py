"""What an export is checked against: a Jinja template, or a folder with a tokenizer and its template."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepfabric_core.errors import ConfigError
from deepfabric_core.export.chat_template import ChatTemplate
from deepfabric_core.store.files import read_text

# Larger lengths mean that a tokenizer knows of none.
_LARGEST_CONTEXT = 1 << 27


@dataclass(frozen=True, slots=True)
class Target:
    """A template, and if there is a tokenizer, what turns a text into its tokens' ids.

    `encode` takes a text and whether the tokenizer's own special tokens are added. `bos` and `eos` are ids, or None.
    """

    name: str
    template: ChatTemplate
    encode: Callable[[str, bool], list[int]] | None = None
    bos: int | None = None
    eos: int | None = None
    context: int | None = None


def open_target(path: Path) -> Target:
    """Return what is at a path.

    Raises:
        ConfigError: it is neither a template nor a folder with tokenizer files, or can't be read.
    """
    if not path.is_dir():
        return Target(path.name, ChatTemplate(read_text(path, what="template"), str(path), marks=True))
    facts = _facts(path)
    tokens = {name: _token(facts.get(name)) for name in ("bos_token", "eos_token", "pad_token", "unk_token")}
    template = ChatTemplate(_template_in(path, facts), str(path), tokens, marks=True)
    length = facts.get("model_max_length")
    context = length if isinstance(length, int) and 0 < length < _LARGEST_CONTEXT else None
    file = path / "tokenizer.json"
    if not file.exists():
        return Target(path.name, template, context=context)
    tokenizer = _tokenizer(file)

    def encode(text: str, special: bool) -> list[int]:
        ids: list[int] = tokenizer.encode(text, add_special_tokens=special).ids
        return ids

    bos, eos = (tokenizer.token_to_id(tokens[name]) if tokens[name] else None for name in ("bos_token", "eos_token"))
    return Target(path.name, template, encode, bos, eos, context)


def _facts(folder: Path) -> Mapping[str, Any]:
    path = folder / "tokenizer_config.json"
    if not path.exists():
        return {}
    try:
        facts = json.loads(read_text(path, what="tokenizer's config"))
    except ValueError as problem:
        raise ConfigError(f"{path}: it isn't JSON: {problem}.") from problem
    return facts if isinstance(facts, Mapping) else {}


def _template_in(folder: Path, facts: Mapping[str, Any]) -> str:
    own = folder / "chat_template.jinja"
    if own.exists():
        return read_text(own, what="template")
    found = facts.get("chat_template")
    if isinstance(found, list):
        named = {one.get("name"): one.get("template") for one in found if isinstance(one, Mapping)}
        found = named.get("default", next(iter(named.values()), None))
    if not isinstance(found, str):
        raise ConfigError(f"{folder} has no chat template, neither chat_template.jinja nor in tokenizer_config.json.")
    return found


def _token(value: Any) -> str:
    found = value.get("content") if isinstance(value, Mapping) else value
    return found if isinstance(found, str) else ""


def _tokenizer(path: Path) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError as problem:
        raise ConfigError(
            "Tokens are counted by tokenizers, which isn't installed: pip install tokenizers"
        ) from problem
    try:
        return Tokenizer.from_file(str(path))
    except Exception as problem:
        raise ConfigError(f"{path} can't be read as a tokenizer: {problem}.") from problem
