"""Files for the demo's agent: the definitions of its tools, and what they answer to the calls in its samples."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from deepfabric_core.llm.demo.dataset import DemoStep, dataset

_TYPES = {"string": "str"}
_NOTHING_KNOWN = {"error": "these tools know the cases of the demo only"}


def tool_definitions() -> str:
    """Return the text of a YAML file for `tools.file`."""
    import yaml

    defined = [_definition(tool) for tool in dataset("on_call").tools]
    return yaml.safe_dump({"tools": defined}, sort_keys=False, allow_unicode=True, width=120)


def mock_data() -> str:
    """Return the text of a JSON file for `tools.mock_data`: the result of each call in the samples."""
    fixtures: dict[str, list[dict[str, Any]]] = {tool["name"]: [] for tool in dataset("on_call").tools}
    for step in _steps():
        fixture = {"match": dict(step.arguments), "response": step.result}
        if fixture not in fixtures[step.tool]:
            fixtures[step.tool].append(fixture)
    unknown = {name: {"defaultResponse": _NOTHING_KNOWN} for name in fixtures}
    return json.dumps({"mockResponses": unknown, "fixtures": fixtures}, ensure_ascii=False, indent=1) + "\n"


def _definition(tool: Mapping[str, Any]) -> dict[str, Any]:
    parameters = [{**part, "type": _TYPES.get(part["type"], part["type"])} for part in tool["parameters"]]
    return {**tool, "parameters": parameters}


def _steps() -> Iterator[DemoStep]:
    for sample in dataset("on_call").by_question.values():
        yield from sample.steps
