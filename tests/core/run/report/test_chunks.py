"""Chunks of a file: together they have each line once, with its number and its offset."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.run.report.chunks import chunks_of, lines_in

contents = st.binary(max_size=60).map(lambda content: content.replace(b"\x00", b"\n").replace(b"\xff", b"\n\n"))


@given(contents, st.integers(1, 12))
def test_each_line_is_read_once_whatever_the_size_of_chunks(content: bytes, size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "some.jsonl"
        path.write_bytes(content)
        found = [line for chunk in chunks_of(path, size) for line in lines_in(path, chunk)]
        whole = content.split(b"\n")
        expected = [(number, line) for number, line in enumerate(whole, 1) if line.strip()]
        assert [(number, line.removesuffix(b"\n")) for number, _, line in found] == expected
        assert all(content[offset:].startswith(line) for _, offset, line in found)
