"""The readers by name, and which of them reads a record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepfabric_core.samples.foreign import alpaca, chatml, columns, deepfabric, harmony, openai, sharegpt, trl
from deepfabric_core.samples.foreign.reader import ForeignSample, Raw, Reader, UnreadableRecordError

# The first that matches reads a record, so what says most of itself comes first.
_MODULES = (deepfabric, chatml, harmony, openai, sharegpt, alpaca, trl, columns)
READERS: Mapping[str, Reader] = {one.name: one for module in _MODULES for one in module.READERS}
# What exports are called that one of the readers reads.
_SAME = {"trl-prompt-completion": "trl", "trl-kto": "trl", "grpo": "trl", "axolotl": "openai", "messages": "openai"}
_TRL_MESSAGES = "openai"


def names() -> dict[str, str]:
    """Return the names of the formats that can be read, with what they are."""
    return {name: reader.what for name, reader in READERS.items()}


def reader_named(name: str) -> Reader | None:
    """Return the reader of that name or of an export's; None if there is none."""
    return READERS.get(_SAME.get(name, name))


def reader_of(record: Raw) -> Reader | None:
    """Return the reader that reads a record; None if no format is known that looks like it."""
    return next((reader for reader in READERS.values() if reader.matches(record)), None)


def read_foreign(record: Raw, reader: Reader | None = None) -> tuple[ForeignSample, str]:
    """Return what a record holds, and the name of its format.

    Args:
        record: the record.
        reader: the reader to use; the one that matches if it isn't given.

    Raises:
        UnreadableRecordError: it can't be read as a conversation; the message says why.
    """
    try:
        chosen = reader or reader_of(record)
        if chosen is None:
            raise UnreadableRecordError(_unknown(record))
        if chosen.name == "trl" and openai.is_messages(record.get("messages")):
            # TRL's records of whole conversations are read as OpenAI's.
            chosen = READERS[_TRL_MESSAGES]
        sample = chosen.read(record)
    except RecursionError as problem:
        raise UnreadableRecordError("it is nested too deep") from problem
    except (LookupError, TypeError, AttributeError) as problem:
        raise UnreadableRecordError(f"it isn't as {chosen.name if chosen else 'any format'} has it") from problem
    if not any(message["role"] in ("user", "assistant") for message in sample.messages):
        raise UnreadableRecordError("nobody says anything in it")
    return sample, chosen.name


def _unknown(record: Mapping[str, Any]) -> str:
    named = [f"{str(name)[:30]}{'' if _is_filled(value) else ' (empty)'}" for name, value in list(record.items())[:6]]
    more = " and more" if len(record) > len(named) else ""
    what = f"it has {', '.join(named)}{more}" if named else "it is empty"
    return f"{what}, which is no format that is known"


def _is_filled(value: object) -> bool:
    return value is not None and value not in ("", [], {})
