"""Recipes: how each kind of sample is made, one module per kind; `agent_record` is the record of an agent.

A recipe is a generator function: it yields requests and tool calls, is sent the results, and returns a sample. It is
prepared once per run from the config, and started once per work item.
"""

from __future__ import annotations

from deepfabric_core.chat.tools import Tool
from deepfabric_core.config.schema import Config
from deepfabric_core.samples.recipes import agent, basic, custom, reasoning
from deepfabric_core.samples.recipes.recipe import Recipe


def recipe_for(config: Config, tools: tuple[Tool, ...] = ()) -> Recipe:
    """Return the recipe for a config; if tools are configured, that of an agent."""
    if config.uses_tools:
        return agent.prepare(config, tools)
    if config.output.format == "custom":
        return custom.prepare(config)
    return reasoning.prepare(config) if config.generation.conversation.type == "cot" else basic.prepare(config)
