"""Reviewed samples in a notebook: what was accepted, decided and made again, and where it is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from deepfabric_core.samples.reviews import Decision, sample_id
from deepfabric_core.store.review_log import ReviewLog, reviews_path
from deepfabric_nb.runs.run import Run
from deepfabric_nb.runs.session import forget_session, session_of
from tests.core.commands import lines
from tests.nb.conftest import Cell, tea

Capture = pytest.CaptureFixture[str]
JUDGED = tea() + "quality: {judge: {llm: {provider: simulated, model: a-judge}, min: 1}}\n"


def review(place: Path, number: int, action: Any, **said: Any) -> Decision:
    """Decide on a sample of the dataset, by its place."""
    record = lines(place / "tea.jsonl")[number]
    log = ReviewLog(reviews_path(place / "tea.jsonl"))
    key = {"topic_id": record["metadata"]["topic_id"], "cycle": record["metadata"]["cycle"]}
    decision = Decision(f"d{len(log.reviews.decisions)}", sample_id(record), action, "ann", 1e9, **key, **said)
    log.add(decision)
    return decision


def edited(place: Path, number: int, answer: str) -> dict[str, Any]:
    record = lines(place / "tea.jsonl")[number]
    *before, last = record["messages"]
    return {**record, "final_answer": answer, "messages": [*before, {**last, "content": answer}]}


def the_run(shell: InteractiveShell) -> Run:
    run = session_of(shell).run("tea")
    assert run is not None
    return run


def test_what_was_accepted_is_a_frame_a_file_and_pairs(cell: Cell, shell: InteractiveShell, place: Path) -> None:
    frame = cell("%%deepfabric", JUDGED)
    run = the_run(shell)
    assert len(run.accepted) == 9 and run.accepted["verdict"].isna().all() and run.reviews.empty
    assert "none was rejected or edited" in cell("%deepfabric export accepted.jsonl")
    review(place, 0, "reject", reason="dull")
    review(place, 1, "edit", after=edited(place, 1, "Better."))
    review(place, 2, "accept", comment="nice")
    undone = review(place, 3, "reject")
    review(place, 3, "undo", undoes=undone.id)
    accepted = run.accepted
    assert list(accepted["key"]) == list(frame["key"])[1:]
    assert list(accepted["verdict"][:2]) == ["edited", "accepted"] and accepted["verdict"][2:].isna().all()
    assert accepted["answer"].iloc[0] == "Better."
    decided = run.reviews
    assert list(decided["action"]) == ["reject", "edit", "accept", "reject"]
    assert list(decided["topic"]) == list(frame["topic"])[:4]
    assert list(decided["holds"]) == [True, True, True, False]
    assert "8 of 9 samples of the run tea (tea.jsonl): 1 rejected was left out, 1 is as edited" in cell(
        "%deepfabric export tea accepted.jsonl"
    )
    written = lines(place / "accepted.jsonl")
    assert written == [edited(place, 1, "Better."), *lines(place / "tea.jsonl")[2:]]
    pairs = run.preferences()
    assert list(pairs["source"]) == ["edit"] and pairs.attrs["left_out"] == {}
    (pair,) = pairs.to_dict("records")
    assert (pair["prompt"], pair["chosen"]) == (written[0]["messages"][:-1], written[0]["messages"][-1:])
    said = cell("%deepfabric report").data["reviews"]
    assert (said["accepted"], said["edited"], said["rejected"], said["replaced"]) == (1, 1, 1, 0)
    assert said["by_reason"] == [{"name": "dull", "count": 1}] and said["judge"]["compared"] == 2


def test_an_export_without_a_name_is_of_the_run_whose_samples_are_shown(
    cell: Cell, shell: InteractiveShell, place: Path
) -> None:
    cell(
        "%%deepfabric",
        tea(malformed=0.6).replace("tea.jsonl", "bees.jsonl").replace("teach.", "teach., sample_retries: 0"),
    )
    cell("%%deepfabric", tea())
    forget_session(shell)
    assert repr(cell("%deepfabric samples")) == "<Samples: 9 samples of tea>"
    assert "9 of 9 samples of the run tea (tea.jsonl)" in cell("%deepfabric export accepted.jsonl")
    assert "has the config of tea." in cell("%deepfabric export tea.yaml")


def test_resume_without_a_name_makes_rejected_samples_again(
    cell: Cell, shell: InteractiveShell, place: Path, capsys: Capture
) -> None:
    cell("%%deepfabric", tea())
    with pytest.raises(Exception, match="No run of this folder is incomplete"):
        cell("%deepfabric resume")
    before = lines(place / "tea.jsonl")
    review(place, 4, "reject", reason="dull")
    cell("%deepfabric resume")
    assert "1 sample rejected in review: to be made again" in capsys.readouterr().out
    after = lines(place / "tea.jsonl")
    assert [number for number in range(9) if sample_id(before[number]) != sample_id(after[number])] == [4]
    run = the_run(shell)
    assert list(run.rejected["reason"]) == ["dull"] and len(run.accepted) == 9
    assert run.preferences().attrs["left_out"] == {"another question": 1}


def test_an_edited_cell_keeps_the_dataset_that_it_would_replace_and_a_file_is_never_the_dataset(
    cell: Cell, place: Path, capsys: Capture
) -> None:
    cell("%%deepfabric", tea())
    old = (place / "tea.jsonl").read_bytes()
    with pytest.raises(Exception, match="the dataset itself"):
        cell("%deepfabric export tea.jsonl")
    capsys.readouterr()
    cell("%%deepfabric", tea().replace("You teach.", "You teach briefly."))
    said = capsys.readouterr().out
    assert said.index("tea.jsonl has 9 samples of another run; it is kept as tea-2.jsonl") < said.index(
        "Samples started"
    )
    assert (place / "tea-2.jsonl").read_bytes() == old
    assert json.loads((place / "tea.jsonl").read_text(encoding="utf-8").splitlines()[0])["messages"]
