"""Models served on a Ray cluster, as far as that needs no Ray; tests/cluster has the rest."""

from __future__ import annotations

import asyncio
import re
from importlib.machinery import ModuleSpec
from typing import Any

import pytest

from deepfabric_core import load
from deepfabric_core.config.llm import Llm
from deepfabric_core.config.run_engine import RunEngine
from deepfabric_core.errors import ConfigError
from deepfabric_core.events import Event
from deepfabric_core.llm.ray_serving import application_of, check_ray_vllm, serving
from deepfabric_core.stop import Stop


def model(name: str = "Qwen/Qwen3-8B", **ray_vllm: Any) -> Llm:
    return Llm(provider="ray-vllm", model=name, ray_vllm=ray_vllm)


@pytest.mark.parametrize("installed", [(), ("ray",), ("fastapi",)])
def test_without_ray_serve_the_error_says_what_to_install(installed: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as refused:
        check_ray_vllm(lambda name: ModuleSpec(name, None) if name in installed else None)
    assert "pip install 'deepfabric-nb[ray-vllm]'" in str(refused.value) and "\n" not in str(refused.value)


def test_an_application_is_named_after_what_decides_how_a_model_is_served() -> None:
    assert application_of(model()) == application_of(model(replicas=1, engine={}))
    assert application_of(model(engine={"a": 1, "b": 2})) == application_of(model(engine={"b": 2, "a": 1}))
    different = [model(), model("Qwen/Qwen3-4B"), model(replicas=2), model(tensor_parallel=2), model(engine={"a": 1})]
    assert len(set(map(application_of, different))) == len(different)
    warmer = model().model_copy(update={"temperature": 1.5, "timeout": 5.0, "seed": 3})
    assert application_of(warmer) == application_of(model())


@pytest.mark.parametrize("name", ["Qwen/Qwen3-8B", "s3://bucket/a model/#1", "/home/me/modèles/7b", "x" * 500, "..."])
def test_the_name_of_an_application_is_short_and_plain(name: str) -> None:
    assert re.fullmatch(r"deepfabric-[\w-]{0,60}-[0-9a-f]{8}", application_of(model(name)))


def test_other_models_need_no_ray() -> None:
    told: list[Event] = []

    async def with_others() -> None:
        async with serving([Llm(provider="vllm", model="m"), Llm(provider="demo")], RunEngine(), told.append, Stop()):
            pass

    asyncio.run(with_others())
    assert told == []


@pytest.mark.parametrize(
    ("ray_vllm", "gpus"),
    [
        ({}, 1),
        ({"replicas": 3, "tensor_parallel": 2}, 6),
        ({"tensor_parallel": 2, "engine": {"pipeline_parallel_size": 4}}, 8),
        ({"replicas": 3, "accelerator": "CPU"}, 0),
    ],
)
def test_each_replica_takes_its_gpus(ray_vllm: dict[str, Any], gpus: int) -> None:
    assert model(**ray_vllm).ray_vllm.gpus == gpus


# ---- the config


TEXT = """
llm: {provider: ray-vllm, model: Qwen/Qwen3-8B, ray_vllm: %s}
topics: {prompt: Tea}
generation: {system_prompt: You teach.}
output: {save_as: tea.jsonl}
"""


def refused(ray_vllm: str) -> str:
    with pytest.raises(ConfigError) as problem:
        load(TEXT % ray_vllm, source="tea.yaml")
    return str(problem.value)


@pytest.mark.parametrize(
    ("ray_vllm", "said"),
    [
        ("{replicas: 0}", "llm.ray_vllm.replicas"),
        ("{tensor_parallel: x}", "llm.ray_vllm.tensor_parallel"),
        ("{replica: 2}", "did you mean llm.ray_vllm.replicas?"),
        ("{engine: {tensor_parallel_size: 2}}", "tensor_parallel_size is what llm.ray_vllm.tensor_parallel says"),
        ("{engine: {model: other}}", "model is what llm.model says"),
        ("{engine: {max_model_len: 2024-01-01}}", "it holds what JSON can't"),
        ("{engine: {hf_token: hf_abcdefgh}}", "set it in the environment of the cluster's machines"),
    ],
)
def test_a_mistake_is_told_with_its_place(ray_vllm: str, said: str) -> None:
    sentence = refused(ray_vllm)
    assert sentence.startswith("tea.yaml, line 2: ") and said in sentence
    assert "hf_abcdefgh" not in sentence


def test_both_stages_share_a_model_that_both_are_given() -> None:
    config = load(TEXT % "{replicas: 2, engine: {max_model_len: 4096}}", source="tea.yaml").config
    assert config.models == [config.generation.llm]
