"""Files that are whole, cut off at every place, and damaged."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from deepfabric_core.llm.clients.gguf_header import read_header


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def gguf(*, version: int = 3, context: int = 2048, blocks: int = 4) -> bytes:
    """A model without sense: two tensors, of 8 floats and of some blocks of four bits."""
    words = struct.pack("<IQ", 8, 3) + text("a") + text("") + text("é")
    pairs = [
        text("general.architecture") + struct.pack("<I", 8) + text("llama"),
        text("tokens") + struct.pack("<I", 9) + words,
        text("scores") + struct.pack("<IIQ", 9, 6, 2) + struct.pack("<2f", 1, 2),
        text("llama.context_length") + struct.pack("<II", 4, context),
        text("tied") + struct.pack("<I?", 7, True),
    ]
    tensors = [
        text("one") + struct.pack("<IQQIQ", 2, 4, 2, 0, 0),
        text("two") + struct.pack("<IQIQ", 1, 32 * blocks, 2, 32),
    ]
    header = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(pairs)) + b"".join(pairs + tensors)
    return header + bytes(-len(header) % 32) + bytes(32 + 18 * blocks)


def refusal(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"^is") as refused:
        read_header(path)
    return str(refused.value)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.gguf"


def test_a_whole_file_says_its_context_and_size(path: Path) -> None:
    path.write_bytes(gguf())
    header = read_header(path)
    assert header.context_length == 2048
    assert header.size == len(gguf())
    path.write_bytes(gguf() + b"more")
    assert read_header(path) == header


def test_a_file_cut_off_anywhere_is_refused(path: Path) -> None:
    for size in range(4, len(gguf())):
        assert refusal(path, gguf()[:size]).startswith("is cut off")


def test_what_is_no_gguf_file_is_refused(path: Path) -> None:
    for content in (b"", b"GGU", b"PK\3\4" + gguf(), bytes(100)):
        assert "isn't a GGUF file" in refusal(path, content)


def test_numbers_that_cannot_be_are_refused_at_once(path: Path) -> None:
    whole = gguf()
    for place in (8, 16, 24, 24 + 8 + 20):
        damaged = whole[:place] + b"\xff" * 8 + whole[place + 8 :]
        assert refusal(path, damaged).startswith("is cut off")


def test_a_context_that_is_not_said_and_a_version_of_another_kind(path: Path) -> None:
    path.write_bytes(gguf(context=0))
    assert read_header(path).context_length is None
    path.write_bytes(gguf(version=1))
    assert read_header(path).size == 0
