"""Fetch one file, going on where it was stopped, and let nothing pass that is not what was listed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from resift.errors import SnapshotDamaged
from resift.model.manifest import Extra
from resift.model.refresh import PartEntry
from resift.storage import BLOCK_BYTES, Store

PIECE_BYTES = 256 * 1024
"""Most bytes of one write: a megabyte at once takes new memory for the page cache instead of what lies ready."""


def fetch(
    store: Store, key: str, file: PartEntry | Extra, path: Path, what: str, arrived: Callable[[int], None]
) -> None:
    """Make ``path`` the file that was listed; what it holds already is taken for its beginning.

    Raises:
        KeyNotFound: There is no such object.
        SnapshotDamaged: The object is shorter, or has other bytes. ``path`` is gone then.
    """
    begun = path.stat().st_size if path.exists() else 0
    if begun > file.size_bytes:
        path.unlink()
        begun = 0
    digest = _fetch_rest(store, key, file, path, what, arrived)
    if digest != file.sha256 and begun:
        # The beginning may be another's, or a disk's; what is wrong the second time is the lake's.
        path.unlink()
        digest = _fetch_rest(store, key, file, path, what, arrived)
    if digest != file.sha256:
        path.unlink()
        raise SnapshotDamaged(
            f"{what} arrived with sha256 {digest[:12]}…, the manifest says {file.sha256[:12]}…. "
            "Pull again; if it fails twice, tell who runs the lake."
        )


def _fetch_rest(
    store: Store, key: str, file: PartEntry | Extra, path: Path, what: str, arrived: Callable[[int], None]
) -> str:
    """Hash what is there and what arrives after it, in one pass: no byte is read twice to be verified."""
    with path.open("a+b") as body:
        digest, size = hashlib.sha256(), 0
        body.seek(0)
        while block := body.read(BLOCK_BYTES):
            digest.update(block)
            size += len(block)
        arrived(size)
        if size < file.size_bytes:
            for block in store.stream(key, start=size, length=file.size_bytes - size):
                _write(body, block)
                digest.update(block)
                size += len(block)
                arrived(len(block))
    if size < file.size_bytes:
        raise SnapshotDamaged(
            f"{what} ends after {size} bytes, the manifest says {file.size_bytes}. "
            "Pull again; if it fails twice, tell who runs the lake."
        )
    return digest.hexdigest()


def _write(body: BinaryIO, block: bytes) -> None:
    """Write a block in pieces."""
    view = memoryview(block)
    for start in range(0, len(view), PIECE_BYTES):
        body.write(view[start : start + PIECE_BYTES])


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as body:
        return hashlib.file_digest(body, "sha256").hexdigest()
