"""A stream of text as UTF-8 in which bytes that were not of the declared encoding are marked, not lost.

Each such byte becomes one of the last 256 code points of the last private-use plane. So a parser that insists
on UTF-8 can go on past it, the rows that hold it can be told, and the byte itself can be had back.
"""

from __future__ import annotations

import codecs
import io
import re

_FIRST = 0x10FF00
_BLOCK = 1 << 20

MARK_PATTERN = r"[\x{10FF00}-\x{10FFFF}]"
"""Matches a mark, in the regular expressions of Arrow (RE2)."""

_MARK = re.compile(f"([{chr(_FIRST)}-{chr(_FIRST + 0xFF)}])")

MARK_PREFIX = b"\xf4"
"""The byte with which a mark begins in UTF-8, and hardly anything else. A single one is found at once."""


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(_FIRST + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error("resift-mark", _mark)


def is_marked(text: str) -> bool:
    """Return whether the text holds a mark."""
    return _MARK.search(text) is not None


def unmarked(text: str, *, encoding: str) -> bytes:
    """Return the bytes the text was decoded from; text of UTF-16 and UTF-32 comes as UTF-8."""
    spelled = "utf-8" if encoding.startswith(("utf-16", "utf-32")) else encoding
    return b"".join(
        bytes([ord(piece) - _FIRST]) if _MARK.fullmatch(piece) else piece.encode(spelled, "surrogatepass")
        for piece in _MARK.split(text)
    )


class MarkedText(io.RawIOBase):
    """Reads bytes of an encoding as UTF-8, without a byte order mark."""

    def __init__(self, stream: io.RawIOBase, *, encoding: str) -> None:
        """Wrap a stream; nothing is read yet."""
        super().__init__()
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)("resift-mark")
        self._pending = bytearray()
        self._begun = self._ended = False
        self.marked = False
        """True once something was read that may hold a mark."""

        self.tail = b""
        """The last byte read that is not part of a line's end."""

    def readable(self) -> bool:
        """Return True."""
        return True

    def peek(self, size: int) -> bytes:
        """Return at least ``size`` bytes that are still to be read, or all there are."""
        while len(self._pending) < size and not self._ended:
            self._fill()
        return bytes(self._pending)

    def read(self, size: int = -1) -> bytes:
        """Read at most ``size`` bytes; none at the end."""
        while (size < 0 or len(self._pending) < size) and not self._ended:
            self._fill()
        taken = bytes(self._pending if size < 0 else self._pending[:size])
        del self._pending[: len(taken)]
        return taken

    def _fill(self) -> None:
        block = self._stream.read(_BLOCK)
        self._ended = not block
        text = self._decoder.decode(block or b"", final=self._ended)
        if text and not self._begun:
            self._begun = True
            text = text.removeprefix("\ufeff")
        body = text.encode("utf-8", "surrogatepass")
        self.marked = self.marked or MARK_PREFIX in body
        self.tail = body.rstrip(b"\r\n")[-1:] or self.tail
        self._pending += body
