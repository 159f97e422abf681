"""Ask a local server for so many texts with Curator, set up as its documentation says.

Run by the Python that has it: with_curator.py BASE_URL TOTAL AT_ONCE PROMPT. `delivered` then says how many came.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

# It counts tokens by a vocabulary that it would download; the same file comes with litellm, which it depends on.
_LITELLM = find_spec("litellm")
if _LITELLM and _LITELLM.origin:
    os.environ["TIKTOKEN_CACHE_DIR"] = str(Path(_LITELLM.origin).parent / "litellm_core_utils" / "tokenizers")

from bespokelabs import curator  # noqa: E402 (it reads the variable)

# Without limits in the headers of an empty request it makes 200 calls a minute, however many may be at once.
_UNLIMITED = 1_000_000_000


def main(base_url: str, total: int, at_once: int, prompt: str) -> int:
    """Make the texts, and count those that came."""
    settings = {
        "base_url": base_url,
        "api_key": "none",
        "max_concurrent_requests": at_once,
        "max_requests_per_minute": _UNLIMITED,
        "max_tokens_per_minute": _UNLIMITED,
        "require_all_responses": False,
    }
    model = curator.LLM(model_name="gpt-4", backend="openai", backend_params=settings)
    made = model([prompt] * total)
    return len(getattr(made, "dataset", made))


if __name__ == "__main__":
    url, count, width, text = sys.argv[1:]
    Path("delivered").write_text(str(main(url, int(count), int(width), text)), encoding="utf-8")
