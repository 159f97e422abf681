"""Ask a local server for so many texts with sdg_hub, set up as its documentation says.

Run by the Python that has it: with_sdg_hub.py BASE_URL TOTAL AT_ONCE PROMPT. `delivered` then says how many came.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from sdg_hub.core.blocks import LLMChatBlock
from sdg_hub.core.flow import Flow, FlowMetadata


def main(base_url: str, total: int, at_once: int, prompt: str) -> int:
    """Make the texts, and count those that came."""
    block = LLMChatBlock(block_name="answer", input_cols="messages", output_cols="answer", async_mode=True)
    flow = Flow(blocks=[block], metadata=FlowMetadata(name="bench"))
    flow.set_model_config(model="openai/gpt-4", api_base=base_url, api_key="none")
    messages = [{"role": "user", "content": prompt}]
    asked = pd.DataFrame([{"row": row, "messages": messages} for row in range(total)])  # it refuses equal rows
    return int(flow.generate(asked, max_concurrency=at_once)["answer"].notna().sum())


if __name__ == "__main__":
    url, count, width, text = sys.argv[1:]
    Path("delivered").write_text(str(main(url, int(count), int(width), text)), encoding="utf-8")
