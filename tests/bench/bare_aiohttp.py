"""The least that makes these calls: aiohttp, a number of workers, and the JSON read."""

from __future__ import annotations

import asyncio
import json
import sys

import aiohttp

from tests.bench.pool import Arguments, Refused, arguments, run_pool


async def main(given: Arguments) -> int:
    """Make the calls, and count them."""
    url, patience = f"{given.base_url}/chat/completions", aiohttp.ClientTimeout(total=given.timeout)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=patience, raise_for_status=False) as session:

        async def call() -> None:
            try:
                async with session.post(url, json=given.body) as response:
                    if response.status == 429:
                        raise Refused(float(response.headers.get("retry-after", 1)))
                    response.raise_for_status()
                    answer = await response.json()
            except TimeoutError:
                raise Refused from None
            json.loads(answer["choices"][0]["message"]["content"])

        return await run_pool(call, given.total, given.width)


if __name__ == "__main__":
    sys.stdout.write(f"{asyncio.run(main(arguments()))}\n")
