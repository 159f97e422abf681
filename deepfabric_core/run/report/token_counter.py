"""Count tokens by a tokenizer that is on this machine already, or estimate them; nothing is ever downloaded.

litellm brings the vocabularies of OpenAI's models for tiktoken. tiktoken would download one that is missing or damaged,
so the file's hash is checked first.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_ENCODING = "o200k_base"
# The name of its file is the hash of the address that tiktoken has for it; the other is the hash of what is in it.
_FILE = "fb374d419588a4632f3f557e76b4b70aebbca790"
_CONTENT = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
_FOLDER = "TIKTOKEN_CACHE_DIR"
# Of a longer text the beginning is counted, and the rest estimated from that.
_LONGEST = 50_000
_BYTES_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class TokenCounter:
    """A way to count tokens, and how it is called in sentences."""

    name: str
    is_exact: bool
    count: Callable[[str], int]


@cache
def token_counter() -> TokenCounter:
    """Return the best way to count tokens that needs no network."""
    folder = next(_folders(), None)
    if folder is None:
        return TokenCounter("estimated: a token for every 4 bytes of text", is_exact=False, count=estimated)
    return TokenCounter(f"tiktoken's {_ENCODING}, that of OpenAI's models", is_exact=True, count=_counting(folder))


def estimated(text: str) -> int:
    """Return about how many tokens a text has, from its size alone."""
    return -(-len(text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN)


def _folders() -> Iterator[Path]:
    """Yield the folders that hold the vocabulary, undamaged."""
    named, litellm = os.environ.get(_FOLDER), find_spec("litellm")
    if find_spec("tiktoken") is None:
        return
    places = [Path(named)] if named else []
    within = (litellm and litellm.submodule_search_locations) or ()
    places += [Path(folder) / "litellm_core_utils" / "tokenizers" for folder in within]
    for place in places:
        try:
            content = (place / _FILE).read_bytes()
        except OSError:
            continue
        if hashlib.sha256(content).hexdigest() == _CONTENT:
            yield place


def _counting(folder: Path) -> Callable[[str], int]:
    import tiktoken

    before = os.environ.get(_FOLDER)
    os.environ[_FOLDER] = str(folder)
    try:
        encode = tiktoken.get_encoding(_ENCODING).encode_ordinary
    finally:
        os.environ.pop(_FOLDER)
        if before is not None:
            os.environ[_FOLDER] = before

    def count(text: str) -> int:
        if len(text) <= _LONGEST:
            return len(encode(text))
        return round(len(encode(text[:_LONGEST])) * len(text) / _LONGEST)

    return count
