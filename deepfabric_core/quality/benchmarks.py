"""Public benchmarks by name: what their datasets are called, and under which keys they hold questions and answers."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deepfabric_core.quality.foreign_records import foreign_candidate

_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A benchmark: its name, its datasets on the Hugging Face hub, and the keys of the texts that must stay unseen."""

    name: str
    datasets: tuple[str, ...]
    keys: tuple[str, ...]


_KNOWN = (
    Benchmark(
        "aime", ("HuggingFaceH4/aime_2024", "math-ai/aime25", "AI-MO/aimo-validation-aime"), ("problem", "solution")
    ),
    Benchmark("arc", ("allenai/ai2_arc", "ai2_arc"), ("question", "choices")),
    Benchmark("bbh", ("lukaemon/bbh", "SaylorTwift/bbh"), ("input",)),
    Benchmark("boolq", ("google/boolq", "boolq"), ("question", "passage")),
    Benchmark("drop", ("ucinlp/drop", "drop"), ("question", "passage")),
    Benchmark("gpqa", ("Idavidrein/gpqa",), ("question", "correct answer", "explanation")),
    Benchmark("gsm8k", ("openai/gsm8k", "gsm8k"), ("question", "answer")),
    Benchmark("hellaswag", ("Rowan/hellaswag", "hellaswag"), ("ctx", "endings")),
    Benchmark("humaneval", ("openai/openai_humaneval", "openai_humaneval"), ("prompt", "canonical_solution")),
    Benchmark("ifeval", ("google/IFEval",), ("prompt",)),
    Benchmark("livecodebench", ("livecodebench/code_generation_lite",), ("question_content",)),
    Benchmark(
        "math",
        ("HuggingFaceH4/MATH-500", "EleutherAI/hendrycks_math", "hendrycks/competition_math", "competition_math"),
        ("problem", "solution"),
    ),
    Benchmark("mbpp", ("google-research-datasets/mbpp", "mbpp"), ("text", "prompt", "code")),
    Benchmark("mmlu", ("cais/mmlu", "hendrycks_test", "lukaemon/mmlu"), ("question", "choices", "input")),
    Benchmark("mmlupro", ("TIGER-Lab/MMLU-Pro",), ("question", "options")),
    Benchmark("mtbench", ("HuggingFaceH4/mt_bench_prompts", "lmsys/mt_bench_human_judgments"), ("prompt", "turns")),
    Benchmark("openbookqa", ("allenai/openbookqa", "openbookqa"), ("question_stem", "choices")),
    Benchmark("piqa", ("ybisk/piqa", "piqa"), ("goal", "sol1", "sol2")),
    Benchmark("simpleqa", ("basicv8vc/SimpleQA",), ("problem",)),
    Benchmark("squad", ("rajpurkar/squad", "rajpurkar/squad_v2", "squad"), ("question", "context")),
    Benchmark("truthfulqa", ("truthfulqa/truthful_qa", "truthful_qa"), ("question", "best_answer", "best answer")),
    Benchmark("winogrande", ("allenai/winogrande", "winogrande"), ("sentence",)),
)
BENCHMARKS: Mapping[str, Benchmark] = {one.name: one for one in _KNOWN}

# Keys that hold what is asked and answered in evaluation sets of any kind.
_USUAL = frozenset(key for one in _KNOWN for key in one.keys) | frozenset(
    {"answers", "instruction", "output", "query", "response", "target", "task", "stem", "reference"}
)


def plain_name(name: str) -> str:
    """Return a name by its letters and digits alone, so that its spellings are the same.

    >>> plain_name("MMLU-Pro"), plain_name("openai/gsm8k")
    ('mmlupro', 'openaigsm8k')
    """
    return re.sub(r"[\W_]+", "", name.casefold())


def benchmark_named(name: str) -> Benchmark | None:
    """Return the benchmark of a name, however that is spelt, or of a dataset on the Hugging Face hub; else None."""
    plain = plain_name(name)
    by_dataset = (one for one in _KNOWN if plain in map(plain_name, one.datasets))
    return BENCHMARKS.get(plain) or next(by_dataset, None)


def nearest_benchmark(name: str) -> str | None:
    """Return the name of the benchmark that may have been meant, if there is one."""
    return next(iter(difflib.get_close_matches(plain_name(name), BENCHMARKS, n=1)), None)


def item_texts(record: Mapping[str, Any], benchmark: Benchmark | None) -> tuple[str, ...]:
    """Return the texts of an evaluation item that must stay unseen.

    Of a known benchmark these are under its keys; of other records under the usual ones, or in the turns of a
    conversation. If there are none, every text of the record counts.
    """
    if benchmark and (texts := _texts_under(frozenset(benchmark.keys), record)):
        return texts
    said = [text for _, text in foreign_candidate(record).texts()]
    turns = said if {"messages", "conversations", "conversation"} & record.keys() else []
    found = dict.fromkeys([*_texts_under(_USUAL, record), *filter(None, turns)])
    return tuple(found) or tuple(dict.fromkeys(_texts_in(record.values())))


def _texts_under(keys: frozenset[str], record: Mapping[str, Any]) -> tuple[str, ...]:
    found = [value for key, value in record.items() if str(key).casefold() in keys]
    return tuple(dict.fromkeys(_texts_in(found)))


def _texts_in(values: Iterable[Any], depth: int = 0) -> Iterator[str]:
    """Yield the texts in values of any shape, such as choices under `text` or a question under `stem`."""
    for value in values:
        if isinstance(value, str):
            if value.strip():
                yield value
        elif depth < _DEEPEST and isinstance(value, Mapping):
            yield from _texts_in(value.values(), depth + 1)
        elif depth < _DEEPEST and isinstance(value, list | tuple):
            yield from _texts_in(value, depth + 1)
