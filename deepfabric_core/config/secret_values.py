"""Mask values of the config that may be secret, and extract the secrets in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from deepfabric_core.redaction import (
    HIDDEN,
    SHORTEST_SECRET,
    is_random,
    is_secret_name,
    secrets_of_user,
    user_of,
    without_keys,
    without_lookalikes,
    without_user,
)

_VARIABLE = re.compile(r"\$\{(\w+)\}")
# Replaces secrets in addresses, where brackets aren't allowed.
_LEFT_OUT = "HIDDEN"
_SCHEMES = ("", "bearer", "basic", "token")


class Holds(Enum):
    """Which part of a value may be secret; the schema marks the keys with it."""

    VALUES = "each value of the mapping"
    WORDS = "each word of the list"
    WORD = "the word"
    ADDRESS = "user, password, and values in the query, of an address or of each of several"


def holding(marks: Iterable[object]) -> Holds | None:
    """Return the `Holds` among the metadata of a schema's field, or None."""
    return next((mark for mark in marks if isinstance(mark, Holds)), None)


def masked(value: Any, holds: Holds) -> Any:
    """Return the value with possible secrets hidden; names, and references to environment variables, are kept."""
    if holds is Holds.VALUES and isinstance(value, Mapping):
        return {name: text if names_variables(str(text)) else HIDDEN for name, text in value.items()}
    if holds is Holds.WORDS and isinstance(value, list):
        return [HIDDEN for _ in value]
    if holds is Holds.ADDRESS and isinstance(value, list | tuple):
        return [masked(one, holds) for one in value]
    if isinstance(value, str):
        return masked_address(value) if holds is Holds.ADDRESS else without_lookalikes(value)
    return value if value is None else HIDDEN


def names_variables(text: str) -> bool:
    """Return whether a value consists only of environment variables, as in `Bearer ${TOKEN}`."""
    return _VARIABLE.sub("", text).strip().lower() in _SCHEMES and text != ""


def filled(text: str, environment: Mapping[str, str]) -> str:
    """Return the value with its environment variables filled in; missing ones are empty."""
    return _VARIABLE.sub(lambda found: environment.get(found[1], ""), text)


def masked_address(address: str) -> str:
    """Return the address with placeholders in place of secrets.

    >>> masked_address("https://me:pw@host/v1?api_key=abc&version=2")
    'https://USER:PASSWORD@host/v1?api_key=HIDDEN&version=2'
    """
    user = user_of(address)
    instead = ("USER:PASSWORD@" if ":" in user else "USER@") if user else ""
    place, mark, query = without_user(address, instead).partition("?")
    parts = [_LEFT_OUT if is_random(part) else part for part in place.split("/")]
    return "/".join(parts) + mark + _without_secret_parameters(query, _LEFT_OUT)


def lasting_part(value: Any, holds: Holds) -> Any:
    """Return the part of a value that decides the data: all of it except secrets, which may be replaced by others."""
    if isinstance(value, str) and holds is Holds.ADDRESS:
        place, mark, query = without_user(value).partition("?")
        return place + mark + _without_secret_parameters(query, "")
    if isinstance(value, str):
        return without_lookalikes(value)
    if isinstance(value, list):
        return [_lasting_word(str(word), before) for word, before in _with_word_before(value)]
    return value


def masked_words(words: Sequence[str]) -> list[str]:
    """Return the words of a command with those hidden that look like a secret."""
    return [HIDDEN if is_random(word) else _lasting_word(word, before) for word, before in _with_word_before(words)]


def shown_word(word: str) -> str:
    """Return a word of a command line without secrets; in an address, with placeholders in their place."""
    return masked_address(word) if re.match(r"\w[\w+.-]*://\S+$", word) else without_keys(word)


def secrets_of(value: Any, holds: Holds, fill: Callable[[str], str] = str) -> Iterator[str]:
    """Yield the secrets in a value; `fill` fills in environment variables."""
    found: Iterator[str] = iter(())
    if isinstance(value, Mapping):
        found = (word for text in map(fill, map(str, value.values())) for word in (text, *text.split()))
    elif isinstance(value, list | tuple):
        found = (secret for word, before in _with_word_before(value) for secret in _secrets_of_word(str(word), before))
    elif isinstance(value, str) and holds is Holds.ADDRESS:
        found = _secrets_of_address(value)
    elif isinstance(value, str):
        found = _secrets_of_word(value, "")
    return (secret for secret in found if len(secret) >= SHORTEST_SECRET)


def _without_secret_parameters(query: str, instead: str) -> str:
    return "&".join(
        f"{name}{equals}{instead}" if equals and _is_secret_pair(name, value) else part
        for part in query.split("&")
        for name, equals, value in [part.partition("=")]
    )


def _is_secret_pair(name: str, value: str) -> bool:
    return is_secret_name(unquote(name)) or is_random(unquote(value)) or without_keys(value) != value


def _secrets_of_address(address: str) -> Iterator[str]:
    yield from secrets_of_user(address)
    place, _, query = without_user(address).partition("?")
    yield from (part for part in place.split("/") if is_random(part))
    for name, value in parse_qsl(query):
        if _is_secret_pair(quote(name), quote(value)):
            yield value


def _with_word_before(words: Sequence[Any]) -> Iterator[tuple[Any, str]]:
    return zip(words, ("", *map(str, words)), strict=False)


def _lasting_word(word: str, before: str) -> str:
    if _follows_secret_flag(word, before):
        return HIDDEN
    name, equals, value = word.partition("=")
    if equals and value and is_secret_name(name):
        return f"{name}={HIDDEN}"
    return without_lookalikes(word)


def _follows_secret_flag(word: str, before: str) -> bool:
    return before.startswith("-") and "=" not in before and is_secret_name(before) and not word.startswith("--")


def _secrets_of_word(word: str, before: str) -> Iterator[str]:
    name, equals, value = word.partition("=")
    if _follows_secret_flag(word, before) or is_random(word):
        yield word
    elif equals and (is_secret_name(name) or is_random(value)):
        yield value
    yield from _secrets_of_address(word) if "://" in word else ()
