"""Found a pool: write its identity, once and for good."""

from __future__ import annotations

import secrets
import string
from contextlib import suppress

from resift.errors import KeyExists, KeyNotFound, PoolError
from resift.model import keys
from resift.model.pool import Pool
from resift.steps.pools import read_pool
from resift.storage import Store

_LETTERS = string.ascii_letters + string.digits


def ensure_pool(store: Store, pool: str, *, salt: str | None = None) -> Pool:
    """Return a pool's identity, and found the pool first if there is none. Of several founders one wins.

    Args:
        store: The lake.
        pool: Its name.
        salt: 16 characters of ASCII for a pool to be founded; random if not given.

    Raises:
        PoolError: The pool exists with another salt than the one asked for.
    """
    key = keys.pool(pool)
    try:
        store.get(key)
    except KeyNotFound:
        founded = Pool(pool=pool, salt=salt or "".join(secrets.choice(_LETTERS) for _ in range(16)))
        with suppress(KeyExists):  # another founder was first: its salt holds
            store.create(key, founded.to_json())
    identity = read_pool(store, pool)
    if salt is not None and salt != identity.salt:
        raise PoolError(
            f"pool {pool}: exists in {store.url} with another salt than the one given. A pool's salt never changes; "
            "leave the salt away, or name another pool."
        )
    return identity
