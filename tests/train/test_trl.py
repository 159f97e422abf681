"""TRL's trainers take our exports without a column mapping, and learn what the assistant says and nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from trl import DPOConfig, DPOTrainer, GRPOConfig, GRPOTrainer, KTOConfig, KTOTrainer, SFTConfig, SFTTrainer

from tests.train.exports import NAMES, learned_of, question_of, records_of
from tests.train.tiny_model import model_for

Read = Callable[[Path, str, str], Any]
ENDINGS = (".jsonl", ".parquet", "")
FEW: dict[str, Any] = {
    "max_steps": 2,
    "per_device_train_batch_size": 4,
    "use_cpu": True,
    "bf16": False,
    "report_to": "none",
    "save_strategy": "no",
    "disable_tqdm": True,
    "logging_steps": 1,
    "max_length": None,
}

EACH = [(kind, ".jsonl") for kind in NAMES] + [
    (kind, ending) for kind in ("agent", "written") for ending in ENDINGS[1:]
]
each = pytest.mark.parametrize(("kind", "ending"), EACH)


def trained(trainer: Any) -> list[dict[str, Any]]:
    """What it logged in two steps."""
    trainer.train()
    assert trainer.state.global_step == 2
    logged = [entry for entry in trainer.state.log_history if "loss" in entry]
    assert len(logged) == 2 and all(math.isfinite(float(entry["loss"])) for entry in logged)
    return logged


def batch_of(trainer: Any) -> list[tuple[str, str]]:
    """What is learned, and what is only read, of each row of a batch."""
    batch = next(iter(trainer.get_train_dataloader()))
    decode = trainer.processing_class.decode
    found = []
    for ids, labels in zip(batch["input_ids"].tolist(), batch["labels"].tolist(), strict=True):
        pairs = list(zip(ids, labels, strict=True))
        assert all(label in (-100, token) for token, label in pairs)
        found.append(
            (
                decode([token for token, label in pairs if label != -100]),
                decode([token for token, label in pairs if label == -100]),
            )
        )
    return found


def with_question(records: list[dict[str, Any]], read: str) -> dict[str, Any]:
    """The record whose question stands in what is read."""
    [found] = [one for one in records if f"\n{question_of(one)}<|im_end|>" in read]
    return found


@each
def test_of_whole_conversations_exactly_what_the_assistant_says_is_learned(
    kind: str, ending: str, made: dict[str, Path], rows: Read, tokenizer: Any, tmp_path: Path, printed: dict[str, str]
) -> None:
    settings = SFTConfig(output_dir=str(tmp_path), assistant_only_loss=True, **FEW)
    data = rows(made[kind], "trl", ending)
    trainer = SFTTrainer(model_for(tokenizer), settings, train_dataset=data, processing_class=tokenizer)
    trained(trainer)
    records = records_of(made[kind])
    for learned, read in batch_of(trainer):
        record = with_question(records, read)
        assert learned == "".join(learned_of(record))
        others = [message["content"] for message in record["messages"] if message["role"] != "assistant"]
        assert all(f"\n{text}" in read for text in others)
        printed[f"SFT, {kind}"] = repr(learned)


@each
def test_of_a_prompt_and_its_completion_the_completion_is_learned_whatever_the_template_marks(
    kind: str, ending: str, made: dict[str, Path], rows: Read, tokenizer: Any, tmp_path: Path, printed: dict[str, str]
) -> None:
    settings = SFTConfig(output_dir=str(tmp_path), **FEW)
    data = rows(made[kind], "trl-prompt-completion", ending)
    trainer = SFTTrainer(model_for(tokenizer), settings, train_dataset=data, processing_class=tokenizer)
    trained(trainer)
    records = records_of(made[kind])
    for learned, read in batch_of(trainer):
        assert learned in learned_of(with_question(records, read))
        printed[f"SFT, prompt and completion, {kind}"] = repr(learned)


@each
def test_pairs_train_by_preference(
    kind: str, ending: str, edited: dict[str, Path], rows: Read, tokenizer: Any, tmp_path: Path
) -> None:
    data = rows(edited[kind], "trl-preference", ending)
    assert len(data) == len(records_of(edited[kind]))
    settings = DPOConfig(output_dir=str(tmp_path), **FEW)
    model, old = model_for(tokenizer), model_for(tokenizer)
    trainer = DPOTrainer(model, old, args=settings, train_dataset=data, processing_class=tokenizer)
    logged = trained(trainer)
    assert logged[0]["loss"] == pytest.approx(math.log(2), abs=0.01)


@each
def test_labelled_answers_train(
    kind: str, ending: str, edited: dict[str, Path], rows: Read, tokenizer: Any, tmp_path: Path
) -> None:
    data = rows(edited[kind], "trl-kto", ending)
    assert sorted(data["label"]) == [False] * (len(data) // 2) + [True] * (len(data) // 2)
    settings = KTOConfig(output_dir=str(tmp_path), **FEW)
    model, old = model_for(tokenizer), model_for(tokenizer)
    trainer = KTOTrainer(model, old, args=settings, train_dataset=data, processing_class=tokenizer)
    trained(trainer)


@each
def test_prompts_train_by_rewards_that_see_the_answer(
    kind: str, ending: str, made: dict[str, Path], rows: Read, tokenizer: Any, tmp_path: Path
) -> None:
    seen: list[str] = []

    def reward(completions: list[Any], answer: list[str], **_: Any) -> list[float]:
        seen.extend(answer)
        return [float(len(completion[0]["content"])) for completion in completions]

    few = {name: value for name, value in FEW.items() if name != "max_length"}
    settings = GRPOConfig(output_dir=str(tmp_path), max_completion_length=4, num_generations=2, **few)
    data = rows(made[kind], "grpo", ending)
    trainer = GRPOTrainer(model_for(tokenizer), reward, settings, train_dataset=data, processing_class=tokenizer)
    trained(trainer)
    answers = {record["messages"][-1]["content"] for record in records_of(made[kind])}
    assert seen and set(seen) <= answers
