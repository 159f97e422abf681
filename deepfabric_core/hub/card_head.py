"""The head of a dataset's card: what the hub reads of it, as YAML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from deepfabric_core.export.columns import Column, Columns, ListOf, Plain, Struct
from deepfabric_core.hub.publication import DataConfig
from deepfabric_core.printable import printable

# Of a language with a smaller share, single samples may only be misread.
_LANGUAGE_SHARE = 0.05
_LONGEST_TAG = 80
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))
_DTYPES = {"text": "string", "truth": "bool", "integer": "int64", "number": "float64", "json": "json"}
TAGS = ("deepfabric", "synthetic")


def head_of(
    report: Mapping[str, Any],
    configs: Sequence[DataConfig],
    *,
    name: str,
    licence: str | None,
    tags: Iterable[str],
    kept: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the head of the card.

    Args:
        report: the report on the samples that are published.
        configs: what was written.
        name: the name of the dataset, for people.
        licence: an identifier of the hub, such as cc-by-4.0; None if nobody gave one.
        tags: further tags.
        kept: the head of an earlier card, of which everything stays that isn't said here.
    """
    kept = kept or {}
    kinds = {kind["name"] for kind in report["making"]["kinds"]}
    flags = [flag for flag in ("simulated",) if report["making"][flag]]
    found = {
        "pretty_name": kept.get("pretty_name") or name,
        "license": licence or kept.get("license"),
        "language": languages_of(report),
        "task_categories": ["text-generation"] if are_conversations(report) else [],
        "size_categories": [size_category(report["samples"])],
        "tags": _tags([*TAGS, *flags, *_kind_tags(kinds), *tags], kept.get("tags")),
        "configs": [_files_of(config) for config in configs],
        "dataset_info": [_facts_of(config) for config in configs],
    }
    return {**{key: value for key, value in kept.items() if key not in found}, **_filled(found)}


def _filled(found: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if value}


def _tags(own: Iterable[str], kept: object) -> list[str]:
    earlier = [tag for tag in kept if isinstance(tag, str)] if isinstance(kept, list) else []
    # That samples are simulated is true of these files, not for ever.
    return list(
        dict.fromkeys(
            [
                *(one for tag in own if (one := printable(tag, _LONGEST_TAG).strip())),
                *(tag for tag in earlier if tag != "simulated"),
            ]
        )
    )


def _kind_tags(kinds: Iterable[str]) -> list[str]:
    known = {"agent": ("tool-use", "agent"), "cot": ("reasoning",)}
    return [tag for kind in sorted(kinds) for tag in known.get(kind, ())]


def are_conversations(report: Mapping[str, Any]) -> bool:
    """Return whether questions are asked in the samples; else they are records of a schema of their own."""
    return bool(report["lengths"].get("question"))


def languages_of(report: Mapping[str, Any]) -> list[str]:
    """Return the codes of the languages that more than a few samples are in."""
    least = max(1, report["samples"] * _LANGUAGE_SHARE)
    return [one["code"] for one in report["languages"] if one["code"] and one["count"] >= least]


def size_category(samples: int) -> str:
    """Return the hub's name for so many samples.

    >>> size_category(999), size_category(1000), size_category(10**8)
    ('n<1K', '1K<n<10K', 'n>10M')
    """
    return next((name for below, name in _SIZES if samples < below), "n>10M")


def _files_of(config: DataConfig) -> dict[str, Any]:
    places = [{"split": split.name, "path": f"{config.folder}/{split.name}-*"} for split in config.splits]
    return {"config_name": config.name, "data_files": places}


def _facts_of(config: DataConfig) -> dict[str, Any]:
    return {
        "config_name": config.name,
        "features": features_in_yaml(config.columns),
        "splits": [
            {"name": split.name, "num_bytes": split.unpacked, "num_examples": split.rows} for split in config.splits
        ],
        "download_size": sum(split.stored for split in config.splits),
        "dataset_size": sum(split.unpacked for split in config.splits),
    }


def features_in_yaml(columns: Columns) -> list[dict[str, Any]]:
    """Return columns as the features of a card.

    >>> features_in_yaml({"tools": ListOf(Plain("json"))})
    [{'name': 'tools', 'list': 'json'}]
    """
    return [{"name": name, **_feature(column)} for name, column in columns.items()]


def _feature(column: Column) -> dict[str, Any]:
    match column:
        case Plain():
            return {"dtype": _DTYPES[column.kind]}
        case Struct():
            return {"struct": features_in_yaml(column.fields)}
        case ListOf():
            return {"list": _item(column.item)}


def _item(column: Column) -> Any:
    inner = _feature(column)
    return inner["dtype"] if isinstance(column, Plain) else inner["struct"] if isinstance(column, Struct) else inner
