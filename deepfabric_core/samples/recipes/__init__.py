"""How each kind of conversation is made: one file a kind, each a generator of requests that returns a sample.

A recipe is prepared once a run from the config, and then started once a work item.
"""

from __future__ import annotations

from deepfabric_core.config.schema import Config
from deepfabric_core.errors import ConfigError
from deepfabric_core.samples.recipes import basic, custom, reasoning
from deepfabric_core.samples.recipes.recipe import Recipe


def recipe_for(config: Config) -> Recipe:
    """The recipe that the config asks for.

    Raises:
        ConfigError: it asks for tools, which no recipe here uses.
    """
    generation = config.generation
    if generation.tools is not None or generation.conversation.reasoning_style == "agent":
        raise ConfigError(
            "generation.tools and reasoning_style agent can't be used yet: remove generation.tools and set "
            "generation.conversation to type basic, or to type cot with reasoning_style freetext."
        )
    if config.output.format == "custom":
        return custom.prepare(config)
    return reasoning.prepare(config) if generation.conversation.type == "cot" else basic.prepare(config)
