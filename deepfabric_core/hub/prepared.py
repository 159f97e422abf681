"""A folder with everything that is uploaded, and the card in it, which keeps what people wrote into an earlier one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from deepfabric_core.hub.card_head import head_of
from deepfabric_core.hub.dataset_card import KEPT_BELOW, CardFacts, card_text
from deepfabric_core.hub.publication import CARD, PICTURE, folder_of

_BORDER = "---"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is uploaded: the files below a folder, and what their card tells."""

    folder: Path
    facts: CardFacts
    tags: tuple[str, ...] = ()

    @property
    def data(self) -> tuple[str, ...]:
        """The data's files below the folder, in order."""
        return tuple(name for config in self.facts.configs for split in config.splits for name in split.files)

    @property
    def pictures(self) -> tuple[str, ...]:
        """The pictures that the card shows."""
        return (PICTURE,) if self.facts.has_picture else ()

    def bytes_of(self, name: str) -> int:
        """Return the size of a file."""
        return (self.folder / name).stat().st_size

    def write_card(self, earlier: str = "") -> str:
        """Write the card, and return its text.

        Args:
            earlier: the card that it replaces; what people added to it stays.
        """
        head, kept = _parts_of(earlier)
        facts = self.facts
        made = head_of(facts.report, facts.configs, name=facts.name, licence=facts.license, tags=self.tags, kept=head)
        text = f"{_BORDER}\n{yaml.safe_dump(made, sort_keys=False, allow_unicode=True, width=1000)}{_BORDER}\n\n"
        text += f"{card_text(facts)}{KEPT_BELOW}\n"
        text += f"\n{kept}\n" if kept else ""
        (self.folder / CARD).write_bytes(text.encode("utf-8", "replace"))
        return text


def folders_in(card: str) -> set[str]:
    """Return the folders of data that an earlier card of ours names."""
    if KEPT_BELOW not in card:
        return set()
    configs = _parts_of(card)[0].get("configs")
    names = [one.get("config_name") for one in configs if isinstance(one, dict)] if isinstance(configs, list) else []
    return {folder_of(name) for name in names if isinstance(name, str)}


def _parts_of(card: str) -> tuple[Mapping[str, Any], str]:
    """Return the head of a card, and what of its text people wrote themselves."""
    lines = card.replace("\r\n", "\n").split("\n")
    end = next((place for place, line in enumerate(lines[1:], 1) if line.rstrip() == _BORDER), 0)
    if lines[0].rstrip() != _BORDER or not end:
        return {}, _added(card)
    try:
        head = yaml.safe_load("\n".join(lines[1:end]))
    except yaml.YAMLError:
        head = None
    return head if isinstance(head, dict) else {}, _added("\n".join(lines[end + 1 :]))


def _added(text: str) -> str:
    """Return what stands below the line that says so; all of a card that doesn't have it."""
    return text.partition(KEPT_BELOW)[2].strip() if KEPT_BELOW in text else text.strip()
