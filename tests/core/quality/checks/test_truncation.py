"""An answer that breaks off is told from one that needs no mark at its end."""

import pytest

from tests.core.quality.checks.looking import block, reason
from tests.core.quality.labelled_bad import TRUNCATED


@pytest.mark.parametrize("answer", TRUNCATED)
def test_broken_ends_are_found(answer: str) -> None:
    assert reason("truncation", answer)


@pytest.mark.parametrize(
    "answer",
    [
        "Canberra",
        "Yes",
        "42",
        "It weighs 12 kg",
        "The answer is 42",
        "See https://example.com/a",
        "Oil it. Then wipe it off. 🙂",
        "Oil it. Wipe it off. Enjoy your ride!",
        'He said: "Oil it."',
        "You need:\n\n- oil\n- a rag",
        "You need:\n\n1. oil for the chain and the cables\n2. a rag",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "Oil it. Wipe it off.\n\nBest regards,\nAnna",
        "Roses are red,\nviolets are blue,\nthe chain is dry,\nand so are you",
        "Oil it. Run this:\n\n$ make oil",
        block("python", "x = 1").removesuffix("\n\nThat is all."),
        "油をさします。そして拭き取ります。",
        "หยอดน้ำมันที่โซ่ แล้วเช็ดออก",
        "तेल लगाएँ। फिर पोंछें।",
        "ضع الزيت. ثم امسحه. هل هذا واضح؟",
        "**Oil it.** Then *wipe it off.*",
        "Oil it (and wipe it off).",
        "Smile :)",
        "",
        "\n",
    ],
)
def test_whatever_is_complete_passes(answer: str) -> None:
    assert not reason("truncation", answer)


def test_the_last_item_of_a_list_needs_a_mark_where_all_others_have_one() -> None:
    items = "1. Take the wheel off.\n2. Pull out the tube.\n3. Find the hole"
    assert reason("truncation", f"{items} and mark i")
    assert not reason("truncation", items.replace(".\n", "\n"))
