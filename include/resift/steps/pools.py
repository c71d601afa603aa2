"""Read what lies in a pool: its identity, its drops and runs, and its suppressions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from resift.errors import KeyNotFound, PoolError, PoolNotFound
from resift.model import keys
from resift.model.compaction import Compaction, Layer
from resift.model.document import canonical_json, sha256_hex
from resift.model.grid import midnight
from resift.model.pool import Drop, Pool, RunEntry
from resift.model.suppression import Suppression
from resift.storage import ObjectStat, Store, together


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


@dataclass(frozen=True, slots=True)
class PoolState:
    """Which runs a pool consists of, told by its documents alone."""

    drops: tuple[Drop, ...]
    """Drops of which not every run was merged by a compaction."""

    compaction: Compaction | None
    """The latest compaction."""

    @property
    def delivered(self) -> tuple[RunEntry, ...]:
        """The runs of drops that no compaction has merged."""
        merged = frozenset(self.compaction.merged_runs if self.compaction else ())
        runs = [file.run for drop in self.drops for file in drop.files if file.run is not None]
        return tuple(run for run in runs if run.sha256 not in merged)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """What compactions wrote."""
        return self.compaction.layers if self.compaction else ()

    @property
    def runs(self) -> tuple[RunEntry, ...]:
        """All runs, in order of their digests: how they were delivered does not matter."""
        return self._sorted(run for layer in self.layers for run in layer.all_runs)

    def runs_for(self, as_of: date, *, previous: date | None = None) -> tuple[RunEntry, ...]:
        """Return the runs that hold each item's last observation before a day, and the newest of all.

        They also tell what was known already by the day of a ``previous`` version, with which one is compared.
        """
        return self._sorted(run for layer in self.layers for run in layer.runs_for(as_of, previous=previous))

    def _sorted(self, compacted: Iterable[RunEntry]) -> tuple[RunEntry, ...]:
        return tuple(sorted([*self.delivered, *compacted], key=lambda run: (run.sha256, run.key)))

    @property
    def digest(self) -> str:
        """One digest over all observations ever delivered, which a compaction does not change."""
        merged = self.compaction.merged_runs if self.compaction else ()
        return sha256_hex(canonical_json(sorted([*merged, *(run.sha256 for run in self.delivered)])))


def read_state(store: Store, pool: str) -> PoolState:
    """Return which runs a pool consists of.

    The compaction is read before the drops are listed: whatever it merged it still holds, and a drop or a compaction
    that comes in between is either seen whole or not at all.
    """
    compaction = find_compaction(store, pool)
    merged = {keys.drop(pool, drop_id) for drop_id in compaction.merged_drops} if compaction else set()
    unmerged = [stat.key for stat in store.list(keys.drops(pool)) if stat.key not in merged]
    bodies = together(store.get, unmerged)
    drops = tuple(Drop.from_json(body, what=key) for key, body in zip(unmerged, bodies, strict=True))
    return PoolState(drops, compaction)


def require_memory(state: PoolState, *, as_of: date, known_at: datetime, max_age: timedelta) -> None:
    """Refuse a question whose answer a compaction no longer holds, instead of answering from what is left.

    Raises:
        PoolError: ``as_of`` is none of the dates that were kept, or ``known_at`` or ``max_age`` reach back too far.
    """
    if state.compaction is None:
        return
    memory, pool = state.compaction.memory, state.compaction.pool
    if not memory.knows(as_of):
        near = [day for day in memory.dates if day < as_of][-1:] + [day for day in memory.dates if day > as_of][:1]
        raise PoolError(
            f"pool {pool}: as_of {as_of} was not among the grid dates when the pool was compacted, so what was there "
            f"then is no longer known; expected a kept date, such as {' or '.join(map(str, near))}, or one from "
            f"{memory.horizon} on. Refresh one of those."
        )
    if known_at < midnight(memory.horizon):
        raise PoolError(
            f"pool {pool}: known_at {known_at:%Y-%m-%d %H:%M %Z} lies before {memory.horizon}, up to which the pool "
            "was compacted, expected an instant from then on. Leave known_at out to judge rights as of now."
        )
    if as_of - max_age < memory.expired_before:
        raise PoolError(
            f"pool {pool}: items last observed before {memory.expired_before} were forgotten when the pool was "
            f"compacted, as_of {as_of} with max_age {max_age.days}d looks back to {as_of - max_age}. Refresh a date "
            f"from {memory.expired_before + max_age} on."
        )


def find_compaction(store: Store, pool: str) -> Compaction | None:
    """Return the latest compaction of a pool, or None if there was none yet."""
    last = None
    for stat in store.list(keys.compactions(pool)):
        last = stat.key  # in UTF-8 order, which for numbers of equal length is theirs
    return Compaction.from_json(store.get(last), what=last) if last else None


def read_suppressions(store: Store, pool: str) -> tuple[list[Suppression], str]:
    """Return a pool's suppressions, and one digest over all of them."""
    stats = list(store.list(keys.suppressions(pool)))
    unread = [stat for stat in stats if (store.url, stat) not in _READ]
    for stat, body in zip(unread, together(store.get, [stat.key for stat in unread]), strict=True):
        _READ[store.url, stat] = Suppression.from_json(body, what=stat.key)
    entries = [_READ[store.url, stat] for stat in stats]
    return entries, sha256_hex(canonical_json(sorted((entry.kind, entry.digest) for entry in entries)))


_READ: dict[tuple[str, ObjectStat], Suppression] = {}
"""Suppressions this process has read: each step asks for all of them, and what an etag stands for does not change."""
