"""The log of what judges said of a dataset's samples, beside the judged dataset: nothing in it is paid for twice.

The first line has an id of the log, for its budget. Each further line has what each judge said of one sample, and what
it took. The key stands for what the judges read of the sample, and for who they are, so that a sample that was changed,
or one that others judged, has none::

    {"log": ...}
    {"key": ..., "verdicts": [{"judge": 0, "model": ..., "simulated": false, "scores": [{"criterion": ..., "score": 4.0,
     "reason": ...}]}], "unjudged": [{"model": ..., "kind": ..., "reason": ...}], "attempts": 1, "usage": {...}}

The place of a judge among several is under `judge`. What scores must reach isn't in it, so that it can be changed.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from deepfabric_core.amounts import Spent
from deepfabric_core.config.judge import Judge, JudgesConfig
from deepfabric_core.errors import FailureKind, OutputError
from deepfabric_core.quality.judge.judgement import Judgement
from deepfabric_core.quality.judge.verdict import Score, Unjudged, Verdict
from deepfabric_core.store.append_log import AppendLog, read_line
from deepfabric_core.store.files import reason

_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False).encode


def judgements_path(dataset: Path) -> Path:
    """Return the path of the log that stands beside a judged dataset."""
    return dataset.with_name(f"{dataset.stem}.judgements.jsonl")


class JudgementLog:
    """Judgements in a file; in memory is where the line of each judged sample is. `spent` is what all lines took.

    `hide` removes secrets from what is written. `id` is the log's own.

    Raises:
        ConfigError: a line is damaged; the message has its number.
        OutputError: the file can't be written.
    """

    def __init__(self, path: Path, hide: Callable[[str], str] = str) -> None:
        self.spent = Spent()
        self.id = ""
        self._hide = hide
        self._lines = AppendLog(path)
        self._count = 0
        self._places: dict[bytes, tuple[int, int]] = {}
        for line in self._lines.read():
            try:
                if "log" in line.content:
                    self.id = str(line.content["log"])
                else:
                    self._note(line.content, line.begin, len(line.text))
            except (AttributeError, KeyError, TypeError, ValueError) as problem:
                raise self._lines.damage(line.number) from problem

    def _note(self, content: Mapping[str, Any], begin: int, size: int) -> None:
        self._count += 1
        self.spent += Spent.of(content)
        if content["verdicts"]:
            self._places[bytes.fromhex(content["key"])] = begin, begin + size

    def __contains__(self, key: bytes) -> bool:
        return key in self._places

    def line(self, key: bytes) -> Mapping[str, Any] | None:
        """Return the line of a judged sample; None if it isn't judged."""
        place = self._places.get(key)
        return None if place is None else read_line(self._lines.piece(*place))

    def add(self, key: bytes, judgement: Judgement) -> None:
        """Add what judges said of a sample, also if none of them said anything: it is paid for.

        Raises:
            OutputError: the disk is full or gone; what the log holds is safe.
        """
        spent = Spent(judgement.calls, judgement.usage)
        line = {
            "key": key.hex(),
            "verdicts": [
                _verdict(one, place) for place, one in enumerate(judgement.outcomes) if isinstance(one, Verdict)
            ],
            "unjudged": [
                {"model": one.model, "kind": one.kind.value, "reason": one.reason} for one in judgement.unjudged
            ],
            **spent.as_object(),
        }
        text = self._hide(_encode(line)).encode("utf-8", "backslashreplace")
        self._note(line, self._append(text), len(text))

    def begin(self) -> None:
        """Give the log an id, unless it has one.

        Raises:
            OutputError: the disk is full or gone.
        """
        if not self.id:
            self.id = secrets.token_hex(8)
            self._append(_encode({"log": self.id}).encode())

    def _append(self, text: bytes) -> int:
        try:
            return self._lines.append(text + b"\n")
        except OSError as problem:
            raise OutputError(f"{self._lines.path} can't be written: {reason(problem)}.") from problem

    def sync(self) -> None:
        """Flush the file to the disk.

        Raises:
            OutputError: the disk is full or gone.
        """
        self._lines.sync()

    def close(self) -> None:
        """Close the file; one that tells of no sample is deleted."""
        if self._count:
            self._lines.close()
        else:
            self._lines.discard()


def _verdict(of: Verdict, place: int) -> dict[str, Any]:
    scores = [{"criterion": one.criterion, "score": one.score, "reason": one.reason} for one in of.scores]
    return {"judge": place, "model": of.model, "simulated": of.simulated, "scores": scores}


def judgement_in(line: Mapping[str, Any], judges: JudgesConfig) -> Judgement:
    """Return the judgement of a line, with what its scores must reach by the judges as they are now.

    Raises:
        KeyError, IndexError, TypeError, ValueError: the line isn't one of these judges.
    """
    verdicts = [_verdict_in(one, judges.all_judges[one["judge"]]) for one in line["verdicts"]]
    unjudged = [Unjudged(one["reason"], FailureKind(one["kind"]), one["model"]) for one in line["unjudged"]]
    return Judgement((*verdicts, *unjudged), judges.vote)


def _verdict_in(said: Mapping[str, Any], judge: Judge) -> Verdict:
    least = {one.name: one.min for one in judge.criteria}
    scores = tuple(
        Score(one["criterion"], one["score"], one["reason"], least.get(one["criterion"])) for one in said["scores"]
    )
    return Verdict(scores, judge.low, judge.high, judge.least, said["model"], said["simulated"])
