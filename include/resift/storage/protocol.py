"""The storage protocol: twelve verbs, and a write states its precondition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

BLOCK_BYTES = 1024 * 1024
"""Most bytes of a block of a stream: small enough to stay in a processor's cache while they are hashed and written."""


@dataclass(frozen=True, slots=True)
class ObjectStat:
    """What a listing tells about one object."""

    key: str
    size_bytes: int
    etag: str
    """Opaque; two different contents under one key never share it."""


class Store(Protocol):
    """Objects under keys. A key is ``/``-separated, relative, without ``.`` and ``..``, and ends in no ``/``.

    Every write is atomic: a reader sees the whole object or none of it, also after a crash.
    """

    @property
    def url(self) -> str:
        """The lake URL this store was opened with, for messages."""
        ...

    def get(self, key: str) -> bytes:
        """Return a whole object.

        Raises:
            KeyNotFound: No object lies there.
        """
        ...

    def get_range(self, key: str, *, start: int, length: int) -> bytes:
        """Return ``length`` bytes from ``start``; fewer at the end of the object, none past it."""
        ...

    def stream(self, key: str, *, start: int, length: int) -> Iterator[bytes]:
        """Yield the same bytes as ``get_range`` in blocks, in the memory of one of them, all of one object.

        Raises:
            KeyNotFound: No object lies there. Told, at the latest, when the first block is asked for.
            StorageError: The object was replaced while it was read.
        """
        ...

    def open(self, key: str) -> BinaryIO:
        """Open an object for random access, reading only the bytes asked for."""
        ...

    def stat(self, key: str) -> ObjectStat | None:
        """Return size and etag, or None where no object lies."""
        ...

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        """Yield all objects whose key starts with ``prefix``, in UTF-8 order of their keys."""
        ...

    def folders(self, prefix: str) -> Iterator[str]:
        """Yield the names that follow ``prefix`` up to a slash, each once, without listing what lies below them.

        ``prefix`` is empty or ends with a slash. A folder may hold no object any more.
        """
        ...

    def put(self, key: str, body: bytes) -> str:
        """Write an object, replacing what was there; return its etag."""
        ...

    def put_file(self, key: str, path: Path) -> str:
        """Write an object from a local file, in bounded memory; return its etag."""
        ...

    def create(self, key: str, body: bytes) -> str:
        """Write an object that must not exist yet; return its etag.

        Writing the very bytes that are already there is a lost response repeated, and succeeds.

        Raises:
            KeyExists: Another object lies there.
            ConditionalWritesUnsupported: The endpoint cannot promise it.
        """
        ...

    def swap(self, key: str, body: bytes, *, etag: str) -> str:
        """Replace an object that must still have ``etag``; return the new etag.

        Raises:
            WriteConflict: The object is gone or was replaced.
            ConditionalWritesUnsupported: The endpoint cannot promise it.
        """
        ...

    def copy(self, source: str, target: str) -> None:
        """Copy an object inside the store, replacing the target.

        Raises:
            KeyNotFound: The source does not exist.
        """
        ...

    def delete(self, key: str) -> None:
        """Remove an object; no error where none lies."""
        ...
