"""A Llama of two small layers with random weights, and a tokenizer that is trained on the texts it will see."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

TEMPLATE = Path(__file__).with_name("chat_template.jinja")
_PAD, _BEGIN, _END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"


def tokenizer_of(texts: Iterable[str], *, size: int = 1000) -> Any:
    """Train a tokenizer of bytes and pairs on texts."""
    bare = Tokenizer(models.BPE())
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = decoders.ByteLevel()
    training = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[_PAD, _BEGIN, _END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bare.train_from_iterator(texts, training)
    template = TEMPLATE.read_text(encoding="utf-8")
    return PreTrainedTokenizerFast(
        tokenizer_object=bare, eos_token=_END, pad_token=_PAD, chat_template=template, model_max_length=8192
    )


def model_for(tokenizer: Any) -> Any:
    """Return a model with random weights, the same each time."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=8192,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    return LlamaForCausalLM(config)
