"""Which environment variables hold the providers' keys. A key is read when it is used and kept nowhere."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from deepfabric_core.config.schema import Llm
from deepfabric_core.errors import MissingKeyError

# Any one of the variables of a provider will do, the first is named in advice. An empty entry: no key needed.
KEY_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "openai": ("OPENAI_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY",),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "openrouter": ("OPENROUTER_API_KEY",),
    "azure": ("AZURE_API_KEY", "AZURE_AD_TOKEN"),
    "bedrock": ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK"),
    "mistral": ("MISTRAL_API_KEY",),
    "groq": ("GROQ_API_KEY",),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "xai": ("XAI_API_KEY",),
    "cohere": ("COHERE_API_KEY",),
    "together_ai": ("TOGETHERAI_API_KEY", "TOGETHER_API_KEY"),
    "ollama": (),
    "vllm": (),
    "hosted_vllm": (),
    "simulated": (),
}

# What looks like a key; providers quote the one they refuse.
_SECRETS = (
    re.compile(r"(?i)(\bbearer\s+)[^\s\"',;]{6,}"),
    re.compile(
        r"(?i)(\b[\w-]{0,40}(?:api[-_ ]?key|token|secret)(?:\s+provided)?[\"']?\s*[:=]\s*[\"']?)[^\s\"',;&]{6,}"
    ),
    re.compile(r"()\b(?:sk|pk|rk|gsk|hf|xai|r8)[-_][\w*.-]{6,}"),
    re.compile(r"()\b(?:sk|pk|rk|gsk|xai|hf|AIza)[-_]?[A-Za-z0-9_\-*]{8,}"),
)
# The user and password of an address; / and @ don't belong into a password, but some write them.
_CREDENTIALS = re.compile(r"(?i)(\b[a-z][a-z0-9+.-]{0,20}://)(?:[^\s/@:]{0,300}:[^\s\"]{0,300}@|[^\s/@]{1,300}@)")
_ADDRESSES = re.compile(r"(?i)(?:_proxy|_base_url|_api_base)$")
_SHORTEST_SECRET = 6


def api_key(settings: Llm, environment: Mapping[str, str] = os.environ) -> str | None:
    """The provider's key, or None where none is set."""
    for variable in KEY_VARIABLES.get(settings.provider, ()):
        if value := environment.get(variable, "").strip():
            return value
    return None


def check_key(settings: Llm, environment: Mapping[str, str] = os.environ) -> None:
    """Make sure that the provider's key is there. A server of one's own, named by base_url, may do without.

    Raises:
        MissingKeyError: it names the variable to set.
    """
    variables = KEY_VARIABLES.get(settings.provider, ())
    if variables and not settings.base_url and not any(environment.get(name, "").strip() for name in variables):
        raise MissingKeyError(
            f"No API key for provider {settings.provider}: set {' or '.join(variables)} in the environment, "
            "or try without a key by --provider simulated."
        )


def redact(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """The text without any key in it, neither ours nor what merely looks like one.

    >>> redact("wrong: my-secret", {"OPENAI_API_KEY": "my-secret"})
    'wrong: [hidden]'
    >>> redact("Authorization: Bearer abcdefgh", {})
    'Authorization: Bearer [hidden]'
    """
    text = _CREDENTIALS.sub(r"\1", text)
    for variable, value in environment.items():
        secret = _password_in(value) if _ADDRESSES.search(variable) else value
        named = secret is not value or re.search(r"API_KEY|SECRET|TOKEN|ACCESS_KEY", variable)
        if named and len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "[hidden]")
    for pattern in _SECRETS:
        text = pattern.sub(r"\1[hidden]", text)
    return text


def _password_in(address: str) -> str:
    """The password that an address holds, be it well written or not; "" for none."""
    user, _, password = address.rpartition("@")[0].rpartition("://")[2].partition(":")
    return password or user
