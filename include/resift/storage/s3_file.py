"""Reads one S3 object at random, fetching only what is asked for."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from dataclasses import dataclass

from resift.storage.spans import Span, join_near

READ_AHEAD_BYTES = 64 * 1024
"""Smaller reads fetch this much and keep it; larger ones fetch exactly what they ask for."""


@dataclass(frozen=True, slots=True)
class _Block:
    """Bytes that are on their way, or here."""

    span: Span
    body: Future[bytes]

    def holds(self, span: Span) -> bool:
        return self.span[0] <= span[0] and span[1] <= self.span[1]


class RangeReader(io.RawIOBase):
    """A seekable file over ranged reads; not for use by several threads at once."""

    def __init__(self, fetch: Callable[[int, int], bytes], size_bytes: int, *, tail: bytes, threads: Executor) -> None:
        """Read by ``fetch``, which takes start and length; the ``tail`` is here already."""
        super().__init__()
        self._get, self._threads = fetch, threads
        self.bytes_fetched = len(tail)
        """Bytes asked of the endpoint up to now."""

        self._size = size_bytes
        self._position = 0
        self._kept = tail
        self._kept_start = size_bytes - len(tail)
        self._blocks = list[_Block]()

    def prefetch(self, spans: Iterable[Span]) -> None:
        """Begin to fetch what will be read, near spans together and all at once; let go of what is not among it."""
        wanted = sorted(spans)
        self._blocks = [
            block for block in self._blocks if any(lo < block.span[1] and block.span[0] < hi for lo, hi in wanted)
        ]
        missing = [span for span in wanted if not any(block.holds(span) for block in self._blocks)]
        for lo, hi in join_near(missing):
            self.bytes_fetched += hi - lo
            self._blocks.append(_Block((lo, hi), self._threads.submit(self._get, lo, hi - lo)))

    def readable(self) -> bool:
        """Say that this file can be read."""
        return True

    def seekable(self) -> bool:
        """Say that this file can be read from anywhere."""
        return True

    def tell(self) -> int:
        """Return the position of the next read."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move the position of the next read; past the end is allowed and reads nothing."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"seek: found position {base + offset}, expected 0 or more. Seek inside the object.")
        self._position = base + offset
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        """Return ``size`` bytes, fewer only at the end of the object."""
        if self.closed:
            raise ValueError("read: found a closed file, expected an open one. Open the object again.")
        rest = max(self._size - self._position, 0)
        wanted = rest if size is None or size < 0 else min(size, rest)
        body = self._read_at(self._position, wanted)
        self._position += len(body)
        return body

    def readall(self) -> bytes:
        """Return everything from the position on, in one request."""
        return self.read(-1)

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """Fill a buffer and return how much was read."""
        body = self.read(len(buffer))
        buffer[: len(body)] = body
        return len(body)

    def _read_at(self, start: int, length: int) -> bytes:
        if length == 0:
            return b""
        for block in self._blocks:
            if block.holds((start, start + length)):
                at = start - block.span[0]
                return block.body.result()[at : at + length]
        skip = start - self._kept_start
        if skip >= 0 and skip + length <= len(self._kept):
            return self._kept[skip : skip + length]
        if length >= READ_AHEAD_BYTES:
            return self._fetch(start, length)
        self._kept = self._fetch(start, min(READ_AHEAD_BYTES, self._size - start))
        self._kept_start = start
        return self._kept[:length]

    def _fetch(self, start: int, length: int) -> bytes:
        self.bytes_fetched += length
        return self._get(start, length)
