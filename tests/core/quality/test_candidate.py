"""A candidate has the texts that a model wrote, of whatever kind its record is."""

from deepfabric_core.quality.candidate import Candidate, candidate_of

TALK = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Q?"}]


def test_a_conversation_has_its_question_and_answer_and_topic() -> None:
    record = {"messages": [*TALK, {"role": "assistant", "content": "A."}], "metadata": {"topic_path": ["Root", "Leaf"]}}
    assert candidate_of(record) == Candidate("Q?", "A.", path=("Root", "Leaf"), record=record)


def test_reasoning_is_read_as_free_text_and_as_an_agents_thoughts() -> None:
    said = {"messages": TALK, "question": "Q?", "final_answer": "A."}
    free = {**said, "reasoning": {"style": "freetext", "content": "So."}}
    steps = [{"thought": "First this.", "action": "f()"}, {"thought": "Then that.", "action": "g()"}]
    agent = {**said, "reasoning": {"style": "agent", "content": steps}}
    assert candidate_of(free).reasoning == "So."
    assert candidate_of(agent).reasoning == "First this.\nThen that."
    assert [name for name, _ in candidate_of(free).texts()] == ["question", "reasoning", "answer"]


def test_a_record_of_an_own_schema_has_its_texts_by_their_places() -> None:
    record = {"title": "Bread", "minutes": 40, "steps": [{"text": "Knead"}, {"text": "Bake"}], "metadata": {"a": "b"}}
    candidate = candidate_of(record, ("Root",))
    assert dict(candidate.texts()) == {"title": "Bread", "steps/0/text": "Knead", "steps/1/text": "Bake"}
    assert candidate.whole == "Bread\nKnead\nBake"
    assert not candidate.is_conversation


def test_an_own_schema_may_have_a_question_and_an_answer_beside_other_texts() -> None:
    candidate = candidate_of({"question": "Q?", "options": ["A.", "B."], "answer": "A."})
    assert (candidate.question, candidate.answer) == ("Q?", "A.")
    assert [name for name, _ in candidate.texts()] == ["question", "options/0", "options/1", "answer"]


def test_any_record_at_all_makes_a_candidate() -> None:
    for record in ({}, {"messages": None}, {"messages": [1]}, {"question": 5}, {"reasoning": [[]], "answer": "A"}):
        assert isinstance(candidate_of(record).whole, str)


def test_a_record_nested_without_end_is_read_as_far_as_anyone_would_look() -> None:
    nested: dict[str, object] = {"deep": "too deep"}
    for _ in range(5000):
        nested = {"more": nested}
    assert candidate_of({"title": "Bread", **nested}).whole == "Bread"
