"""Read and decompress bodies of HTTP answers, up to a maximum size."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterable

# The value of the header Accept-Encoding: `Body` reads no other compression.
ACCEPTED = "gzip, deflate"

_WINDOWS = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
_ZLIB = 8  # the lower half of the first byte of a deflate stream that has a header, as it should


class BodyError(Exception):
    """A body can't be used; the message is the end of a sentence about the answer."""


class DamagedBodyError(BodyError):
    """A body can't be decompressed, so it was damaged on the way."""


class Body:
    """A body that arrives in pieces, of at most `limit` bytes; `encoding` is its header Content-Encoding."""

    def __init__(self, encoding: str | None, limit: int) -> None:
        self._encoding = (encoding or "identity").strip().lower()
        self._limit = limit
        self._content = bytearray()
        self._decoder: zlib._Decompress | None = None
        if self._encoding != "identity" and self._encoding not in _WINDOWS:
            raise BodyError(f"is compressed by {self._encoding[:40]}, which wasn't asked for")

    def add(self, piece: bytes) -> None:
        """Add the next piece.

        Raises:
            BodyError: the body is too large, or can't be decompressed.
        """
        if self._encoding == "identity":
            self._keep(piece)
            return
        while piece:
            if self._decoder is None or self._decoder.eof:
                self._decoder = zlib.decompressobj(self._window(piece[0]))
            try:
                self._keep(self._decoder.decompress(piece, self._limit - len(self._content) + 1))
            except zlib.error as problem:
                raise DamagedBodyError("is damaged: it can't be decompressed") from problem
            piece = self._decoder.unused_data

    def content(self) -> bytes:
        """Return the decompressed content so far."""
        return bytes(self._content)

    def _keep(self, piece: bytes) -> None:
        if len(self._content) + len(piece) > self._limit:
            raise BodyError(f"has more than {self._limit} bytes, which is too much")
        self._content += piece

    def _window(self, first: int) -> int:
        bare = self._encoding == "deflate" and first & 0xF != _ZLIB
        return -zlib.MAX_WBITS if bare else _WINDOWS[self._encoding]


async def read(pieces: AsyncIterable[bytes], encoding: str | None, limit: int) -> bytes:
    """Return the whole body, of at most `limit` bytes.

    Raises:
        BodyError: it is larger, or can't be decompressed.
    """
    body = Body(encoding, limit)
    async for piece in pieces:
        body.add(piece)
    return body.content()
