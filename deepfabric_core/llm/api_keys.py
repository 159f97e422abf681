"""Environment variables that hold the providers' API keys. A key is read when it is used and stored nowhere."""

from __future__ import annotations

import os
from collections.abc import Mapping

from deepfabric_core.config.llm import Llm
from deepfabric_core.errors import MissingKeyError

# A provider needs any one of its variables; messages name the first. An empty entry: no key is needed.
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
    "local": (),
    "ray-vllm": (),
    "simulated": (),
    "demo": (),
    "recorded": (),
}


def api_key(settings: Llm, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the provider's key, or None if none is set."""
    for variable in KEY_VARIABLES.get(settings.provider, ()):
        if value := environment.get(variable, "").strip():
            return value
    return None


def check_key(settings: Llm, environment: Mapping[str, str] = os.environ) -> None:
    """Check that the provider's key is set. A server named by base_url may need none.

    Raises:
        MissingKeyError: it isn't; the message names the variable to set.
    """
    variables = KEY_VARIABLES.get(settings.provider, ())
    if variables and not settings.base_url and not any(environment.get(name, "").strip() for name in variables):
        raise MissingKeyError(
            f"No API key for provider {settings.provider}: set {' or '.join(variables)} in the environment, "
            "or try without a key by --provider simulated."
        )
