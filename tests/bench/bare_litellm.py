"""litellm with nothing around it but a number of workers, set up as ours sets it up."""

from __future__ import annotations

import asyncio
import json
import sys

from deepfabric_core.llm.clients.litellm_model import import_litellm
from tests.bench.pool import Arguments, Refused, arguments, run_pool


async def main(given: Arguments) -> int:
    """Make the calls, and count them."""
    litellm = import_litellm()
    target = {"model": "openai/gpt-4o", "api_base": given.base_url, "api_key": "none"}
    settings = {"timeout": given.timeout, "num_retries": 0, "max_retries": 0, "drop_params": True}
    asked = {**given.body, **target, **settings}

    async def call() -> None:
        try:
            response = await litellm.acompletion(**asked)
        except litellm.exceptions.Timeout:
            raise Refused from None
        except litellm.exceptions.RateLimitError as problem:
            raise Refused(float(problem.litellm_response_headers.get("retry-after", 1))) from None
        json.loads(response.choices[0].message.content)

    return await run_pool(call, given.total, given.width)


if __name__ == "__main__":
    sys.stdout.write(f"{asyncio.run(main(arguments()))}\n")
