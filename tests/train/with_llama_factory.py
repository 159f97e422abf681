"""Reads a folder with `dataset_info.json` by LLaMA-Factory's own loader, in its environment, and prints what it makes.

    python with_llama_factory.py TOKENIZER FOLDER sft|rm TEMPLATE DATASET...

The last line is JSON: for each dataset its rows, each with the texts that are read and those of the labels.
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


def main(tokenizer: str, folder: str, stage: str, template: str, *datasets: str) -> None:
    """Print the rows of datasets as its trainer gets them."""
    settings: dict[str, Any] = {
        "stage": stage,
        "do_train": True,
        "model_name_or_path": tokenizer,
        "dataset_dir": folder,
        "template": template,
        "cutoff_len": 8192,
        "output_dir": f"{folder}/trained",
        "finetuning_type": "full",
        "use_cpu": True,
        "report_to": "none",
        "overwrite_cache": True,
    }
    print(json.dumps({name: _rows({**settings, "dataset": name}) for name in datasets}))  # noqa: T201


def _rows(settings: dict[str, Any]) -> list[dict[str, str]]:
    from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
    from llamafactory.hparams import get_train_args
    from llamafactory.model import load_tokenizer

    models, data, training, _, _ = get_train_args(settings)
    own = load_tokenizer(models)["tokenizer"]
    template = get_template_and_fix_tokenizer(own, data)
    rows = get_dataset(template, models, data, training, stage=settings["stage"], tokenizer=own)["train_dataset"]
    columns = [name for name in rows.column_names if name.endswith(("input_ids", "labels"))]
    return [{name: _text(own, row[name]) for name in columns} for row in rows]


def _text(tokenizer: Any, ids: list[int]) -> str:
    return str(tokenizer.decode([token for token in ids if token != -100]))


if __name__ == "__main__":
    main(*sys.argv[1:])
