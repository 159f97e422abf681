"""A provider that sends a bill: it counts tokens in its own way, and adds up what it would charge for each answer."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass, field
from typing import Any

from tests.answers import Json, text_of
from tests.provider import Faults, LocalProvider

# Dollars per million tokens, as `llm.prices` has them.
PRICES = {"input": 0.15, "output": 0.60}
_PIECES = re.compile(r"\w{1,5}|[^\w\s]|\s{2,}")
_WORDS = ("water", "leaf", "cup", "steam", "kettle", "morning", "slow", "amber", "bitter", "market", "garden", "hill")


@dataclass
class Answers:
    """Replies of varied length: words in them are drawn from a log-normal distribution, cut off at max_tokens."""

    mean: float = 120.0
    sigma: float = 0.5
    chance: random.Random = field(default_factory=lambda: random.Random(5))
    made: int = 0

    def __call__(self, body: Json) -> str:
        """Return JSON of the form that was asked for."""
        schema = body["response_format"]["json_schema"]["schema"]
        if "subtopics" in schema["properties"]:
            return json.dumps({"subtopics": [f"{self._text(2)} {self._number()}" for _ in range(50)]})
        words = max(8, int(self.chance.lognormvariate(0, self.sigma) * self.mean))
        return json.dumps({name: f"{self._text(words)} {self._number()}." for name in schema["properties"]})

    def _number(self) -> int:
        self.made += 1
        return self.made

    def _text(self, words: int) -> str:
        return " ".join(self.chance.choices(_WORDS, k=words))


class BillingProvider(LocalProvider):
    """A provider whose tokens are pieces of words of up to five letters, with eight more for each message.

    `spent` is what all answers cost, `tokens` what they took, and `calls` how many there were.
    """

    def __init__(self, faults: Faults | None = None, answers: Answers | None = None) -> None:
        self.answers = answers or Answers()
        self.states_usage = True
        super().__init__(faults or Faults(), self.answers)
        self.spent, self.tokens, self.calls = 0.0, 0, 0

    def _completion(self, body: Json, content: str, headers: Any) -> Any:
        asked = sum(8 + len(_PIECES.findall(text_of(message))) for message in body["messages"])
        pieces = list(_PIECES.finditer(content))
        limit = body.get("max_tokens") or len(pieces)
        cut = content if len(pieces) <= limit else content[: pieces[limit].start()]
        answered = min(len(pieces), limit)
        self.spent += (asked * PRICES["input"] + answered * PRICES["output"]) / 1e6
        self.tokens += asked + answered
        self.calls += 1
        response = super()._completion(body, cut, headers)
        document = json.loads(response.text or "")
        usage = {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}
        document["usage"] = usage if self.states_usage else None
        if len(pieces) > limit:
            document["choices"][0]["finish_reason"] = "length"
        response.body = json.dumps(document).encode()
        return response
