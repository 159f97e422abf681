"""The recipe for records with a JSON Schema of the user's own."""

from __future__ import annotations

import json

from deepfabric_core.chat.json_replies import Asking, ask, parser_of_schema
from deepfabric_core.chat.messages import ReplySchema
from deepfabric_core.config.schema import Config
from deepfabric_core.errors import ConfigError
from deepfabric_core.samples.recipes.recipe import Brief, Recipe, SampleRequest
from deepfabric_core.samples.records import Sample

_ABOUT = 'Write one record about "{topic}".'
_FORM = "Reply with one JSON object of this JSON Schema: "
_PREVIEW_CHARACTERS = 500


def prepare(config: Config) -> Recipe:
    """Return the recipe for `output.format: custom`; each record is an object of `generation.output_schema`."""
    schema = config.generation.output_schema
    if schema is None:
        raise ConfigError("output.format custom needs generation.output_schema, the JSON Schema of a record.")
    form = _FORM + json.dumps(schema)
    reply = ReplySchema("record", schema, strict=False)
    request = SampleRequest(config.generation, "", form, reply, about_topic=_ABOUT)
    parse = parser_of_schema(schema)
    retries = config.generation.sample_retries

    def custom(brief: Brief) -> Asking[Sample]:
        record = yield from ask(request.about(brief), parse, retries=retries)
        text = json.dumps(record, ensure_ascii=False)
        return Sample(record, question=text[:_PREVIEW_CHARACTERS], answer="")

    return custom
