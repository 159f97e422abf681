"""The tools of a config whose definitions are known before anything is started."""

from __future__ import annotations

from deepfabric_core.chat.tools import Tool
from deepfabric_core.config.schema import Config


def known_tools(config: Config) -> tuple[Tool, ...]:
    """Return an agent's tools whose definitions are known without a call: not those of servers. None without an agent.

    Raises:
        ConfigError: a definition can't be used.
    """
    if not config.uses_tools:
        return ()
    from deepfabric_core.tools.toolbox import defined_tools

    return defined_tools(config)
