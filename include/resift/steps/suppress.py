"""Suppress an image or an owner: it is never sampled again."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa

from resift.core.prn import permanent_random_numbers
from resift.core.suppression import Kind, suppression_digest
from resift.errors import KeyExists
from resift.model import keys
from resift.model.suppression import Suppression
from resift.steps.pools import read_pool
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
    digest = suppression_digest(kind, identifier, salt=salt)
    entry = Suppression(
        pool=pool,
        kind=kind,
        number=int(permanent_random_numbers(pa.array([identifier]), salt=salt)[0]),
        digest=digest,
        request=request,
        requested_at=requested_at,
    )
    key = keys.suppression(pool, digest)
    try:
        store.create(key, entry.to_json())
    except KeyExists:
        return Suppression.from_json(store.get(key), what=key)
    return entry
