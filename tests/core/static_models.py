"""A small embedding model of known meanings, saved as model2vec saves its own: words of one group mean the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np

GROUPS = (
    "repair fix mend",
    "bike bicycle cycle",
    "flat puncture",
    "bread loaf",
    "bake baking",
    "capital",
    "france",
    "spain",
)
UNKNOWN = "[UNK]"
FILLING = ("how", "do", "i", "can", "my", "a", "the", "what", "is", "of")


def save_small_model(folder: Path) -> None:
    """Save a model in which each group of words has its own direction, and filling words hardly count."""
    from model2vec import StaticModel
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    words = [UNKNOWN, "[PAD]", *FILLING, *(word for group in GROUPS for word in group.split())]
    vectors = np.zeros((len(words), 16), np.float32)
    for number, group in enumerate(GROUPS):
        for word in group.split():
            vectors[words.index(word), number] = 1
    for number, word in enumerate(FILLING):
        vectors[words.index(word), 8 + number % 8] = 0.05
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(words)}, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    StaticModel(vectors, tokenizer, normalize=True).save_pretrained(folder)
