"""What `--check` says of a template is what transformers makes of it, for templates that TRL trains models with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import trl
from click.testing import CliRunner

from deepfabric_core.cli.app import app
from tests.train.exports import END

FOLDER = Path(trl.__file__).parent / "chat_templates"
NAMES = ("deepseekv3", "glm4moe", "llama3", "nemotron_3_nano", "phi3", "qwen2_5", "qwen3", "qwen3_6")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["chat", "reasoning", "agent"])
def test_the_check_finds_something_where_something_is_not_learned(
    name: str, kind: str, made: dict[str, Path], tokenizer: Any, tmp_path: Path
) -> None:
    template = FOLDER / f"{name}_training.jinja"
    exported = tmp_path / "rows.jsonl"
    to = ["--to", "trl", "--check", str(template), "-o", str(exported)]
    done = CliRunner().invoke(app, ["export", str(made[kind]), *to])
    written, source = exported.read_text(encoding="utf-8"), template.read_text(encoding="utf-8")
    whole = all(is_learned(json.loads(row), tokenizer, source) for row in written.splitlines())
    # A file that the agents read holds this token, which some of the templates have.
    ends_early = END in source and END in written
    assert ("holds a special token" in done.output) == ends_early, done.output
    assert done.exit_code == (0 if whole and not ends_early else 1), done.output


def is_learned(row: dict[str, Any], tokenizer: Any, template: str) -> bool:
    """Whether all that the assistant says, thinks and calls is learned, and the tools are read."""
    made = tokenizer.apply_chat_template(
        row["messages"],
        tools=row.get("tools"),
        chat_template=template,
        return_assistant_tokens_mask=True,
        return_dict=True,
    )
    pairs = list(zip(made["input_ids"], made["assistant_masks"], strict=True))
    learned = tokenizer.decode([token for token, mask in pairs if mask])
    read = tokenizer.decode([token for token, mask in pairs if not mask])
    spoken = [message for message in row["messages"] if message["role"] == "assistant"]
    calls = [call["function"]["name"] for message in spoken for call in message.get("tool_calls", ())]
    said = [message[key] for message in spoken for key in ("content", "reasoning_content") if message.get(key)]
    tools = [tool["function"]["name"] for tool in row.get("tools", ())]
    return all(text in learned for text in (*said, *calls)) and all(tool in read for tool in tools)
