"""Values of the config that may be secret: how they are shown, and what in them is the secret."""

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
# In addresses, which may not hold brackets.
_LEFT_OUT = "HIDDEN"
_SCHEMES = ("", "bearer", "basic", "token")


class Holds(Enum):
    """What of a key may be secret; the schema says so of each key that it is true of."""

    VALUES = "each value of the mapping"
    WORDS = "each word of the list"
    WORD = "the word"
    ADDRESS = "user, password, and values in the query"


def holding(marks: Iterable[object]) -> Holds | None:
    """What may be secret of a field of the schema, by its marks."""
    return next((mark for mark in marks if isinstance(mark, Holds)), None)


def masked(value: Any, holds: Holds) -> Any:
    """The value as it may be kept and shown: names stay, and what names a variable of the environment."""
    if holds is Holds.VALUES and isinstance(value, Mapping):
        return {name: text if names_variables(str(text)) else HIDDEN for name, text in value.items()}
    if holds is Holds.WORDS and isinstance(value, list):
        return [HIDDEN for _ in value]
    if isinstance(value, str):
        return masked_address(value) if holds is Holds.ADDRESS else without_lookalikes(value)
    return value if value is None else HIDDEN


def names_variables(text: str) -> bool:
    """Whether a value is nothing but variables of the environment, as in `Bearer ${TOKEN}`."""
    return _VARIABLE.sub("", text).strip().lower() in _SCHEMES and text != ""


def filled(text: str, environment: Mapping[str, str]) -> str:
    """The value with the variables of the environment that it names."""
    return _VARIABLE.sub(lambda found: environment.get(found[1], ""), text)


def masked_address(address: str) -> str:
    """The address as it may be kept and shown; what is left out is to be seen.

    >>> masked_address("https://me:pw@host/v1?api_key=abc&version=2")
    'https://USER:PASSWORD@host/v1?api_key=HIDDEN&version=2'
    """
    user = user_of(address)
    instead = ("USER:PASSWORD@" if ":" in user else "USER@") if user else ""
    place, mark, query = without_user(address, instead).partition("?")
    parts = [_LEFT_OUT if is_random(part) else part for part in place.split("/")]
    return "/".join(parts) + mark + _without_secret_parameters(query, _LEFT_OUT)


def lasting_part(value: Any, holds: Holds) -> Any:
    """What of a value decides the data: all but what is a secret, and may be exchanged for another."""
    if isinstance(value, str) and holds is Holds.ADDRESS:
        place, mark, query = without_user(value).partition("?")
        return place + mark + _without_secret_parameters(query, "")
    if isinstance(value, str):
        return without_lookalikes(value)
    if isinstance(value, list):
        return [_lasting_word(str(word), before) for word, before in _with_word_before(value)]
    return value


def masked_words(words: Sequence[str]) -> list[str]:
    """The words of a command without those that look like a secret."""
    return [HIDDEN if is_random(word) else _lasting_word(word, before) for word, before in _with_word_before(words)]


def shown_word(word: str) -> str:
    """A word of a command line as it may be kept and shown; in an address, what is to be put in again is to be seen."""
    return masked_address(word) if re.match(r"\w[\w+.-]*://\S+$", word) else without_keys(word)


def secrets_of(value: Any, holds: Holds, fill: Callable[[str], str] = str) -> Iterator[str]:
    """What no message may show of a value; `fill` puts in the variables that it names."""
    found: Iterator[str] = iter(())
    if isinstance(value, Mapping):
        found = (word for text in map(fill, map(str, value.values())) for word in (text, *text.split()))
    elif isinstance(value, list):
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
