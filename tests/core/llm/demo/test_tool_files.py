"""The files for the demo's agent: they are read as any others, and answer with what stands in its samples."""

from __future__ import annotations

import asyncio
from pathlib import Path

from deepfabric_core.chat.tools import text_of
from deepfabric_core.llm.demo.dataset import dataset
from deepfabric_core.llm.demo.tool_files import mock_data, tool_definitions
from deepfabric_core.tools.definitions import read_tools
from deepfabric_core.tools.mock import Mock, read_mock_data


def mock(folder: Path) -> Mock:
    (folder / "tools.yaml").write_text(tool_definitions(), encoding="utf-8")
    (folder / "mock.json").write_text(mock_data(), encoding="utf-8")
    return Mock(read_tools(folder / "tools.yaml"), read_mock_data(folder / "mock.json"))


def test_each_tool_is_defined_with_its_arguments(tmp_path: Path) -> None:
    defined = mock(tmp_path).tools
    for tool, written in zip(defined, dataset("on_call").tools, strict=True):
        assert (tool.name, tool.description) == (written["name"], written["description"])
        assert list(tool.parameters["properties"]) == [part["name"] for part in written["parameters"]]
        assert tool.parameters["required"] == [part["name"] for part in written["parameters"] if part["required"]]


def test_each_call_of_the_samples_gets_its_result_and_any_other_an_error(tmp_path: Path) -> None:
    tools = mock(tmp_path)
    for sample in dataset("on_call").by_question.values():
        for step in sample.steps:
            result = asyncio.run(tools.call(step.tool, step.arguments))
            assert result.content == text_of(step.result) and not result.error
    unknown = asyncio.run(tools.call("get_pods", {"namespace": "elsewhere"}))
    assert unknown.content == '{"error": "these tools know the cases of the demo only"}'
