"""Ask a local server for so many texts with NVIDIA Data Designer, set up as its documentation says.

Run by the Python that has it: with_data_designer.py BASE_URL TOTAL AT_ONCE PROMPT. `delivered` then says how many came.
"""

from __future__ import annotations

import sys
from pathlib import Path

import data_designer.config as dd
from data_designer.interface import DataDesigner


def main(base_url: str, total: int, at_once: int, prompt: str) -> int:
    """Make the texts, and count those that came."""
    server = dd.ModelProvider(name="local", endpoint=base_url, provider_type="openai", api_key="none")
    parallel = dd.ChatCompletionInferenceParams(max_parallel_requests=at_once)
    model = dd.ModelConfig(alias="text", model="gpt-4", provider="local", inference_parameters=parallel)
    columns = dd.DataDesignerConfigBuilder(model_configs=[model])
    columns.add_column(
        dd.SamplerColumnConfig(name="row", sampler_type=dd.SamplerType.UUID, params=dd.UUIDSamplerParams())
    )
    columns.add_column(dd.LLMTextColumnConfig(name="answer", prompt=prompt, model_alias="text"))
    designer = DataDesigner(artifact_path=Path("artifacts"), model_providers=[server])
    made = designer.create(columns, num_records=total, dataset_name="bench").load_dataset()
    return int(made["answer"].notna().sum())


if __name__ == "__main__":
    url, count, width, text = sys.argv[1:]
    Path("delivered").write_text(str(main(url, int(count), int(width), text)), encoding="utf-8")
