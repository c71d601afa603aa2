"""Keeps objects in memory: the store for tests and for trying things out."""

from __future__ import annotations

import hashlib
import io
from bisect import bisect_left, insort
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from resift.storage import key as keys
from resift.storage.key import check_bounds, check_folder, check_key, check_prefix
from resift.storage.protocol import BLOCK_BYTES, ObjectStat


class MemoryStore:
    """A store that lives as long as the process. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._objects: dict[str, tuple[bytes, str]] = {}
        """Body and etag by key."""
        self._order: list[str] = []
        """The keys, sorted; code point order of text is the order of its UTF-8 bytes."""

    @property
    def url(self) -> str:
        """Always ``memory:``; ``open_store`` does not accept it, for every process would open another lake."""
        return "memory:"

    def get(self, key: str) -> bytes:
        """Return a whole object."""
        check_key(key)
        with self._lock:
            if key not in self._objects:
                raise keys.not_found(self.url, key)
            return self._objects[key][0]

    def get_range(self, key: str, *, start: int, length: int) -> bytes:
        """Return ``length`` bytes from ``start``; fewer at the end of the object, none past it."""
        check_bounds(key, start=start, length=length)
        return self.get(key)[start : start + length]

    def stream(self, key: str, *, start: int, length: int) -> Iterator[bytes]:
        """Yield the same bytes as ``get_range`` in blocks."""
        body = self.get_range(key, start=start, length=length)
        for at in range(0, len(body), BLOCK_BYTES):
            yield body[at : at + BLOCK_BYTES]

    def open(self, key: str) -> BinaryIO:
        """Open an object for random access."""
        return io.BytesIO(self.get(key))

    def stat(self, key: str) -> ObjectStat | None:
        """Return size and etag, or None where no object lies."""
        check_key(key)
        with self._lock:
            found = self._objects.get(key)
        return None if found is None else ObjectStat(key, len(found[0]), found[1])

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        """Yield the objects under ``prefix`` as they were when the listing began."""
        check_prefix(prefix)
        with self._lock:
            found = []
            for key in self._order[bisect_left(self._order, prefix) :]:
                if not key.startswith(prefix):
                    break
                body, etag = self._objects[key]
                found.append(ObjectStat(key, len(body), etag))
        return iter(found)

    def folders(self, prefix: str) -> Iterator[str]:
        """Yield the names that follow ``prefix`` up to a slash, as they were when the listing began."""
        check_folder(prefix)
        rests = (found.key.removeprefix(prefix) for found in self.list(prefix))
        return iter(dict.fromkeys(rest.partition("/")[0] for rest in rests if "/" in rest))

    def put(self, key: str, body: bytes) -> str:
        """Write an object, replacing what was there; return its etag."""
        check_key(key)
        with self._lock:
            return self._write(key, body)

    def put_file(self, key: str, path: Path) -> str:
        """Write an object from a local file; return its etag."""
        return self.put(key, path.read_bytes())

    def create(self, key: str, body: bytes) -> str:
        """Write an object that must not exist yet, or holds these very bytes; return its etag."""
        check_key(key)
        with self._lock:
            if key in self._objects and self._objects[key][0] != body:
                raise keys.exists(self.url, key)
            return self._write(key, body)

    def swap(self, key: str, body: bytes, *, etag: str) -> str:
        """Replace an object that must still have ``etag``; return the new etag."""
        check_key(key)
        with self._lock:
            found = self._objects[key][1] if key in self._objects else None
            if found != etag:
                raise keys.conflict(self.url, key, found=found, expected=etag)
            return self._write(key, body)

    def copy(self, source: str, target: str) -> None:
        """Copy an object inside the store, replacing the target."""
        check_key(source)
        check_key(target)
        with self._lock:
            if source not in self._objects:
                raise keys.not_found(self.url, source)
            self._write(target, self._objects[source][0])

    def delete(self, key: str) -> None:
        """Remove an object; no error where none lies."""
        check_key(key)
        with self._lock:
            if self._objects.pop(key, None) is not None:
                del self._order[bisect_left(self._order, key)]

    def _write(self, key: str, body: bytes) -> str:
        if key not in self._objects:
            self._refuse_shadow(key)
            insort(self._order, key)
        etag = hashlib.sha256(body).hexdigest()
        self._objects[key] = (bytes(body), etag)
        return etag

    def _refuse_shadow(self, key: str) -> None:
        """A directory cannot hold ``a`` and ``a/b``; tests in memory must see that too."""
        segments = key.split("/")
        for depth in range(1, len(segments)):
            if (parent := "/".join(segments[:depth])) in self._objects:
                raise keys.shadowed(self.url, key, parent)
        at = bisect_left(self._order, f"{key}/")
        if at < len(self._order) and self._order[at].startswith(f"{key}/"):
            raise keys.shadowed(self.url, key, self._order[at])
