"""What an export is checked against: a shipped template, a Jinja file, or a folder with a model's tokenizer files."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from deepfabric_core.errors import ConfigError
from deepfabric_core.export.chat_template import ChatTemplate
from deepfabric_core.export.check.shipped_templates import shipped_template, shipped_templates
from deepfabric_core.store.files import read_text

# Larger lengths mean that a tokenizer knows of none.
_LARGEST_CONTEXT = 1 << 27
_CONFIG, _TEMPLATE, _TOKENIZER = "tokenizer_config.json", "chat_template.jinja", "tokenizer.json"
_TOKENS = ("bos_token", "eos_token", "pad_token", "unk_token")
# How special tokens look in the source of a template.
_MARKER = re.compile(r"<\|[\w/:\-]{2,40}\|>|<\uff5c[\w\u2581]{2,40}\uff5c>|<(?:start|end)_of_turn>|\[/?[A-Z_]{3,20}\]")


@dataclass(frozen=True, slots=True)
class Target:
    """A template, and if there is a tokenizer, what turns a text into its tokens' ids.

    `encode` takes a text and whether the tokenizer's own special tokens are added. `bos` and `eos` are texts, or "".
    `tools_template` is what transformers takes where tools are offered, if that is another one. `markers` are the
    special tokens, which no text of people's may hold. `untokenized` says why there is no tokenizer, and `is_model`
    whether it is a model's folder, where one is expected.
    """

    name: str
    template: ChatTemplate
    tools_template: ChatTemplate | None = None
    encode: Callable[[str, bool], list[int]] | None = None
    bos: str = ""
    eos: str = ""
    context: int | None = None
    markers: tuple[str, ...] = ()
    untokenized: str = ""
    is_model: bool = False
    ids: Mapping[str, int] = field(default_factory=dict)

    def template_for(self, tools: Sequence[Any]) -> ChatTemplate:
        """Return the template that renders a conversation with these tools."""
        return self.tools_template if tools and self.tools_template else self.template


def open_target(named: str | Path) -> Target:
    """Return what is at a path, or the shipped template of that name.

    Raises:
        ConfigError: it is neither a template nor a folder with tokenizer files, or can't be read.
    """
    path = Path(named).expanduser()
    if path.name in (_CONFIG, _TOKENIZER) and path.is_file():
        path = path.parent
    if path.is_dir():
        return _of_folder(path)
    if not path.exists() and (shipped := shipped_template(str(named))) is not None:
        return _of_source(shipped.name, shipped.source, shipped.name)
    if not path.exists() and not path.suffix.startswith(".j") and len(path.parts) == 1:
        raise ConfigError(_unknown(str(named)))
    return _of_source(path.name, read_text(path, what="template"), str(path))


def _unknown(name: str) -> str:
    known = shipped_templates()
    names = {other: one.name for one in known.values() for other in (one.name, *one.other_names)}
    near = difflib.get_close_matches(name.casefold(), names, n=1)
    guess = f" (did you mean {names[near[0]]}?)" if near else ""
    return (
        f"--check: there is no file, no folder and no template {name}{guess}; templates of {', '.join(known)} are "
        "shipped, and any Jinja file and any folder with a model's tokenizer files will do."
    )


def _of_source(name: str, source: str, said: str) -> Target:
    why = f"{name} has no tokenizer; check a folder with tokenizer.json"
    return Target(name, ChatTemplate(source, said, marks=True), markers=_markers_in(source), untokenized=why)


def _markers_in(source: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_MARKER.findall(source)))


def _of_folder(path: Path) -> Target:
    facts = _facts(path / _CONFIG)
    tokens = {**_facts(path / "special_tokens_map.json"), **facts}
    variables = {name: _token(tokens.get(name)) for name in _TOKENS}
    sources = _templates_in(path, facts)
    template, for_tools = (
        ChatTemplate(source, str(path), variables, marks=True) if source else None
        for source in (sources.get("default") or next(iter(sources.values())), sources.get("tool_use"))
    )
    assert template is not None  # noqa: S101 - the first of these sources is a text
    markers = _markers_in("".join(sources.values()))
    made = Target(
        path.resolve().name,
        template,
        for_tools,
        bos=variables["bos_token"],
        eos=variables["eos_token"],
        context=_context(path, facts),
        markers=markers,
        is_model=True,
    )
    return _with_tokenizer(path, made)


def _with_tokenizer(path: Path, made: Target) -> Target:
    file = path / _TOKENIZER
    if not file.exists():
        return replace(made, untokenized=_untokenized(path))
    tokenizer = _tokenizer(file)

    def encode(text: str, special: bool) -> list[int]:
        ids: list[int] = tokenizer.encode(text, add_special_tokens=special).ids
        return ids

    added = [token.content for token in tokenizer.get_added_tokens_decoder().values() if token.special]
    known = {
        token: int(number) for token in (made.bos, made.eos) if (number := tokenizer.token_to_id(token)) is not None
    }
    # What is a word, or one character, may well stand in a text, and so may thoughts in tags.
    unusual = (one for one in added if len(one) > 2 and not one.isalpha() and "think>" not in one)  # noqa: PLR2004
    markers = dict.fromkeys((*made.markers, *unusual))
    return replace(made, encode=encode, ids=known, markers=tuple(markers))


def _untokenized(path: Path) -> str:
    others = ("tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "tiktoken.model", "vocab.json")
    found = next((name for name in others if (path / name).exists()), None)
    what = f"{path} has {found} and no tokenizer.json" if found else f"{path} has no tokenizer.json"
    return f"{what}; AutoTokenizer.from_pretrained(...).save_pretrained(...) of transformers writes one"


def _context(folder: Path, facts: Mapping[str, Any]) -> int | None:
    """Return how many tokens a model takes, as its tokenizer or else its own config says."""
    model = _facts(folder / "config.json")
    found = (facts.get("model_max_length"), model.get("max_position_embeddings"))
    return next((int(one) for one in found if isinstance(one, int | float) and 0 < one < _LARGEST_CONTEXT), None)


def _facts(path: Path) -> Mapping[str, Any]:
    if not path.exists():
        return {}
    try:
        facts = json.loads(read_text(path, what="tokenizer's config"))
    except ValueError as problem:
        raise ConfigError(f"{path}: it isn't JSON: {problem}.") from problem
    return facts if isinstance(facts, Mapping) else {}


def _templates_in(folder: Path, facts: Mapping[str, Any]) -> dict[str, str]:
    """Return the templates in a folder by their names, where transformers looks for them."""
    own, more = folder / _TEMPLATE, sorted((folder / "additional_chat_templates").glob("*.jinja"))
    found = {path.stem: read_text(path, what="template") for path in more}
    if own.exists():
        return {**found, "default": read_text(own, what="template")}
    said = facts.get("chat_template") or _facts(folder / "chat_template.json").get("chat_template")
    named = said if isinstance(said, list) else [{"name": "default", "template": said}]
    for one in named:
        if isinstance(one, Mapping) and isinstance(source := one.get("template"), str):
            found[str(one.get("name"))] = source
    if not found:
        raise ConfigError(f"{folder} has no chat template, neither {_TEMPLATE} nor in {_CONFIG}.")
    return found


def _token(value: Any) -> str:
    found = value.get("content") if isinstance(value, Mapping) else value
    return found if isinstance(found, str) else ""


def _tokenizer(path: Path) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError as problem:
        raise ConfigError(
            "Tokens are counted by tokenizers, which isn't installed: pip install tokenizers"
        ) from problem
    try:
        return Tokenizer.from_file(str(path))
    except Exception as problem:
        raise ConfigError(f"{path} can't be read as a tokenizer: {problem}.") from problem
