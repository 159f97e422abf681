"""Messages whose shared part stands first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.chat.messages import Message
from deepfabric_core.chat.prompt_caching import message_of, with_shared

texts = st.lists(st.text(max_size=8), max_size=4)


@given(shared=texts, own=texts, other=texts, added=st.text(min_size=1, max_size=8))
def test_messages_of_a_kind_begin_alike_up_to_where_it_says(
    shared: list[str], own: list[str], other: list[str], added: str
) -> None:
    one, another = message_of("user", shared, own), message_of("user", shared, other)
    assert one.content[: one.shared] == another.content[: another.shared]
    assert one.content == "\n\n".join(filter(None, [*shared, *own]))
    if one.shared:
        one, another = with_shared(one, added), with_shared(another, added)
        assert one.content[: one.shared] == another.content[: another.shared]
        assert one.content[: one.shared].endswith(f"\n\n{added}")


def test_what_is_shared_is_added_at_the_end_where_nothing_is_shared_yet() -> None:
    assert with_shared(Message("user", "Take chains."), "Write JSON.") == Message("user", "Take chains.\n\nWrite JSON.")


def test_two_messages_are_equal_whatever_of_them_is_shared() -> None:
    assert message_of("user", ["Take chains."]) == Message("user", "Take chains.")
