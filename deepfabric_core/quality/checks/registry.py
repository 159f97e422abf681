"""The checks that there are, in the order in which they are applied: the surest and quickest first."""

from __future__ import annotations

from deepfabric_core.quality.checks import (
    code_syntax,
    echoes,
    fences,
    final_answer,
    lengths,
    loops,
    personal_data,
    placeholders,
    prompt_leaks,
    refusals,
    service_keys,
    truncation,
    wrong_language,
)
from deepfabric_core.quality.checks.check import CheckKind, plainly

KINDS = (
    CheckKind("empty", "question, answer or reasoning is empty", plainly(lengths.empty)),
    CheckKind("refusal", "the answer refuses, or speaks of being a language model", plainly(refusals.refusal)),
    CheckKind("prompt_leak", "a text repeats the instructions of the run", prompt_leaks.prompt_leak),
    CheckKind("placeholder", "a text has gaps to fill in, such as [insert name]", plainly(placeholders.placeholder)),
    CheckKind(
        "final_answer", "thoughts, roles, labels or JSON around the answer", plainly(final_answer.final_answer_format)
    ),
    CheckKind("echo", "the answer only repeats the question", plainly(echoes.echo)),
    CheckKind("unclosed_code", "a block of code isn't closed", plainly(fences.unclosed_code)),
    CheckKind("truncation", "the answer breaks off", plainly(truncation.truncation)),
    CheckKind("loop", "a text repeats itself", plainly(loops.loop)),
    CheckKind("language", "a text isn't in the language of the dataset", wrong_language.language),
    CheckKind("python_syntax", "a block of Python can't be parsed", plainly(code_syntax.python_syntax)),
    CheckKind("json_syntax", "a block of JSON can't be parsed", plainly(code_syntax.json_syntax)),
    CheckKind("yaml_syntax", "a block of YAML can't be parsed", plainly(code_syntax.yaml_syntax)),
    CheckKind("secret", "a text has what looks like a secret key", plainly(service_keys.secret)),
    CheckKind("payment_data", "a text has the number of a card or an account", plainly(personal_data.payment_data)),
    CheckKind("length", "the answer has fewer or more words than wanted", lengths.length, default=False),
    CheckKind(
        "contact_data",
        "a text has an e-mail address or a telephone number",
        plainly(personal_data.contact_data),
        default=False,
    ),
    CheckKind(
        "sql_syntax", "a block of SQL can't be parsed", code_syntax.sql_syntax, default=False, package="sqlglot"
    ),
)  # fmt: skip

BY_NAME = {kind.name: kind for kind in KINDS}


def catalogue() -> tuple[tuple[str, str, bool], ...]:
    """Return name, description and whether it is on by default, of each check."""
    return tuple((kind.name, kind.description, kind.default) for kind in KINDS)
