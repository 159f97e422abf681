"""The chat templates that are shipped: one file for each family of models, with facts about it at its head.

They are written after the families' documented forms. What a family's own template drops, these drop too; the wording
of instructions is ours, so tokens are better counted with the files of the model itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent.parent / "chat_templates"
_ENDING = ".jinja"


@dataclass(frozen=True, slots=True)
class ShippedTemplate:
    """A template that is shipped: whose it is, and what it holds of tools and of reasoning, in words."""

    name: str
    family: str
    tools: str
    reasoning: str
    other_names: tuple[str, ...]

    @property
    def source(self) -> str:
        """The text of the template."""
        return (_FOLDER / f"{self.name}{_ENDING}").read_text(encoding="utf-8")


@cache
def shipped_templates() -> Mapping[str, ShippedTemplate]:
    """Return the templates by their names.

    >>> shipped_templates()["qwen3"].tools
    'definitions, calls, results'
    """
    return {path.stem: _read(path.name.removesuffix(_ENDING), path) for path in sorted(_FOLDER.glob(f"*{_ENDING}"))}


def shipped_template(name: str) -> ShippedTemplate | None:
    """Return the template of that name, or of another name of its family; None if there is none.

    >>> shipped_template("Llama3.3").name
    'llama3.1'
    """
    wanted = name.casefold().replace("_", "-")
    return next((one for one in shipped_templates().values() if wanted in (one.name, *one.other_names)), None)


def _read(name: str, path: Path) -> ShippedTemplate:
    head, _, _ = path.read_text(encoding="utf-8").partition("-#}")
    facts = dict(line.split(": ", 1) for line in head.splitlines()[1:] if ": " in line)
    others = tuple(facts["also"].split(", ")) if "also" in facts else ()
    return ShippedTemplate(name, facts["family"], facts["tools"], facts["reasoning"], others)
