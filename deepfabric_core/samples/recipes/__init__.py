"""How each kind of conversation is made: one file a kind, each a generator of requests that returns a sample.

A recipe is prepared once a run from the config, and then started once a work item.
"""

from __future__ import annotations

from deepfabric_core.chat.tools import Tool
from deepfabric_core.config.schema import Config
from deepfabric_core.samples.recipes import agent, basic, custom, reasoning
from deepfabric_core.samples.recipes.recipe import Recipe


def recipe_for(config: Config, tools: tuple[Tool, ...] = ()) -> Recipe:
    """The recipe that the config asks for; configuring tools is asking for an agent."""
    if config.uses_tools:
        return agent.prepare(config, tools)
    if config.output.format == "custom":
        return custom.prepare(config)
    return reasoning.prepare(config) if config.generation.conversation.type == "cot" else basic.prepare(config)
