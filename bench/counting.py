"""A store that counts: bytes read and written, objects touched, and how often each was opened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

from resift.storage import Metered, Store


class CountingStore:
    """Passes everything on to a store, and counts it."""

    def __init__(self, store: Store) -> None:
        """Count what goes through to `store`."""
        self._store, self._adding = store, Lock()
        self._got, self._opened = 0, list[Metered]()
        self.bytes_written = 0
        self.read = Counter[str]()
        """How often each object was opened or read."""

        self.written = Counter[str]()

    def counts(self) -> dict[str, int]:
        """Return the sums."""
        return {
            "bytes_read": self._got + sum(body.bytes_read for body in self._opened),
            "bytes_written": self.bytes_written,
            "objects_read": len(self.read),
            "objects_written": len(self.written),
            "most_opens_of_one_run": max([n for key, n in self.read.items() if "/runs/" in key], default=0),
        }

    def get(self, key: str) -> bytes:
        """Count the bytes of the object."""
        body = self._store.get(key)
        self._add(key, len(body))
        return body

    def get_range(self, key: str, *, start: int, length: int) -> bytes:
        """Count the bytes of the range."""
        body = self._store.get_range(key, start=start, length=length)
        self._add(key, len(body))
        return body

    def stream(self, key: str, *, start: int, length: int) -> Iterator[bytes]:
        """Count the bytes as they are handed over."""
        with self._adding:
            self.read[key] += 1
        for block in self._store.stream(key, start=start, length=length):
            self._add_bytes(len(block))
            yield block

    def open(self, key: str) -> BinaryIO:
        """Count the bytes that are read from what is opened, as they are read."""
        body = Metered(self._store.open(key))
        with self._adding:
            self.read[key] += 1
            self._opened.append(body)
        return body  # type: ignore[return-value]

    def put(self, key: str, body: bytes) -> str:
        """Count the bytes written."""
        self._wrote(key, len(body))
        return self._store.put(key, body)

    def put_file(self, key: str, path: Path) -> str:
        """Count the bytes written."""
        self._wrote(key, path.stat().st_size)
        return self._store.put_file(key, path)

    def create(self, key: str, body: bytes) -> str:
        """Count the bytes written."""
        self._wrote(key, len(body))
        return self._store.create(key, body)

    def copy(self, source: str, target: str) -> None:
        """Count an object, and no bytes: the store copies on its own side."""
        self._wrote(target, 0)
        self._store.copy(source, target)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def _add(self, key: str, size: int) -> None:
        with self._adding:
            self.read[key] += 1
            self._got += size

    def _add_bytes(self, size: int) -> None:
        with self._adding:
            self._got += size

    def _wrote(self, key: str, size: int) -> None:
        with self._adding:
            self.written[key] += 1
            self.bytes_written += size
