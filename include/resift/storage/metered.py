"""Counts the bytes that reading one object takes."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import BinaryIO

from resift.storage.spans import Span, prefetch


class Metered(io.RawIOBase):
    """An open object that counts: what was fetched where it lies far away, else what was asked for."""

    def __init__(self, body: BinaryIO) -> None:
        """Count from now on; closing this closes the object."""
        super().__init__()
        self._body, self._asked = body, 0

    @property
    def bytes_read(self) -> int:
        """Bytes up to now."""
        fetched: int = getattr(self._body, "bytes_fetched", self._asked)
        return fetched

    def prefetch(self, spans: Iterable[Span]) -> None:
        """Pass on what will be read."""
        prefetch(self._body, spans)

    def readable(self) -> bool:
        """Say that this file can be read."""
        return True

    def seekable(self) -> bool:
        """Say that this file can be read from anywhere."""
        return True

    def tell(self) -> int:
        """Return the position of the next read."""
        return self._body.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move the position of the next read."""
        return self._body.seek(offset, whence)

    def read(self, size: int | None = -1, /) -> bytes:
        """Return ``size`` bytes, fewer only at the end of the object."""
        body = self._body.read(-1 if size is None else size)
        self._asked += len(body)
        return body

    def close(self) -> None:
        """Close the object."""
        self._body.close()
        super().close()
