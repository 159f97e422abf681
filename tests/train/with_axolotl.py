"""Reads datasets by Axolotl's own loader, in its environment, and prints what it makes of them.

    python with_axolotl.py TOKENIZER DATASET...

A dataset is an entry of `datasets` in Axolotl's config, as JSON. The last line is JSON: for each of them its rows, each
with the text that is read and that of the labels.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from axolotl.utils.data.sft import _load_and_process_single_dataset
from axolotl.utils.dict import DictDefault
from transformers import AutoTokenizer


def main(folder: str, *datasets: str) -> None:
    """Print the rows of datasets as the trainer gets them."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    print(json.dumps([_rows(tokenizer, json.loads(one)) for one in datasets]))  # noqa: T201


def _rows(tokenizer: Any, dataset: dict[str, str]) -> list[dict[str, str]]:
    config = {"sequence_len": 8192, "dataset_num_proc": 1, "train_on_inputs": False, "datasets": [dataset]}
    rows, _ = _load_and_process_single_dataset(DictDefault(dataset), DictDefault(config), tokenizer, "train", 0)
    return [{name: _text(tokenizer, row[name]) for name in ("input_ids", "labels")} for row in rows]


def _text(tokenizer: Any, ids: list[int]) -> str:
    return str(tokenizer.decode([token for token in ids if token != -100]))


if __name__ == "__main__":
    main(*sys.argv[1:])
