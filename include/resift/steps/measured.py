"""Read what was staged for the judge many objects at a time, and name it by one digest."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from resift.errors import KeyNotFound, StagingError
from resift.model.document import canonical_json, sha256_hex
from resift.model.keys import Staging
from resift.model.refresh import CutReceipt, Plan
from resift.storage import Store, together

READERS = 16
"""Objects read at once: one request to S3 takes 10 to 50 ms, and a thousand parts have a thousand tallies."""

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


def staged(store: Store, key: str, *, by: str, of: str = "") -> bytes:
    """Return an object that a step staged.

    Raises:
        StagingError: It is not there; ``of`` says what it would hold.
    """
    try:
        return store.get(key)
    except KeyNotFound as error:
        raise StagingError(
            f"{store.url}/{key}: found nothing, expected what {by} stages{of}. Run {by} of this refresh again."
        ) from error


def as_table(url: str, key: str, body: bytes, *, by: str, columns: Sequence[str] | None = None) -> pa.Table:
    """Return an object that a step staged as Parquet.

    Raises:
        StagingError: It is none.
    """
    try:
        # Of thousands of files of some kilobytes, `read_table` takes five times as long to begin with each.
        return pq.ParquetFile(pa.BufferReader(body)).read(columns=columns, use_threads=False)
    except (pa.ArrowInvalid, OSError) as error:
        raise StagingError(
            f"{url}/{key}: not readable as Parquet ({error}), expected what {by} stages. "
            f"Run {by} of this refresh again."
        ) from error


def digest_of(names: Iterable[tuple[str, str]]) -> str:
    """Return one digest over objects, each told by its key and its SHA-256, in whatever order."""
    return sha256_hex(canonical_json(sorted(names)))


def parts_by_group(plan: Plan, cut: CutReceipt) -> dict[int, list[int]]:
    """Return the parts that each group audits, by their places in the cut; groups without any are left out.

    A range the cut sifted beyond the plan goes with those before it, so that the parts of all groups are in order.
    """
    firsts, found = [indexes[0] for indexes in plan.groups], defaultdict[int, list[int]](list)
    for place, index in enumerate(cut.ranges):
        found[bisect_right(firsts, index) - 1].append(place)
    return dict(found)


def measured_digest(store: Store, staging: Staging, plan: Plan, cut: CutReceipt) -> str:
    """Return the digest of the measurements that lie there for the parts of a cut; what is missing has none."""
    keys = [staging.metrics(group) for group in parts_by_group(plan, cut)]
    return digest_of(zip(keys, together(partial(_sha256_at, store), keys), strict=True))


def _sha256_at(store: Store, key: str) -> str:
    try:
        return sha256_hex(store.get(key))
    except KeyNotFound:
        return ""
