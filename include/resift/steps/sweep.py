"""Sweep a pool: delete runs that compactions replaced, once nobody can be reading them any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from resift.errors import KeyNotFound, StagingError
from resift.model import keys
from resift.model.compaction import Compaction, CompactionPlan, Sweep
from resift.steps.plan import find_plan
from resift.steps.pools import read_pool, read_state
from resift.steps.under_way import all_under_way
from resift.storage import Store

GRACE = timedelta(days=7)
"""How long a replaced run stays at least. Who read the pool before the compaction has planned or failed by then."""


def plan_sweep(store: Store, *, pool: str, now: datetime, grace: timedelta = GRACE) -> Sweep:
    """Find what nobody needs any more: replaced runs, and what compactions left that were overtaken by another.

    A run stays while the plan of a refresh under way names it, however long ago it was replaced.

    Raises:
        PoolNotFound: There is no such pool.
        StagingError: The plan of a refresh under way cannot be read, so nobody knows what it needs.
    """
    read_pool(store, pool)
    compactions = [Compaction.from_json(store.get(s.key), what=s.key) for s in store.list(keys.compactions(pool))]
    there = {stat.key: stat.size_bytes for prefix in _prefixes(pool) for stat in store.list(prefix)}
    due = {
        replaced.key
        for compaction in compactions
        if compaction.compacted_at + grace <= now
        for replaced in compaction.inputs
    }
    due.update(_abandoned(store, pool, compactions, there, before=now - grace))
    due -= {run.key for run in read_state(store, pool).runs}
    held = {
        plan: tuple(sorted(named & due & there.keys()))
        for plan, named in _named_by_plans(store)
        if named & due & there.keys()
    }
    free = (due & there.keys()).difference(*held.values())
    # A plan goes after what it names, so that a sweep that was interrupted finds the rest again.
    chosen = tuple(sorted(free, key=lambda key: (key.endswith("/plan.json"), key)))
    return Sweep(pool=pool, keys=chosen, held=held, size_bytes=sum(there[key] for key in chosen))


def sweep(
    store: Store,
    *,
    pool: str,
    now: datetime,
    grace: timedelta = GRACE,
    dry_run: bool = True,
    digest: str | None = None,
) -> Sweep:
    """Delete what ``plan_sweep`` finds, if it is what the digest says; by default only find it.

    Danger:
        What is deleted is gone. No answer needs it: its observations lie in the runs of a compaction. But a refresh
        that was planned before, and whose plan was lost, must be planned anew.

    Args:
        store: The lake.
        pool: The pool.
        now: Wall clock.
        grace: How long a run stays after it was replaced.
        dry_run: Delete nothing.
        digest: Of the sweep that was looked at; with ``dry_run`` it is not needed.

    Raises:
        StagingError: The digest is that of another sweep. Nothing is deleted.
    """
    found = plan_sweep(store, pool=pool, now=now, grace=grace)
    if dry_run:
        return found
    if digest is not None and (begun := _find_begun(store, pool, digest)) is not None:
        _delete(store, digest, begun, only=set(found.keys))
        return begun
    if digest != found.digest:
        raise StagingError(
            f"sweep of pool {pool}: digest {digest} was given, what can be deleted now has {found.digest}. "
            "Nothing was deleted; look at the sweep again, and give the digest it shows."
        )
    store.create(keys.sweep(pool, found.digest), found.to_json())
    _delete(store, found.digest, found, only=set(found.keys))
    return found


def _delete(store: Store, digest: str, chosen: Sweep, *, only: set[str]) -> None:
    for key in chosen.keys:
        if key in only:
            store.delete(key)
    store.delete(keys.sweep(chosen.pool, digest))


def _find_begun(store: Store, pool: str, digest: str) -> Sweep | None:
    """Return a sweep that was begun and interrupted: it was agreed to, and what is left of it has another digest."""
    key = keys.sweep(pool, digest)
    try:
        return Sweep.from_json(store.get(key), what=key)
    except KeyNotFound:
        return None


def _prefixes(pool: str) -> tuple[str, ...]:
    return keys.runs(pool), keys.compacted(pool), keys.compacting(pool)


def _abandoned(
    store: Store, pool: str, compactions: list[Compaction], there: dict[str, int], *, before: datetime
) -> Iterator[str]:
    """Yield what compactions left behind whose number is taken, so that they can never be committed any more."""
    taken = {compaction.number for compaction in compactions}
    committed = {compaction.compaction_id for compaction in compactions}
    for key in [key for key in there if key.startswith(keys.compacting(pool)) and key.endswith("/plan.json")]:
        plan = CompactionPlan.from_json(store.get(key), what=key)
        if plan.number not in taken or plan.planned_at is None or plan.planned_at > before:
            continue
        yield from (other for other in there if other.startswith(key.removesuffix("plan.json")))
        if plan.compaction_id not in committed:
            yield from (other for other in there if other.startswith(f"{keys.compacted(pool)}{plan.compaction_id}-"))


def _named_by_plans(store: Store) -> Iterator[tuple[str, set[str]]]:
    """Yield the plan of each refresh under way, and the runs it names."""
    for staging in all_under_way(store):
        if (plan := find_plan(store, staging)) is not None:
            yield staging.plan, {run.key for run in plan.runs}
