"""Samples, failures and rejected samples as DataFrames.

Importing this imports pandas, which takes half a second: do it late.

A frame of samples has these columns; unknown values are NA, None or NaT:

    topic, topic_path                   the topic's name, and its path as a tuple
    question, answer, reasoning         text; an agent's reasoning has a line for each step
    tool_calls                          list of {"name", "arguments" (a dict)} and, where it was answered, "result"
    messages                            list of dicts
    prompt_tokens, completion_tokens, cost, model, attempts
    status                              "done", in other frames "failed" and "rejected"
    simulated                           whether a simulated model made it up
    made_at                             UTC
    cycle, key                          which of the topic's samples this is; "topic id:cycle", its name in the journal
    score                               the judge's, if there was one
    record                              the record itself, only where a dataset has other records than messages; its
                                        fields are columns too, unless a column has that name
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from deepfabric_core import __version__
from deepfabric_core.chat.tools import text_of
from deepfabric_core.errors import ConfigError
from deepfabric_core.printable import printable
from deepfabric_core.run.results import Results, gc_paused
from deepfabric_core.samples.preferences import preferences
from deepfabric_core.samples.reading import (
    JournalLine,
    RecordedCall,
    answer_of,
    calls_in,
    line_in,
    messages_of,
    metadata_of,
    question_of,
)
from deepfabric_core.samples.reviews import Reviews, sample_id
from deepfabric_core.store.append_log import read_line
from deepfabric_core.store.dataset_reader import records_in_file
from deepfabric_core.store.files import reason
from deepfabric_core.store.record_files.read import has_record_a_line

_TEXT = pd.StringDtype("python")
_LAST = ("cycle", "key", "record")
_NOT_FIELDS = ("metadata",)
_MOST_FIELDS = 40
_STATUS = pd.CategoricalDtype(["done", "failed"])
_STATUS_OF_ALL = pd.CategoricalDtype(["done", "failed", "rejected"])
_VERDICTS = pd.CategoricalDtype(["accepted", "edited"])
_SAID = ("reason", "instruction", "comment")
_NOT_A_TIME = -(2**63)
_LARGEST = 2**63 - 1
_LAST_SECOND = 253_402_300_799  # of the year 9999


def frame_of(results: Results, manifest: Mapping[str, Any]) -> pd.DataFrame:
    """Return a row for each sample. `manifest` becomes `attrs`; its `simulated` is the default of that column."""
    with gc_paused():
        frame = _frame(results.samples, simulated=manifest.get("simulated"))
    frame.attrs.update(manifest)
    return frame


def failures_frame(results: Results) -> pd.DataFrame:
    """Return a row for each failed sample; `pd.concat` can combine it with a frame of samples."""
    lines = results.failures
    columns = {
        **_topics(lines, [line.get("topic_path") or () for line in lines]),
        "status": _statuses("failed", len(lines)),
        "kind": _categories(line.get("kind") for line in lines),
        "error": _texts(line.get("error") for line in lines),
    }
    frame = _ordered(columns)
    frame.attrs["deepfabric"] = __version__
    return frame


def rejected_frame(results: Results) -> pd.DataFrame:
    """Return a row for each sample that wasn't accepted, with the reason; a topic may have several.

    Its columns are those of samples and `check`, `reason`, `evidence`, `gate`, and `attempt`, the number of the try.
    """
    lines = results.rejected
    found = {name: _texts(line.get(name) for line in lines) for name in ("check", "reason", "evidence", "gate")}
    added = pd.DataFrame({**found, "attempt": _whole(line.get("attempt") for line in lines)})
    frame = pd.concat([_frame(lines).drop(columns="status"), added], axis="columns")
    frame["status"] = pd.Categorical(["rejected"] * len(lines), dtype=_STATUS_OF_ALL)
    first = ["topic", "topic_path", *added.columns]
    frame.attrs["deepfabric"] = __version__
    return frame[[*first, *(name for name in frame.columns if name not in first)]]


def accepted_frame(results: Results, reviews: Reviews, manifest: Mapping[str, Any]) -> pd.DataFrame:
    """Return a row for each sample that nobody rejected, as it was edited last.

    `verdict` says what people said of it: "accepted" or "edited", or nothing.
    """
    held = [(line, reviews.of(sample_id(line["sample"]))) for line in results.samples]
    kept = [(line, review) for line, review in held if not review.is_rejected]
    lines = [line if review.edited is None else {**line, "sample": review.edited} for line, review in kept]
    with gc_paused():
        frame = _frame(lines, simulated=manifest.get("simulated"))
    verdicts = ["edited" if review.edited is not None else review.verdict for _, review in kept]
    column = pd.Series(pd.Categorical(verdicts, dtype=_VERDICTS))
    frame.insert(list(frame.columns).index("status") + 1, "verdict", column)
    frame.attrs.update(manifest)
    return frame


def topics_by_sample(results: Results) -> dict[str, str]:
    """Return the topics of all samples, by the samples' ids."""
    samples = [*results.samples, *results.rejected]
    return {sample_id(line["sample"]): line["path"][-1] for line in samples if line["path"]}


def reviews_frame(reviews: Reviews, topics: Mapping[str, str]) -> pd.DataFrame:
    """Return a row for each decision on a sample, in their order; of one that was taken back, `holds` is false.

    `topics` are by the samples' ids.
    """
    decisions = [one for one in reviews.decisions if one.action != "undo"]
    said = {name: _texts(getattr(one, name) or None for one in decisions) for name in _SAID}
    return pd.DataFrame(
        {
            "sample": _texts(one.sample for one in decisions),
            "topic": _texts(topics.get(one.sample) for one in decisions),
            "action": _categories(one.action for one in decisions),
            "who": _texts(one.who for one in decisions),
            "when": _times(one.at for one in decisions),
            **said,
            "holds": _flags(one in reviews.of(one.sample).decisions for one in decisions),
        }
    )


def preferences_frame(results: Results, reviews: Reviews) -> pd.DataFrame:
    """Return a row for each pair of a better and a worse answer; `attrs["left_out"]` says how many weren't, and why."""
    found = preferences(results.samples, results.rejected, reviews)
    rows = [pair.as_object() for pair in found.pairs]
    columns = {name: _objects(row[name] for row in rows) for name in ("prompt", "chosen", "rejected")}
    frame = pd.DataFrame({**columns, "source": _categories(row["source"] for row in rows)})
    frame.attrs["left_out"] = dict(found.left_out)
    return frame


def load(path: str | Path) -> pd.DataFrame:
    """Return a row for each record of a dataset, or each line of a journal, of ours or DeepFabric's, in order.

    A last line that a killed process left incomplete is skipped and reported in `attrs["notices"]`. `attrs["cost"]` is
    what its samples cost, since a file doesn't know what topics and refused samples did; a run's frame has the same as
    `attrs["cost_of_samples"]`, and what all cost as `attrs["cost"]`.

    Raises:
        ConfigError: the file can't be read, or a line is no record; the message names it.
    """
    notices: list[str] = []
    with gc_paused():
        frame = _frame([line_in(line) for line in _records(Path(path), notices)])
    frame.attrs.update(_manifest(frame, str(path), notices))
    return frame


def _records(path: Path, notices: list[str]) -> Iterator[dict[str, Any]]:
    if not has_record_a_line(path):
        yield from records_in_file(path)
        return
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                record = read_line(line)
                if record is not None:
                    yield record
                elif line.startswith(b"{") and not line.endswith(b"\n"):
                    notices.append(f"{path}, line {number}: the last line is torn and was left out.")
                elif line.strip():
                    raise ConfigError(
                        f"{path}, line {number}: this is no record, which is a JSON object on a line of its own; mend "
                        "or remove that line."
                    )
    except OSError as problem:
        raise ConfigError(f"{path}: the dataset can't be read: {reason(problem)}.") from problem


def _manifest(frame: pd.DataFrame, dataset: str, notices: list[str]) -> dict[str, Any]:
    """Return the information on a file as a whole."""
    simulated = frame["simulated"].dropna()
    return {
        "dataset": dataset,
        "models": list(frame["model"].cat.categories),
        "samples": {"done": len(frame)},
        "topics": int(frame["topic_path"].nunique()),
        "usage": {name: _total(frame[name]) for name in ("prompt_tokens", "completion_tokens")},
        "cost": _total(frame["cost"]),
        "simulated": bool(simulated.any()) if len(simulated) else None,
        "deepfabric": __version__,
        "notices": notices,
    }


def cost_of_samples(frame: pd.DataFrame) -> float | None:
    """Return what the samples of a frame cost in US dollars, without topics and refused samples; None if unknown."""
    return _total(frame["cost"])


def _total(column: pd.Series[Any]) -> int | float | None:
    total: Any = column.sum(min_count=1)
    return None if pd.isna(total) else total.item()


# ---- rows


def _frame(lines: Sequence[JournalLine], *, simulated: bool | None = None) -> pd.DataFrame:
    samples = [line["sample"] for line in lines]
    messages = [messages_of(sample) for sample in samples]
    usages = [line.get("usage") or {} for line in lines]
    columns = {
        **_topics(lines, [line["path"] for line in lines]),
        "question": _texts(map(question_of, samples)),
        "answer": _texts(map(answer_of, samples)),
        "reasoning": _texts(map(_reasoning, samples)),
        "tool_calls": _objects(map(_tool_calls, samples)),
        "messages": _objects(messages),
        "prompt_tokens": _whole(usage.get("prompt_tokens") for usage in usages),
        "completion_tokens": _whole(usage.get("completion_tokens") for usage in usages),
        "cost": _numbers(usage.get("cost") for usage in usages),
        "model": _categories(line.get("model") for line in lines),
        "attempts": _whole(line.get("attempts") for line in lines),
        "status": _statuses("done", len(lines)),
        "simulated": _flags(metadata_of(sample).get("simulated", simulated) for sample in samples),
        "made_at": _times(line.get("at") for line in lines),
    }
    scores = [_score(sample) for sample in samples]
    if any(score is not None for score in scores):
        columns["score"] = _numbers(scores)
    if None in messages:
        own = [sample if said is None else None for sample, said in zip(samples, messages, strict=True)]
        columns |= {name: value for name, value in _own_fields(own).items() if name not in columns}
        columns["record"] = _objects(own)
    return _ordered(columns)


def _own_fields(records: Sequence[JournalLine | None]) -> dict[str, Any]:
    """Return a column for each field of the records that aren't conversations, if its name can be shown."""
    names = list(dict.fromkeys(name for record in records for name in record or () if name not in _NOT_FIELDS))
    shown = [name for name in names if name and printable(name) == name][:_MOST_FIELDS]
    return {name: _values([record and record.get(name) for record in records]) for name in shown}


def _values(values: list[object]) -> Any:
    """Return a column of the type that all its values have, or else of objects."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {str}:
        return _texts(values)
    if kinds == {bool}:
        return _flags(values)
    if kinds == {int}:
        return _whole(values)
    return _numbers(values) if kinds and kinds <= {int, float} else _objects(values)


def _score(record: JournalLine) -> float | None:
    """Return the judge's score of a sample, if there is one."""
    verdict = metadata_of(record).get("judge")
    score = verdict.get("score") if isinstance(verdict, dict) else None
    return score if isinstance(score, int | float) and not isinstance(score, bool) else None


def _ordered(columns: Mapping[str, Any]) -> pd.DataFrame:
    """Return a frame with the columns for people first, and those for programs last."""
    first = [name for name in columns if name not in _LAST]
    return pd.DataFrame({name: columns[name] for name in (*first, *(name for name in _LAST if name in columns))})


def _topics(lines: Sequence[JournalLine], paths: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Return the columns that frames of samples and of failures share."""
    return {
        "key": _texts(map(_key, lines)),
        "topic": _texts(path[-1] if path else None for path in paths),
        "topic_path": _objects(tuple(path) or None for path in paths),
        "cycle": _whole(line.get("cycle") for line in lines),
    }


def _key(line: JournalLine) -> str | None:
    topic_id, cycle = line.get("topic_id"), line.get("cycle")
    return None if topic_id is None or cycle is None else f"{topic_id}:{cycle}"


def _reasoning(record: JournalLine) -> str | None:
    reasoning = record.get("reasoning")
    content = reasoning.get("content") if isinstance(reasoning, dict) else reasoning
    return "\n".join(map(_step, content)) if isinstance(content, list) else content or None


def _step(step: object) -> str:
    """Return a step of an agent's reasoning as one line."""
    if not isinstance(step, dict):
        return text_of(step)
    said = " → ".join(text_of(step[name]) for name in ("thought", "action") if step.get(name))
    return f"{step['step_number']}. {said}" if "step_number" in step else said


def _tool_calls(record: JournalLine) -> list[dict[str, Any]] | None:
    try:
        return [_tool_call(call) for call in calls_in(record)] or None
    except (LookupError, TypeError, AttributeError):  # not a call in our format
        return None


def _tool_call(call: RecordedCall) -> dict[str, Any]:
    """Return a call; its arguments are a dict, or the original text if that isn't JSON."""
    try:
        arguments = json.loads(call.arguments)
    except (ValueError, RecursionError):
        arguments = call.arguments
    shown = {"name": call.name, "arguments": arguments}
    return shown if call.result is None else {**shown, "result": call.result}


# ---- columns: a value that doesn't fit a column's type is missing in it


def _texts(values: Iterable[object]) -> Any:
    return _array(values, _TEXT, lambda value: isinstance(value, str))


def _categories(values: Iterable[object]) -> Any:
    return pd.Categorical(_texts(values))


def _statuses(status: str, rows: int) -> Any:
    return pd.Categorical([status] * rows, dtype=_STATUS)


def _whole(values: Iterable[object]) -> Any:
    return _array(values, "Int64", _is_whole)


def _numbers(values: Iterable[object]) -> Any:
    return _array(values, "Float64", lambda value: isinstance(value, float) or _is_whole(value))


def _flags(values: Iterable[object]) -> Any:
    return _array(values, "boolean", lambda value: isinstance(value, bool))


def _array(values: Iterable[object], dtype: Any, fits: Callable[[object], bool]) -> Any:
    fitting: Any = [value if fits(value) else None for value in values]
    return pd.array(fitting, dtype=dtype)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST


def _times(values: Iterable[object]) -> pd.DatetimeIndex:
    """Return UTC times, from seconds since the epoch."""
    milliseconds = np.array([_milliseconds(value) for value in values], dtype="int64")
    return pd.DatetimeIndex(milliseconds.view("datetime64[ms]")).tz_localize("UTC")


def _milliseconds(at: object) -> int:
    if isinstance(at, int | float) and 0 <= at <= _LAST_SECOND:
        return round(at * 1000)
    return _NOT_A_TIME


def _objects(values: Iterable[object]) -> pd.Series[Any]:
    return pd.Series(list(values), dtype=object)
