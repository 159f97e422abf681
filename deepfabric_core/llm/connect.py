"""From a config's `llm` to a model that is ready to be asked."""

from __future__ import annotations

import difflib

from deepfabric_core.config.schema import Llm, RateLimit
from deepfabric_core.errors import ConfigError
from deepfabric_core.events import Emit
from deepfabric_core.llm.keys import KEY_VARIABLES, check_key
from deepfabric_core.llm.model import ChatModel
from deepfabric_core.llm.retry import Retrying
from deepfabric_core.llm.schema_modes import SchemaModes
from deepfabric_core.llm.simulated import SimulatedModel


def connect(settings: Llm, *, max_retries: int, limits: RateLimit, emit: Emit) -> ChatModel:
    """The model of a stage, with retries and the strongest way of asking for JSON that the provider accepts."""
    return SchemaModes(Retrying(bare(settings), max_retries, limits, emit))


def bare(settings: Llm) -> ChatModel:
    """The model alone."""
    if settings.provider == "simulated":
        return SimulatedModel(settings)
    from deepfabric_core.llm.litellm_model import LitellmModel

    return LitellmModel(settings)


def check(settings: Llm) -> None:
    """Make sure, without a call, that the provider exists and its key is there.

    Raises:
        ConfigError: it names the nearest provider, or the variable to set.
    """
    if settings.provider not in KEY_VARIABLES:
        from deepfabric_core.llm.litellm_model import import_litellm

        known = sorted({*KEY_VARIABLES, *(str(getattr(p, "value", p)) for p in import_litellm().provider_list)})
        if settings.provider not in known:
            close = difflib.get_close_matches(settings.provider, known, n=1)
            advice = (
                f"did you mean {close[0]}?" if close else f"known are {', '.join(KEY_VARIABLES)} and litellm's others."
            )
            raise ConfigError(f"Unknown provider {settings.provider}: {advice}")
    check_key(settings)
