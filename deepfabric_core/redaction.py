"""Texts for people to read, without the secrets in them: those that are known, and what merely looks like one.

This is for errors, logs and screens. What goes into a dataset is never changed.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from urllib.parse import quote, quote_plus, unquote

HIDDEN = "[hidden]"
# Fewer characters are too often part of other words.
SHORTEST_SECRET = 6

_SECRET_VARIABLE = re.compile(r"(?i)key(?!board|ring|map)|token(?!iz)|secret|password|passwd|credential")
_ADDRESS_VARIABLE = re.compile(r"(?i)(?:_proxy|_base_url|_api_base)$")
_SECRET_NAME = re.compile(
    r"(?i)(?:token|secret|passw(?:or)?d|passphrase|api-?key|access-?key|credentials?"
    r"|(?:^|[-_.])(?:key|auth|authorization|cookie|pass|pwd|pat|code|sig|signature))$"
)

# Lengths are bounded in all of these, so that no text takes long.
_WORD = re.compile(r"[^\s\"]+")
_SCHEME = re.compile(r"(?i)\b[a-z][a-z0-9+.-]{0,30}://")
_END_OF_NAME = re.compile(r"[/?#@:]")

# The shapes that providers and other services give to their keys.
_KEYS = (
    re.compile(r"()\b(?:sk|pk|rk|gsk|hf|xai|r8)[-_][\w*.-]{6,}"),
    re.compile(r"()\b(?:sk|pk|rk|gsk|xai|hf|AIza)(?=[A-Za-z_*-]{0,60}\d)[A-Za-z0-9_\-*]{8,}"),
    re.compile(r"()\b(?:gh[a-z]_|github_pat_|glpat-|xox[a-z]-|ya29\.|AKIA)[\w*.-]{8,}"),
    re.compile(r"()\beyJ[\w-]{8,2000}\.[\w-]{8,8000}\.[\w-]*"),
)
# What is called a secret by the words before it.
_NAMED = (
    re.compile(r"(?i)(\bbearer\s+)[^\s\"',;]{6,}"),
    re.compile(r"(?i)(\bbasic\s+)(?=[a-z0-9+/]{0,100}[0-9+/=])[a-z0-9+/]{6,}={0,2}"),
    re.compile(
        r"(?i)(\bauthorization[\"']?\s*[:=]\s*[\"']?(?:(?:bearer|basic|token)\s+)?)(?!\[hidden\])[^\s\"',;]{6,}"
    ),
    re.compile(
        r"(?i)((?:api[-_ ]?key|token|secret|passw(?:or)?d|credential)(?:\s+provided)?"
        r"[\"']?\s*[:=]\s*[\"']?)[^\s\"',;&]{6,}"
    ),
    re.compile(r"(?i)([?&][\w.-]{0,60}(?:key|token|secret|passw(?:or)?d|pwd|auth|code|sig|signature)=)[^\s\"'&#<>]+"),
)


class Redactor:
    """Hides secrets in texts: those that it knows, in any of their usual spellings, and what looks like one.

    >>> Redactor({"my-secret"})("wrong: my-secret")
    'wrong: [hidden]'
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = frozenset(filter(None, secrets))

    def learn(self, secrets: Iterable[str]) -> None:
        """Hide these as well from now on."""
        self._secrets |= frozenset(filter(None, secrets))

    def __call__(self, text: str) -> str:
        """The text without any of them."""
        return without_lookalikes(self.known(text))

    def exactly(self, text: str) -> str:
        """The text without those that are known: for data, in which nothing else may change."""
        return _any_of(self._secrets).sub(HIDDEN, text) if self._secrets else text

    def known(self, text: str) -> str:
        """The text without those that are known or have the shape of a key: for sentences of our own.

        In these, what follows "token:" is no secret.
        """
        return without_keys(self.exactly(text))


def redact(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """The text without any key in it, neither ours nor what merely looks like one.

    >>> redact("wrong: my-secret", {"OPENAI_API_KEY": "my-secret"})
    'wrong: [hidden]'
    >>> redact("Authorization: Bearer abcdefgh", {})
    'Authorization: [hidden] [hidden]'
    """
    return Redactor(secrets_in_environment(environment))(text)


def without_lookalikes(text: str) -> str:
    """The text without what looks like a secret, by its shape or by the words before it."""
    for pattern in _NAMED:
        text = pattern.sub(rf"\1{HIDDEN}", text)
    return without_keys(text)


def without_keys(text: str) -> str:
    """The text without what has the shape of a key, and without users in addresses."""
    for pattern in _KEYS:
        text = pattern.sub(rf"\1{HIDDEN}", text)
    return without_user(text)


def without_user(text: str, instead: str = "") -> str:
    r"""The text without the users and passwords of the addresses in it, of whatever scheme.

    >>> without_user("socks5://me:p/w:d@x@proxy:1080 is down")
    'socks5://proxy:1080 is down'
    """
    return _WORD.sub(lambda found: _with_user(found[0], instead), text) if "://" in text and "@" in text else text


def user_of(address: str) -> str:
    """The user of an address, with the password where there is one; "" where it has none."""
    begin, end = _place_of_user(address)
    return address[begin:end]


def _with_user(word: str, instead: str) -> str:
    begin, end = _place_of_user(word)
    return f"{word[:begin]}{instead}{word[end + 1 :]}" if end > begin else word


def _place_of_user(word: str) -> tuple[int, int]:
    """Where the user of an address in a word begins and ends, just before its @; (0, 0) where there is none.

    A password may hold what should have been percent-encoded, so after a colon it ends with the last @.
    """
    last = word.rfind("@")
    for scheme in _SCHEME.finditer(word):
        begin = scheme.end()
        mark = _END_OF_NAME.search(word, begin, last + 1)
        if mark and mark[0] == ":":
            return begin, last
        if mark and mark[0] == "@":
            slash = word.find("/", begin)
            return begin, word.rfind("@", begin, slash if slash > 0 else len(word))
    return 0, 0


def is_secret_name(name: str) -> bool:
    """Whether what is called so is a secret: the value of a flag, of a parameter, of a variable.

    >>> [is_secret_name(name) for name in ("--api-key", "access_token", "X-Auth", "--max-tokens", "--key-column")]
    [True, True, True, False, False]
    """
    return _SECRET_NAME.search(name) is not None


def is_random(word: str) -> bool:
    """Whether a word looks as if nobody had thought it up: long, with letters and digits in turn, and no file's name.

    >>> [is_random(word) for word in ("x7Kq2mZp9tRw", "2024-02-15-preview", "server_v2b3.py", "@scope/server-1a2b")]
    [True, False, False, False]
    """
    turns = re.findall(r"(?i)(?<=[a-z])\d|(?<=\d)[a-z]", word)
    return len(turns) > 1 and re.fullmatch(r"(?!-)[\w+~$!%^*-]{12,}={0,2}", word) is not None


def secrets_in_environment(environment: Mapping[str, str]) -> frozenset[str]:
    """The secrets among the variables: by their names, and the users and passwords of addresses such as a proxy's."""
    found: set[str] = set()
    for name, value in environment.items():
        if _SECRET_VARIABLE.search(name) and len(value.strip()) >= SHORTEST_SECRET and not _is_path(value):
            found |= {value, value.strip()}
        if "://" in value:
            found.update(secrets_of_user(value))
        if _ADDRESS_VARIABLE.search(name) and len(password := _password_in(value)) >= SHORTEST_SECRET:
            found |= {password, unquote(password)}
    return frozenset(found)


def _password_in(address: str) -> str:
    """The password in an address that is meant to be one, be it well written or not; "" for none."""
    user, _, password = address.rpartition("@")[0].rpartition("://")[2].partition(":")
    return password or user


def _is_path(value: str) -> bool:
    """Whether a value only says where a secret is, as GOOGLE_APPLICATION_CREDENTIALS does."""
    return value.startswith(("/", "~/")) and not any(map(is_random, value.split("/")))


def secrets_of_user(address: str) -> Iterator[str]:
    """What of an address's user is secret: the password, or the user where it is all there is."""
    user, colon, password = (whole := user_of(address)).partition(":")
    for secret in (whole, password if colon else user):
        if len(secret) >= SHORTEST_SECRET:
            yield from (secret, unquote(secret))


@lru_cache(maxsize=64)
def _any_of(secrets: frozenset[str]) -> re.Pattern[str]:
    spellings = {spelling for secret in secrets for spelling in _spellings(secret)}
    return re.compile("|".join(map(re.escape, sorted(spellings, key=len, reverse=True))))


def _spellings(secret: str) -> Iterator[str]:
    """A secret as it is, as addresses, JSON and Python write it, and inside of what is in base64."""
    yield from (secret, quote(secret, safe=""), quote(secret), quote_plus(secret))
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1])
    if len(secret) < SHORTEST_SECRET:
        return
    raw = secret.encode("utf-8", "surrogatepass")
    for before in range(3):  # where it begins among three bytes
        whole = base64.b64encode(bytes(before) + raw).decode()
        own = whole[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]
        yield from (own, own.replace("+", "-").replace("/", "_"))
