"""The messages between the view of samples on a page and the kernel.

The page asks, and the kernel replies with what was asked for; texts are sent only when they are looked at. After a
reload the page asks again, so nothing has to be remembered. The page never trusts a text: it is shown as text, or as
Markdown that is sanitized.

From the page::

    {"type": "open"}                                   -> "index", all rows
    {"type": "read", "rows": [3, 4]}                   -> "cards"
    {"type": "search", "ask": 7, "text": "brake"}      -> "found": the rows whose text has it, of any case
    {"type": "decide", "row": 3, "action": "reject", "reason": "...", "instruction": "...", "comment": "...",
     "texts": [{"at": ["messages", 1, "content"], "text": "..."}]}        -> "rows" and "card", or "refused"
    {"type": "decide_all", "rows": [...], "action": "reject", "reason": "..."}
    {"type": "undo"}                                   -> "rows", "selected", or "refused"
    {"type": "alike", "row": 3}                        -> "alike": groups of rows that may be rejected together
    {"type": "make_again"}                             -> begins a run that makes the rejected samples again
    {"type": "select", "row": 3}                       sets the trait `selected`; no reply

From the kernel::

    {"type": "index", "index": Index}                  all rows
    {"type": "rows", "from": 20, "rows": Columns}      rows from that number on, new or changed; they replace what is
                                                       there
    {"type": "changed", "at": [3, 9], "rows": Columns, "review": ReviewProgress}    single rows that changed
    {"type": "cards", "cards": {"3": Card}}
    {"type": "found", "ask": 7, "rows": [3, 4, 9]}
    {"type": "alike", "row": 3, "groups": [{"label": "6 near-duplicates", "rows": [...]}]}
    {"type": "selected", "row": 3}                     go to that row
    {"type": "made_again", "rows": [3], "total": 2, "is_over": false}    which of the samples to be made again are there
    {"type": "within", "path": ["Bikes", "Wheels"]}    show only the samples of that topic and of those below it
    {"type": "refused", "message": "..."}              one sentence

A row is a sample by its place, from 0, which never changes while a view is open: samples that come later are appended;
a sample that is made again takes the place of the rejected one. Columns are lists of the same length.

"rows" and "changed" also have `topics`, `models` and `reasons` of the index where these lists have grown, whole.
"""

from __future__ import annotations

from typing import Literal, TypedDict

Status = Literal["done", "failed", "rejected"]
VerdictShown = Literal["", "accepted", "rejected", "edited"]


class Columns(TypedDict):
    """The rows of the list, by column. `topic`, `model` and `reason` are places in the lists of the index.

    `title` is the beginning of the question; `length` is in characters of all texts; `score` is the judge's, or None;
    `reason` is why a sample failed, was rejected by a gate or by a person, -1 if it wasn't; `problems` counts the
    checks that found something, `calls` the tool calls, and `attempts` the samples that were made until one passed.
    """

    title: list[str]
    topic: list[int]
    status: list[Status]
    verdict: list[VerdictShown]
    reason: list[int]
    score: list[float | None]
    length: list[int]
    model: list[int]
    cycle: list[int]
    attempts: list[int]
    cost: list[float | None]
    calls: list[int]
    problems: list[int]


class ReviewProgress(TypedDict):
    """How far the review is, and in how many the person and the judge say the same, of those that both judged.

    `can_make_again` is about now; `why_not_again` is a sentence if nothing can be made again, not later either.
    """

    accepted: int
    rejected: int
    edited: int
    total: int
    agrees: int
    compared: int
    to_make_again: int
    can_undo: str
    can_make_again: bool
    why_not_again: str
    file: str


class Index(TypedDict):
    """All rows, with the lists that columns point into: topic paths, models, reasons. `start` numbers the reply."""

    title: str
    topics: list[list[str]]
    models: list[str]
    reasons: list[str]
    rows: Columns
    review: ReviewProgress
    can_review: bool


class CallShown(TypedDict):
    """A tool call: its arguments as pretty JSON; `result` is None if there is none; `failed` if it is an error.

    `at` and `result_at` are the places of the arguments and of the result in the record; they are empty where these
    can't be edited.
    """

    name: str
    arguments: str
    result: str | None
    failed: bool
    at: list[str | int]
    result_at: list[str | int]


class MessageShown(TypedDict):
    """A message. `reasoning` are the steps of thought before it; `at` is the place of its text in the record."""

    role: str
    text: str
    reasoning: list[str]
    calls: list[CallShown]
    at: list[str | int]


class FieldShown(TypedDict):
    """A field of a record that isn't a conversation: a text, or JSON where it is none (`is_json`)."""

    name: str
    text: str
    is_json: bool
    at: list[str | int]


class CheckShown(TypedDict):
    """What a gate found: its name, the reason and the evidence."""

    check: str
    reason: str
    evidence: str


class ScoreShown(TypedDict):
    """A criterion of the judge, with its score and reason."""

    criterion: str
    score: float
    reason: str


class DecisionShown(TypedDict):
    """A decision on the sample: what was done, by whom, when (local time, short), and what was said."""

    action: str
    who: str
    when: str
    said: str


class Card(TypedDict):
    """A whole sample. `facts` are short texts: model, tokens, cost, attempts. `error` is that of a failed one.

    `before` are the texts of an edited sample as they were, by place, to show what was changed.
    """

    row: int
    path: list[str]
    facts: list[str]
    system: str
    messages: list[MessageShown]
    fields: list[FieldShown]
    tools: list[str]
    score: float | None
    scores: list[ScoreShown]
    checks: list[CheckShown]
    error: str
    request: str
    reply: str
    history: list[DecisionShown]
    before: list[FieldShown]
