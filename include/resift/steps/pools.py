"""Read what lies in a pool: its identity, its drops and runs, and its suppressions."""

from __future__ import annotations

from resift.errors import KeyNotFound, PoolNotFound
from resift.model import keys
from resift.model.document import canonical_json, sha256_hex
from resift.model.pool import Drop, Pool, RunEntry
from resift.model.suppression import Suppression
from resift.storage import Store


def read_pool(store: Store, pool: str) -> Pool:
    """Return a pool's identity.

    Raises:
        PoolNotFound: There is no such pool; the message lists those there are.
    """
    try:
        return Pool.from_json(store.get(keys.pool(pool)), what=keys.pool(pool))
    except KeyNotFound as error:
        names = sorted({stat.key.split("/")[1] for stat in store.list(keys.POOLS)})
        raise PoolNotFound(
            f"pool {pool}: not found in {store.url}, expected one of: {', '.join(names) or 'none yet'}. "
            "Ingest a drop first, or correct `pool:` of the dataset."
        ) from error


def read_drops(store: Store, pool: str) -> list[Drop]:
    """Return the drops in a pool, in order of their ids."""
    return [Drop.from_json(store.get(stat.key), what=stat.key) for stat in store.list(keys.drops(pool))]


def runs_of(drops: list[Drop]) -> tuple[RunEntry, ...]:
    """Return the runs of all drops, in order of their digests: how they were delivered does not matter."""
    runs = [file.run for drop in drops for file in drop.files if file.run is not None]
    return tuple(sorted(runs, key=lambda run: (run.sha256, run.key)))


def read_suppressions(store: Store, pool: str) -> tuple[list[Suppression], str]:
    """Return a pool's suppressions, and one digest over all of them."""
    entries = [Suppression.from_json(store.get(s.key), what=s.key) for s in store.list(keys.suppressions(pool))]
    return entries, sha256_hex(canonical_json(sorted((entry.kind, entry.digest) for entry in entries)))
