"""Read what was staged for the judge many objects at a time, and name it by one digest."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from resift.errors import KeyNotFound
from resift.model.document import canonical_json, sha256_hex
from resift.model.keys import Staging
from resift.model.refresh import CutReceipt
from resift.storage import Store, together

READERS = 16
"""Objects read at once: one request to S3 takes 10 to 50 ms, and a thousand parts have two thousand of them."""

One = TypeVar("One")
Other = TypeVar("Other")


def mapped(readers: ThreadPoolExecutor, read: Callable[[One], Other], things: Iterable[One]) -> Iterator[Other]:
    """Read ahead in many threads, in order, but never further than the threads reach: results may be large.

    Threads are for waiting. What is read is best parsed by the one that asks: sixteen that parse take twice as long.
    """
    ahead = deque[Future[Other]]()
    for thing in things:
        if len(ahead) == READERS:
            yield ahead.popleft().result()
        ahead.append(readers.submit(read, thing))
    while ahead:
        yield ahead.popleft().result()


def digest_of(names: Iterable[tuple[str, str]]) -> str:
    """Return one digest over objects, each told by its key and its SHA-256, in whatever order."""
    return sha256_hex(canonical_json(sorted(names)))


def measured_digest(store: Store, staging: Staging, cut: CutReceipt) -> str:
    """Return the digest of the measurements that lie there for the parts of a cut; what is missing has none."""
    keys = [staging.metrics(index) for index in cut.ranges]
    return digest_of(zip(keys, together(partial(_sha256_at, store), keys), strict=True))


def _sha256_at(store: Store, key: str) -> str:
    try:
        return sha256_hex(store.get(key))
    except KeyNotFound:
        return ""
