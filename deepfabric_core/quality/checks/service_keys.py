"""Keys and passwords of services, by the shapes that their makers gave them."""

from __future__ import annotations

import re

from deepfabric_core.quality.checks.check import Problem, excerpt
from deepfabric_core.quality.checks.passages import Passage, Passages

_ADVICE = "it had what looks like a real key: write an obvious stand-in such as YOUR_API_KEY"
_SHAPES = re.compile(
    r"\b(?:"
    r"sk-(?:proj-|svcacct-|ant-(?:api\d\d-)?|or-v1-)?[A-Za-z0-9_-]{20,200}"  # OpenAI, Anthropic, OpenRouter
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}"  # AWS
    r"|gh[pousr]_[A-Za-z0-9]{30,200}|github_pat_[A-Za-z0-9_]{30,200}|glpat-[A-Za-z0-9_-]{20,100}"
    r"|AIza[A-Za-z0-9_-]{35}"  # Google
    r"|xox[abeoprs]-[A-Za-z0-9-]{20,200}"  # Slack
    r"|(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,200}"  # Stripe
    r"|hf_[A-Za-z0-9]{30,100}|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{40,300}|dop_v1_[a-f0-9]{64}"
    r"|SG\.[A-Za-z0-9_-]{16,40}\.[A-Za-z0-9_-]{30,60}|key-[a-f0-9]{32}|AC[a-f0-9]{32}"  # SendGrid, Mailgun, Twilio
    r"|eyJ[A-Za-z0-9_-]{15,500}\.eyJ[A-Za-z0-9_-]{15,2000}\.[A-Za-z0-9_-]{20,500}"  # JSON Web Tokens
    r")"
)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:[A-Z]{2,10} )?PRIVATE KEY(?: BLOCK)?-----\s+(?:[\w-]+: [^\n]*\n\s*)*([A-Za-z0-9+/=\s]{120})"
)
_SIGNS = tuple(
    (
        "sk- AKIA ASIA ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- AIza xox _live_ _test_ hf_ npm_ pypi- dop_v1_ SG. "
        "key- eyJ AC"
    ).split()
)
# What documentation writes in place of a key.
_STAND_IN = re.compile(
    r"(?i)example|your|xxxx|placeholder|secret|dummy|fake|test|sample|abcdef|123456|1234\b|0{6}|\.\.\.|<|redacted|insert"
    r"|replace|changeme"
)
_FEWEST_DIFFERENT = 10
_SHORTEST = 20


def secret(passages: Passages) -> Problem | None:
    """Return what is wrong if a text has a key that looks real; the key itself is not told."""
    for passage in passages.all:
        if found := _service_key_in(passage) or _private_key_in(passage):
            return Problem(f"the {passage.name} has what looks like a secret key", _ADVICE, excerpt(f"{found[:6]}…"))
    return None


def _service_key_in(passage: Passage) -> str | None:
    """Return the first key of a service; they are long words, which most texts have none of."""
    if max(map(len, passage.words), default=0) < _SHORTEST:
        return None
    long = " ".join(word for word in passage.text.split() if len(word) >= _SHORTEST)
    if not any(map(long.__contains__, _SIGNS)):
        return None
    return next((found[0] for found in _SHAPES.finditer(long) if _looks_real(found[0])), None)


def _private_key_in(passage: Passage) -> str | None:
    if "PRIVATE KEY" not in passage.text:
        return None
    found = _PRIVATE_KEY.search(passage.text)
    return found[0] if found and _looks_real(found[1]) else None


def _looks_real(key: str) -> bool:
    different = len(set(key))
    mixed = any(map(str.isdigit, key)) and any(map(str.isalpha, key))
    return mixed and different >= _FEWEST_DIFFERENT and not _STAND_IN.search(key)
