"""What other processes do in the tests; imported by them, so it imports little."""

from __future__ import annotations

from pathlib import Path

from resift.errors import KeyExists, WriteConflict
from resift.storage import LocalStore, Store


def create_as(root: Path, key: str, body: bytes) -> bool:
    """Say whether this writer was the one that created the object."""
    return wins(LocalStore(root), key, body)


def wins(store: Store, key: str, body: bytes) -> bool:
    try:
        store.create(key, body)
    except KeyExists:
        return False
    return True


def count_up_in(root: Path, key: str, times: int) -> None:
    count_up(LocalStore(root), key, times)


def count_up(store: Store, key: str, times: int) -> None:
    """Add one to a number, as often as told, repeating whenever another writer was first."""
    for _ in range(times):
        while True:
            before = store.stat(key)
            assert before is not None
            number = int(store.get(key))
            try:
                store.swap(key, str(number + 1).encode(), etag=before.etag)
                break
            except WriteConflict:
                continue
