"""Reads datasets by LLaMA-Factory's own loader, in its environment, and prints what it makes of them.

    python with_llama_factory.py TOKENIZER SETTINGS...

Settings are those of a training, as JSON: stage, dataset_dir, dataset and template. The last line is JSON: for each of
them its rows, each with the texts that are read and those of the labels.
"""

from __future__ import annotations

import json
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# It is imported for sounds, of which there are none here.
sys.modules["torchaudio"] = ModuleType("torchaudio")
sys.modules["torchaudio"].__spec__ = ModuleSpec("torchaudio", None)


def main(tokenizer: str, *settings: str) -> None:
    """Print the rows of datasets as the trainer gets them."""
    print(json.dumps([_rows(tokenizer, json.loads(one)) for one in settings]))  # noqa: T201


def _rows(tokenizer: str, settings: dict[str, Any]) -> list[dict[str, str]]:
    from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
    from llamafactory.hparams import get_train_args
    from llamafactory.model import load_tokenizer

    others = {
        "do_train": True,
        "model_name_or_path": tokenizer,
        "cutoff_len": 8192,
        "output_dir": f"{tokenizer}/trained",
        "finetuning_type": "full",
        "use_cpu": True,
        "report_to": "none",
        "overwrite_cache": True,
    }
    models, data, training, _, _ = get_train_args({**others, **settings})
    own = load_tokenizer(models)["tokenizer"]
    template = get_template_and_fix_tokenizer(own, data)
    rows = get_dataset(template, models, data, training, stage=settings["stage"], tokenizer=own)["train_dataset"]
    columns = [name for name in rows.column_names if name.endswith(("input_ids", "labels"))]
    return [{name: _text(own, row[name]) for name in columns} for row in rows]


def _text(tokenizer: Any, ids: list[int]) -> str:
    return str(tokenizer.decode([token for token in ids if token != -100]))


if __name__ == "__main__":
    main(*sys.argv[1:])
