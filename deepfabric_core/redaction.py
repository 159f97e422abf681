"""Remove secrets from text: known ones such as API keys, and anything that looks like one.

This is for errors, logs and screens. The samples of a dataset are never changed.
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
# Shorter texts are too often part of other words.
SHORTEST_SECRET = 6

_SECRET_VARIABLE = re.compile(r"(?i)key(?!board|ring|map)|token(?!iz)|secret|password|passwd|credential")
_ADDRESS_VARIABLE = re.compile(r"(?i)(?:_proxy|_base_url|_api_base)$")
_SECRET_NAME = re.compile(
    r"(?i)(?:token|secret|passw(?:or)?d|passphrase|api-?key|access-?key|credentials?"
    r"|(?:^|[-_.])(?:key|auth|authorization|cookie|pass|pwd|pat|code|sig|signature))$"
)

# All of these have bounded lengths, so that no text takes long to search.
_WORD = re.compile(r"[^\s\"]+")
_SCHEME = re.compile(r"(?i)\b[a-z][a-z0-9+.-]{0,30}://")
_END_OF_NAME = re.compile(r"[/?#@:]")

# The formats of the keys of providers and other services.
_KEYS = (
    re.compile(r"()\b(?:sk|pk|rk|gsk|hf|xai|r8)[-_][\w*.-]{6,}"),
    re.compile(r"()\b(?:sk|pk|rk|gsk|xai|hf|AIza)(?=[A-Za-z_*-]{0,60}\d)[A-Za-z0-9_\-*]{8,}"),
    re.compile(r"()\b(?:gh[a-z]_|github_pat_|glpat-|xox[a-z]-|ya29\.|AKIA)[\w*.-]{8,}"),
    re.compile(r"()\beyJ[\w-]{8,2000}\.[\w-]{8,8000}\.[\w-]*"),
)
# Values that the words before them mark as secret.
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
    """Replaces secrets in texts: the given ones, in any of their usual encodings, and anything that looks like one.

    >>> Redactor({"my-secret"})("wrong: my-secret")
    'wrong: [hidden]'
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = frozenset(filter(None, secrets))

    def learn(self, secrets: Iterable[str]) -> None:
        """Hide these secrets as well from now on."""
        self._secrets |= frozenset(filter(None, secrets))

    def __call__(self, text: str) -> str:
        """Return the text without known secrets and without anything that looks like one."""
        return without_lookalikes(self.known(text))

    def exactly(self, text: str) -> str:
        """Return the text without the known secrets only: for data, in which nothing else may change."""
        return _any_of(self._secrets).sub(HIDDEN, text) if self._secrets else text

    def known(self, text: str) -> str:
        """Return the text without known secrets and keys: for our own messages.

        In these, what follows "token:" isn't a secret.
        """
        return without_keys(self.exactly(text))


def redact(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return the text without the secrets of the environment and without anything that looks like one.

    >>> redact("wrong: my-secret", {"OPENAI_API_KEY": "my-secret"})
    'wrong: [hidden]'
    >>> redact("Authorization: Bearer abcdefgh", {})
    'Authorization: [hidden] [hidden]'
    """
    return Redactor(secrets_in_environment(environment))(text)


def without_lookalikes(text: str) -> str:
    """Return the text without anything that looks like a secret, by its format or by the words before it."""
    for pattern in _NAMED:
        text = pattern.sub(rf"\1{HIDDEN}", text)
    return without_keys(text)


def without_keys(text: str) -> str:
    """Return the text without anything that has the format of a key, and without users in addresses."""
    for pattern in _KEYS:
        text = pattern.sub(rf"\1{HIDDEN}", text)
    return without_user(text)


def without_user(text: str, instead: str = "") -> str:
    r"""Return the text with `instead` in place of users and passwords in addresses, whatever their scheme.

    >>> without_user("socks5://me:p/w:d@x@proxy:1080 is down")
    'socks5://proxy:1080 is down'
    """
    return _WORD.sub(lambda found: _with_user(found[0], instead), text) if "://" in text and "@" in text else text


def user_of(address: str) -> str:
    """Return the user of an address, with the password if there is one; "" if it has no user."""
    begin, end = _place_of_user(address)
    return address[begin:end]


def _with_user(word: str, instead: str) -> str:
    begin, end = _place_of_user(word)
    return f"{word[:begin]}{instead}{word[end + 1 :]}" if end > begin else word


def _place_of_user(word: str) -> tuple[int, int]:
    """Return where the user of an address in a word begins and ends (before the @); (0, 0) if there is none.

    A password may hold characters that should have been percent-encoded, so after a colon it ends at the last @.
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
    """Return whether the value of a flag, parameter or variable of this name is a secret.

    >>> [is_secret_name(name) for name in ("--api-key", "access_token", "X-Auth", "--max-tokens", "--key-column")]
    [True, True, True, False, False]
    """
    return _SECRET_NAME.search(name) is not None


def is_random(word: str) -> bool:
    """Return whether a word looks random: long, with letters and digits mixed, and no file name.

    >>> [is_random(word) for word in ("x7Kq2mZp9tRw", "2024-02-15-preview", "server_v2b3.py", "@scope/server-1a2b")]
    [True, False, False, False]
    """
    turns = re.findall(r"(?i)(?<=[a-z])\d|(?<=\d)[a-z]", word)
    return len(turns) > 1 and re.fullmatch(r"(?!-)[\w+~$!%^*-]{12,}={0,2}", word) is not None


def secrets_in_environment(environment: Mapping[str, str]) -> frozenset[str]:
    """Return the secrets among the variables: by name, and the users and passwords in addresses such as a proxy's."""
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
    """Return the password (or else the user) in an address, even if the address is malformed; "" if there is none."""
    user, _, password = address.rpartition("@")[0].rpartition("://")[2].partition(":")
    return password or user


def _is_path(value: str) -> bool:
    """Return whether a value is only the path of a secret, as in GOOGLE_APPLICATION_CREDENTIALS."""
    return value.startswith(("/", "~/")) and not any(map(is_random, value.split("/")))


def secrets_of_user(address: str) -> Iterator[str]:
    """Yield the secrets in the user part of an address: the whole, and the password, or the user if there is none."""
    user, colon, password = (whole := user_of(address)).partition(":")
    for secret in (whole, password if colon else user):
        if len(secret) >= SHORTEST_SECRET:
            yield from (secret, unquote(secret))


@lru_cache(maxsize=64)
def _any_of(secrets: frozenset[str]) -> re.Pattern[str]:
    spellings = {spelling for secret in secrets for spelling in _spellings(secret)}
    return re.compile("|".join(map(re.escape, sorted(spellings, key=len, reverse=True))))


def _spellings(secret: str) -> Iterator[str]:
    """Yield a secret as it is, as it is written in addresses, JSON and Python, and inside base64 text."""
    yield from (secret, quote(secret, safe=""), quote(secret), quote_plus(secret))
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1])
    if len(secret) < SHORTEST_SECRET:
        return
    raw = secret.encode("utf-8", "surrogatepass")
    for before in range(3):  # its offset in a group of three bytes
        whole = base64.b64encode(bytes(before) + raw).decode()
        own = whole[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]
        yield from (own, own.replace("+", "-").replace("/", "_"))
