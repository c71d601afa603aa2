"""Suppress an image or an owner: it is never sampled again."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from resift.core.prn import permanent_random_numbers
from resift.core.suppression import Kind, suppression_digest
from resift.errors import KeyExists
from resift.model import keys
from resift.model.observation import PRN
from resift.model.suppression import Suppression
from resift.steps.pools import read_pool, read_state
from resift.steps.runs import PoolReader
from resift.storage import Store


def suppress(
    store: Store, *, pool: str, kind: Kind, identifier: str, request: str, requested_at: datetime
) -> Suppression:
    """Write a suppression; the id is kept as a keyed hash only. Suppressing twice changes nothing.

    Danger:
        There is no way back. From the next refresh on the item is in no new snapshot.

    Raises:
        PoolNotFound: There is no such pool.
    """
    salt = read_pool(store, pool).salt
    return write_suppression(
        store, make_suppression(pool, kind, identifier, salt=salt, request=request, requested_at=requested_at)
    )


def make_suppression(
    pool: str, kind: Kind, identifier: str, *, salt: str, request: str, requested_at: datetime
) -> Suppression:
    """Return the entry for an id, without writing it."""
    return Suppression(
        pool=pool,
        kind=kind,
        number=int(permanent_random_numbers(pa.array([identifier]), salt=salt)[0]),
        digest=suppression_digest(kind, identifier, salt=salt),
        request=request,
        requested_at=requested_at,
    )


def write_suppression(store: Store, entry: Suppression) -> Suppression:
    """Write an entry, or return the one that says the same already."""
    key = keys.suppression(entry.pool, entry.digest)
    try:
        store.create(key, entry.to_json())
    except KeyExists:
        return Suppression.from_json(store.get(key), what=key)
    return entry


def number_of(store: Store, pool: str, image_id: str) -> int:
    """Return the PRN of an image, which needs the pool's salt."""
    return int(permanent_random_numbers(pa.array([image_id]), salt=read_pool(store, pool).salt)[0])


def count_observations(store: Store, pool: str, image_id: str) -> int:
    """Return how many observations of an image the pool holds, reading only the row groups its PRN lies in."""
    number = number_of(store, pool, image_id)
    schema = pa.schema([(PRN, pa.int64()), ("image_id", pa.string())])
    rows = PoolReader(store, read_state(store, pool).runs, schema).read(number, number + 1)
    return int(pc.sum(pc.equal(rows["image_id"], image_id)).as_py() or 0)
