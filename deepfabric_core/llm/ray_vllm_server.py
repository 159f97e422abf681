"""What runs on the machines with GPUs: a deployment of Ray Serve that answers chat completions, as vLLM's server does.

It needs vLLM, so it is imported in processes of the cluster alone.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from ray import serve
from ray.serve.llm import LLMConfig, LLMServer, build_llm_deployment
from ray.serve.llm.openai_api_models import ChatCompletionRequest

from deepfabric_core.config.llm import Llm

_FINE, _BAD_REQUEST = 200, 400


class ChatServer(LLMServer):  # type: ignore[misc]
    """A replica. It takes and returns JSON, so that its callers need neither vLLM nor its types."""

    async def answer(self, body: bytes) -> tuple[int, str]:
        """Return the status and the body with which vLLM's own server would answer a chat completion's request."""
        try:
            request = ChatCompletionRequest.model_validate_json(body)
        except ValidationError as problem:
            return _BAD_REQUEST, str(problem)
        replies = [reply async for reply in await self.chat(request)]
        if not replies:
            raise RuntimeError("the engine gave no answer")
        error = getattr(replies[0], "error", None)
        return error.code if error else _FINE, replies[0].model_dump_json(exclude_none=True)


def begin(application: str, settings: Llm) -> None:
    """Have Ray Serve start a model's application, without a port for HTTP, and without waiting until it runs."""
    serve.start(proxy_location="Disabled")
    target = build_llm_deployment(LLMConfig(**llm_config(settings)), deployment_cls=ChatServer)
    started = serve.RunTarget(target, name=application, route_prefix=None)
    serve.run_many([started], wait_for_applications_running=False, wait_for_ingress_deployment_creation=False)


def llm_config(settings: Llm) -> dict[str, Any]:
    """Return the settings as Ray's `LLMConfig` has them."""
    wanted = settings.ray_vllm
    accelerator = {"accelerator_type": wanted.accelerator} if wanted.accelerator else {}
    return {
        "model_loading_config": {"model_id": settings.model, "model_source": settings.model},
        "engine_kwargs": {**wanted.engine, "tensor_parallel_size": wanted.tensor_parallel},
        "deployment_config": {"name": "chat", "num_replicas": wanted.replicas},
        **({"accelerator_config": {"kind": "cpu"}} if wanted.on_processors else accelerator),
    }
