"""`ReportSums`: all that a report adds up over the samples of a dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from deepfabric_core.config.language_names import name_of
from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.finding import Finding
from deepfabric_core.quality.report.distinct import WordVariety
from deepfabric_core.quality.report.distribution import Distribution
from deepfabric_core.quality.report.examples import FirstOfEachKind, excerpt_of, shortened
from deepfabric_core.quality.report.judge_scores import JudgeScores
from deepfabric_core.quality.report.making import Making
from deepfabric_core.quality.report.topic_counts import TopicCounts
from deepfabric_core.words import words_in

_EXAMPLES = 5
_LONGEST_EVIDENCE = 300
# Of longer texts only so much is looked at for words, so that one sample can't take all the time.
_LONGEST_READ = 200_000
_LANGUAGE_READ = 120
UNKNOWN = "unknown"
PARTS = ("question", "reasoning", "answer", "sample")


@dataclass(frozen=True, slots=True)
class Measures:
    """How texts are measured: their tokens, their language (or None), and what checks find."""

    tokens: Callable[[str], int]
    language: Callable[[str], str | None] = lambda _: None
    findings: Callable[[Candidate], Iterable[Finding]] = lambda _: ()


@dataclass
class ReportSums:
    """The sums over some samples of a dataset; those of all come from merging, in the order of the file."""

    samples: int = 0
    making: Making = field(default_factory=Making)
    topics: TopicCounts = field(default_factory=TopicCounts)
    lengths: dict[str, Distribution] = field(default_factory=lambda: {part: Distribution() for part in PARTS})
    variety: WordVariety = field(default_factory=WordVariety)
    languages: FirstOfEachKind = field(default_factory=lambda: FirstOfEachKind(3))
    checks: FirstOfEachKind = field(default_factory=lambda: FirstOfEachKind(_EXAMPLES))
    failing: int = 0
    judge: JudgeScores = field(default_factory=JudgeScores)

    def add(self, candidate: Candidate, metadata: Mapping[str, Any], line: int, measures: Measures) -> None:
        """Add a sample, which stands on that line of the file."""
        self.samples += 1
        self.making.add(candidate.record, metadata)
        score = self.judge.add(metadata.get("judge"), candidate, line)
        self.topics.add(candidate.path, metadata.get("topic_id"), score)
        self._add_texts(candidate, measures)
        language = measures.language(_beginning(candidate)) or UNKNOWN
        self.languages.add(language, excerpt_of(candidate, line) if self.languages.wants(language) else None)
        self._add_findings(candidate, line, measures)

    def _add_texts(self, candidate: Candidate, measures: Measures) -> None:
        total = 0
        for name, text in candidate.texts():
            tokens = measures.tokens(text)
            total += tokens
            if name in self.lengths and candidate.is_conversation:
                self.lengths[name].add(tokens)
            self.variety.add(words_in(text[:_LONGEST_READ]))
        self.lengths["sample"].add(total)

    def _add_findings(self, candidate: Candidate, line: int, measures: Measures) -> None:
        found = list(measures.findings(candidate))
        self.failing += bool(found)
        for finding in found:
            example = None
            if self.checks.wants(finding.name):
                evidence = shortened(finding.evidence, _LONGEST_EVIDENCE)
                example = {**excerpt_of(candidate, line), "reason": finding.reason, "evidence": evidence}
            self.checks.add(finding.name, example)

    def merge(self, other: ReportSums) -> None:
        """Add the sums over samples that come later."""
        self.samples += other.samples
        self.failing += other.failing
        self.making.merge(other.making)
        self.topics.merge(other.topics)
        self.variety.merge(other.variety)
        self.languages.merge(other.languages)
        self.checks.merge(other.checks)
        self.judge.merge(other.judge)
        for name, lengths in other.lengths.items():
            self.lengths[name].merge(lengths)

    def as_object(self) -> dict[str, Any]:
        """Return the sums, except those over topics, for a report."""
        return {
            "samples": self.samples,
            "making": self.making.as_object(),
            "lengths": {name: lengths.as_object() for name, lengths in self.lengths.items()},
            "variety": self.variety.as_object(),
            "languages": [
                {**one, "code": None if one["name"] == UNKNOWN else one["name"], "title": _title(one["name"])}
                for one in self.languages.as_object()
            ],
            "checks": {"failing": self.failing, "by_check": self.checks.as_object()},
            "judge": self.judge.as_object(),
        }


def _beginning(candidate: Candidate) -> str:
    """Return enough of a sample's texts to tell their language."""
    if not candidate.is_conversation:
        return candidate.whole[: 4 * _LANGUAGE_READ]
    return f"{candidate.question[:_LANGUAGE_READ]}\n{candidate.answer[: 3 * _LANGUAGE_READ]}"


def _title(language: str) -> str:
    return "not recognized" if language == UNKNOWN else name_of(language)
