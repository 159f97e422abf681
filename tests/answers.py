"""What the local provider says: JSON that fits the schema asked for, each string its own, or spoiled on purpose."""

import hashlib
import json
import math
import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

Json = dict[str, Any]
Calls = Sequence[tuple[str, Json]]  # tools and their arguments

_USUAL_CALLS = 2

# Stands for a string in a skeleton, with its least and greatest length (0: no limit); JSON leaves these signs alone.
HOLE = re.compile("\ue000(\\d+),(\\d+)\ue001")

# The roles that a conversation starts with, whatever else its schema allows.
CHAT = ("user", "assistant")

# How many items a prompt asks for, in our words or in DeepFabric's.
EXACTLY = re.compile(r"\b(?:exactly|generate) (\d+)", re.IGNORECASE)


@lru_cache(maxsize=512)
def skeleton(schema_text: str, items: int | None, *, terse: bool) -> str:
    """Write the JSON text of a value that fits a schema, with a HOLE in place of each string."""
    schema = json.loads(schema_text)
    return json.dumps(Example(schema, items, terse).build(schema), ensure_ascii=False)


@dataclass(frozen=True)
class Example:
    """Builds a value that fits a schema (`pattern` and `format` aside), arrays having `items` items, or 3, by default.

    A terse one is null wherever that fits, as models answer what they have no use for.
    """

    root: Json
    items: int | None
    terse: bool = False

    def build(self, schema: Any, index: int = 0, depth: int = 0) -> Any:
        """Build the value for a part of the schema: at an index of its array, inside so many references."""
        if not isinstance(schema, dict):  # true: anything goes
            schema = {}
        if "$ref" in schema:
            return self.build(self.followed(schema), index, depth + 1)
        for part in schema.get("allOf", []):
            schema = {**self.followed(part), **schema}
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            choices = CHAT if set(CHAT) <= set(schema["enum"]) else schema["enum"]
            return choices[index % len(choices)]
        options = schema.get("anyOf") or schema.get("oneOf")
        if options and self.terse and {"type": "null"} in options:
            return None
        if options:
            ends = [option for option in options if "$ref" not in option] if depth > 2 else []
            later = options[max(0, min(depth - 2, len(options) - 1))]  # the deeper, the later: so that recursion ends
            return self.build(ends[0] if ends else later, index, depth)
        return self.of_type(schema, index, depth)

    def followed(self, part: Json) -> Json:
        """Take what a part refers to, such as #/$defs/Step, or the part itself if it is no reference."""
        found = self.root if "$ref" in part else part
        for step in part.get("$ref", "").split("/")[1:]:
            found = found[step.replace("~1", "/").replace("~0", "~")]
        return found

    def of_type(self, schema: Json, index: int, depth: int) -> Any:
        """Build the value by the schema's type, guessed from its keywords if there is none."""
        guess = "object" if "properties" in schema else "array" if "items" in schema else "string"
        kind = schema.get("type", guess)
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "object":
            names = schema.get("properties", {}) if depth <= 2 else schema.get("required", [])
            own = {"role": index}  # the messages of a conversation take turns; all else begins anew in each object
            return {name: self.build(schema["properties"][name], own.get(name, 0), depth) for name in names}
        if kind == "array":
            return self.array(schema, depth)
        if kind in ("integer", "number"):
            return number({**schema, "type": kind}, index)
        if kind == "string":
            return f"\ue000{schema.get('minLength', 0)},{schema.get('maxLength', 0)}\ue001"
        return index % 2 == 0 if kind == "boolean" else None

    def array(self, schema: Json, depth: int) -> list[Any]:
        """Build an array; deep inside references it is as short as may be, which ends recursion."""
        first = schema.get("prefixItems", [])
        least: int | None = schema.get("minItems")
        if least == 1 and self.items and depth <= 2:
            least = None  # it only says that there is something
        usual = len(first) or ((self.items or 3) if depth <= 2 else 0)
        wanted = usual if least is None else least
        wanted = min(wanted, schema.get("maxItems", wanted))
        parts = [*first, *[schema.get("items", {})] * wanted][:wanted]
        return [self.build(part, index, depth) for index, part in enumerate(parts)]


def number(schema: Json, index: int) -> float:
    """Pick a number within the bounds, counting up along an array as far as they allow."""
    bottom, above = schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf)
    top, below = schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf)
    step, whole = schema.get("multipleOf", 1), schema["type"] == "integer"
    if not whole and "multipleOf" not in schema:
        step = min(1, (min(top, below) - max(bottom, above)) / 10)
    low, high = max(bottom, above + step), min(top, below - step)
    low = min(1, high) if low == -math.inf else low
    if whole or "multipleOf" in schema:
        low = math.ceil(low / step) * step
    value = low + index * step if low + index * step <= high else low
    return int(value) if whole else float(value)


@lru_cache(maxsize=512)
def schema_in(text: str) -> str | None:
    """Find the last JSON Schema of an object that is spelled out in a message."""
    found, start, decoder = None, text.find("{") if '"properties"' in text else -1, json.JSONDecoder()
    while start >= 0:
        end = start + 1
        try:
            value, stop = decoder.raw_decode(text, start)
        except ValueError:
            value, stop = None, end
        if isinstance(value, dict) and isinstance(value.get("properties"), dict):
            found, end = text[start:stop], stop
        start = text.find("{", end)
    return found


def topic_line(asked: str) -> str:
    """Take the line of a prompt that names the topic, or else its first one."""
    lines = asked.strip().split("\n")
    return next((line for line in lines if line.startswith("Topic path")), lines[0])


def text_of(message: Json) -> str:
    """Take the text of a message, whose content may be a list of parts."""
    content = message.get("content") or ""
    return content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)


def schema_of(body: Json) -> str | None:
    """Find the schema that the answer has to fit, as JSON text: in the request, else in its messages."""
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        return json.dumps(wanted["json_schema"].get("schema", {}))
    if wanted.get("schema"):
        return json.dumps(wanted["schema"])
    texts = [text_of(message) for message in reversed(body["messages"])]
    found = [*map(schema_in, texts), *map(schema_of_example_in, texts)]
    return next((schema for schema in found if schema), None)


@lru_cache(maxsize=512)
def schema_of_example_in(text: str) -> str | None:
    """Make a schema of the last JSON object in a message, which shows the form that is wanted."""
    start = text.rfind("in this form")
    start = text.find("{", start) if start >= 0 else -1
    if start < 0:
        return None
    return json.dumps(schema_like(json.JSONDecoder().raw_decode(text, start)[0]))


def schema_like(value: Any) -> Json:
    """Make a schema of values like this one."""
    if isinstance(value, dict):
        parts = {name: schema_like(part) for name, part in value.items()}
        return {"type": "object", "properties": parts, "required": list(parts)}
    if isinstance(value, list):
        return {
            "type": "array",
            "items": schema_like(value[0]) if value else {"type": "integer"},
            "maxItems": len(value),
        }
    return {"type": "string" if isinstance(value, str) else "number"}


def lacking_a_key(content: str, schema_text: str | None) -> str:
    """Remove the first required key (without a schema: the first key) from an object."""
    try:
        value = json.loads(content)
    except ValueError:
        value = None
    if not isinstance(value, dict) or not value:
        return "{}"
    required = json.loads(schema_text or "{}").get("required", [])
    value.pop(next((key for key in value if key in required), next(iter(value))))
    return json.dumps(value)


def tokens_in(text: str) -> int:
    """Estimate the tokens of a text: four characters each."""
    return len(text) // 4 + 1


def tokens_asked(body: Json) -> int:
    """Estimate the tokens of a request's messages."""
    return sum(len(text_of(message)) for message in body["messages"]) // 4 + 1


def completion(body: Json, content: str, number: int, calls: Calls = ()) -> Json:
    """Wrap the text of the model, or the tools it calls, as OpenAI does."""
    asked, answered = tokens_asked(body), tokens_in(content)
    message: Json = {"role": "assistant", "content": content}
    if calls:
        made = [
            {
                "id": f"call_{number}_{place}",
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(arguments)},
            }
            for place, (name, arguments) in enumerate(calls)
        ]
        message = {"role": "assistant", "content": None, "tool_calls": made}
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": body.get("model"),
        "choices": [
            {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"},
        ],
        "usage": {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered},
    }


@dataclass
class Writer:
    """Writes what the model says; a reply function decides on the content in its place."""

    chance: random.Random
    reply: Callable[[Json], str] | None = None
    agent: Callable[[Json], Calls] | None = None
    strings: int = 0

    def calls(self, body: Json) -> Calls:
        """Choose the tools to call: by default the first two that are offered, one after the other."""
        if not body.get("tools"):
            return ()
        if self.agent:
            return self.agent(body)
        made = sum(len(message.get("tool_calls") or ()) for message in body["messages"])
        if made >= min(_USUAL_CALLS, len(body["tools"])):
            return ()
        function = body["tools"][made]["function"]
        text = skeleton(json.dumps(function.get("parameters", {})), None, terse=False)
        filled = HOLE.sub(lambda hole: self._string("a value", int(hole[1]), int(hole[2])), text)
        return ((function["name"], json.loads(filled)),)

    def content(self, body: Json, outcome: str, *, terse: bool = False) -> str:
        """Write what the model says, spoiled if that is the outcome."""
        schema_text = schema_of(body)
        content = self.reply(body) if self.reply else self._good(body, schema_text, terse=terse)
        if outcome == "schema_violation":
            return lacking_a_key(content, schema_text)
        if outcome == "malformed":
            cut_off = content.startswith(("{", "[")) and self.chance.random() < 0.5
            return content[: len(content) * 2 // 3] if cut_off else self._string("Sorry, I can't help with", 0, 0)
        return content

    def _good(self, body: Json, schema_text: str | None, *, terse: bool) -> str:
        """Fit the schema, or write plain text without one, on the topic that the user's last message names."""
        asked = next((text_of(message) for message in reversed(body["messages"]) if message.get("role") == "user"), "")
        subject = re.split(r" > |: ", topic_line(asked))[-1][-60:]
        if schema_text is None:
            return self._string(subject, 0, 0)
        items = EXACTLY.search(asked)
        text = skeleton(schema_text, int(items[1]) if items else None, terse=terse)
        return HOLE.sub(lambda hole: json.dumps(self._string(subject, int(hole[1]), int(hole[2])))[1:-1], text)

    def _string(self, subject: str, least: int, most: int) -> str:
        """Write a string that no other answer has; a limit on its length cuts off its beginning."""
        self.strings += 1
        text = f"{subject} {self.strings}".rjust(least, ".")
        return text[-most:] if most else text


def reply_by_messages(request: Json) -> str:
    """Answer with texts that depend on the messages alone."""
    said = json.dumps(request["messages"], sort_keys=True).encode()

    def text(name: str) -> str:
        digest = hashlib.sha256(said + name.encode()).hexdigest()
        return " ".join(digest[place : place + 5] for place in range(0, 60, 5))

    schema = request["response_format"]["json_schema"]["schema"]
    return json.dumps({name: text(name) for name in schema["properties"]})
