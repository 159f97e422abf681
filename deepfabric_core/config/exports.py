"""`output.exports`: what the dataset is exported as, once it is complete; and `output.formatters` of older configs."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from deepfabric_core.config.section import Section
from deepfabric_core.errors import ConfigError

# The formats that every installation has.
FORMATS = (
    "trl",
    "trl-prompt-completion",
    "trl-preference",
    "trl-kto",
    "grpo",
    "openai",
    "openai-preference",
    "sharegpt",
    "sharegpt-preference",
    "alpaca",
    "axolotl",
    "harmony",
    "chatml",
)
TEMPLATES = (".jinja", ".jinja2", ".j2")
# Under which packages bring formats of their own.
ENTRY_POINTS = "deepfabric.exports"
_SIDE = re.compile(r"[A-Za-z0-9_-]+")
_PERCENT = 100.0


def _known_format(name: str) -> str:
    """Return the name of a format that there is: ours, one of an installed package, or a template."""
    if name in FORMATS or name.endswith(TEMPLATES):
        return name
    from importlib.metadata import entry_points

    known = [*FORMATS, *(one.name for one in entry_points(group=ENTRY_POINTS))]
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        guess = f" (did you mean {near[0]}?)" if near else ""
        raise ValueError(f"there is no format {name}{guess}; there are {', '.join(known)}, and any Jinja template")
    return name


def _read_shares(written: object) -> object:
    """Return the shares of a split, which may be a text such as `train=0.9,test=0.1`."""
    if not isinstance(written, str):
        return written
    parts = [part.partition("=") for part in written.split(",")]
    return {name.strip(): share.strip() for name, _, share in parts}


def _whole_shares(shares: dict[str, float]) -> dict[str, float]:
    whole = math.fsum(shares.values())
    if not any(math.isclose(whole, sound, abs_tol=1e-6) for sound in (1.0, _PERCENT)):
        raise ValueError(f"the shares add up to {whole:g}; make it 1")
    if wrong := next((name for name in shares if not _SIDE.fullmatch(name)), None):
        raise ValueError(f"{wrong!r} can't be the name of a side; take letters and digits")
    return {name: share / (_PERCENT if whole > 2 else 1.0) for name, share in shares.items()}  # noqa: PLR2004


Share = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Shares = Annotated[dict[str, Share], BeforeValidator(_read_shares), AfterValidator(_whole_shares)]


class Export(Section):
    """An export of the dataset: the format it goes `to`, its path, and the options of `deepfabric export`.

    `split` are the sides with their shares, `hold_out` the topics that go to test, and `check` is what it is checked
    against: a shipped template's name, a Jinja file, or a folder with tokenizer files.
    """

    to: Annotated[str, Field(min_length=1), AfterValidator(_known_format)]
    path: str | None = Field(default=None, min_length=1)
    reasoning: Literal["think-tags", "reasoning_content", "thinking", "drop"] | None = None
    split: Shares | None = None
    by: Literal["topic", "source", "random"] = "topic"
    hold_out: list[str] = []
    check: str | None = Field(default=None, min_length=1)
    context: int | None = Field(default=None, ge=1)
    assistant_only: bool = False

    @model_validator(mode="after")
    def _options_go_together(self) -> Export:
        if self.hold_out and self.split is None:
            raise ValueError("hold_out divides a dataset; give the sides by split, too")
        if self.check is None and (self.context is not None or self.assistant_only):
            raise ValueError("context and assistant_only are for a check; name what to check against by check")
        return self


def export_from(**options: Any) -> Export:
    """Return an export from the options of a call.

    Raises:
        ConfigError: with a sentence for each mistake.
    """
    try:
        return Export(**options)
    except ValidationError as problem:
        said = []
        for error in problem.errors(include_url=False):
            where = ".".join(map(str, error["loc"][:1]))
            what = error["msg"].removeprefix("Value error, ")
            said.append(f"export: {where + ': ' if where else ''}{what[:1].lower()}{what[1:]}.")
        raise ConfigError("\n".join(said)) from problem


def export_of_a_name(written: object) -> object:
    """Return the export that a name alone means."""
    return {"to": written} if isinstance(written, str) else written


class _Mapped(NamedTuple):
    """What a formatter of an older config becomes: a format of ours, or None; and what has to be known of that."""

    to: str | None
    said: str = ""


_ROLES = "write sharegpt, which Unsloth reads, or trl, which has the same messages under `messages`"
_PROMPTS = "as grpo's rows are prompts with the answer beside them, for rewards; its tags aren't written"
_BUILT_IN: Mapping[str, _Mapped] = {
    "trl_sft_tools": _Mapped("trl"),
    "trl": _Mapped("trl"),
    "openai": _Mapped("openai"),
    "openai_schema": _Mapped("openai"),
    "sharegpt": _Mapped("sharegpt"),
    "alpaca": _Mapped("alpaca"),
    "axolotl": _Mapped("axolotl"),
    "chatml": _Mapped("trl"),
    "im_format": _Mapped("chatml"),
    "harmony": _Mapped("harmony"),
    "grpo": _Mapped("grpo", _PROMPTS),
    "unsloth_grpo": _Mapped("grpo", _PROMPTS),
    "conversations": _Mapped(None, _ROLES),
    "unsloth": _Mapped(None, _ROLES),
    "single_tool_call": _Mapped(None, "write sharegpt, which has one call at a time, or trl"),
    "xlam_v2": _Mapped(None, "write trl, or a Jinja template of your own"),
    "tool_calling": _Mapped(None, "write trl, or chatml for calls in tags"),
}
# What a formatter with this option of these becomes instead.
_BY_OPTION: Mapping[tuple[str, str], _Mapped] = {
    ("chatml", "text"): _Mapped("chatml"),
    ("harmony", "structured"): _Mapped(None, "write harmony as text, or trl"),
}
_FORM = "output_format"


def exports_of_formatters(formatters: list[Any]) -> Iterator[tuple[Export | None, str]]:
    """Yield for each formatter of an older config the export that it means, if any, and a sentence, or "".

    >>> found = exports_of_formatters([{"name": "a", "template": "builtin://trl_sft_tools", "output": "a.jsonl"}])
    >>> [(export.to, export.path, said) for export, said in found]
    [('trl', 'a.jsonl', '')]
    """
    for formatter in formatters:
        yield _export_of(formatter if isinstance(formatter, Mapping) else {"template": formatter})


def _export_of(formatter: Mapping[str, Any]) -> tuple[Export | None, str]:
    template = str(formatter.get("template") or formatter.get("name") or "")
    called = str(formatter.get("name") or template)
    name = template.removeprefix("builtin://").removesuffix(".py")
    options = formatter.get("config")
    chosen = dict(options) if isinstance(options, Mapping) else {}
    mapped = _BY_OPTION.get((name, str(chosen.pop(_FORM, ""))), _BUILT_IN.get(name))
    if mapped is None and "://" in template and not template.startswith("builtin://"):
        return None, f"the formatter {called} isn't carried out: it is code, and a config's code isn't run"
    if mapped is None:
        return None, f"the formatter {called} isn't carried out: there is no {name}; write output.exports"
    if mapped.to is None:
        return None, f"the formatter {called} isn't carried out: there is no {name}; {mapped.said}"
    output = formatter.get("output")
    made = Export(to=mapped.to, path=output if isinstance(output, str) and output else None)
    ignored = f"without its options {', '.join(map(str, chosen))}" if chosen else ""
    said = ", ".join(filter(None, (ignored, mapped.said)))
    return made, f"the formatter {called} is carried out as {mapped.to}, {said}" if said else ""
