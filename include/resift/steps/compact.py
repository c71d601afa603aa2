"""Compact a pool: plan what to merge, merge it interval by interval, commit. Nothing shows before the commit."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial

from resift.client.snapshots import find_manifest, list_datasets, list_versions
from resift.core.compact import INTERVAL_ROWS, Asked, choose_layers, growth_at, is_rewrite, memory_needed, split_circle
from resift.core.cut import add_counts
from resift.core.grouping import MOST_TASKS
from resift.errors import ConfigError, KeyExists, PoolError, StagingError, WriteConflict
from resift.model import keys
from resift.model.compaction import Compaction, CompactionPlan, Interval, IntervalReceipt, Layer, Replaced
from resift.model.dataset import Dataset
from resift.model.pool import RunEntry
from resift.steps.mapper import mapper
from resift.steps.merge_runs import merge_interval
from resift.steps.pools import PoolState, find_compaction, read_pool, read_state
from resift.storage import Store


def compact(
    store: Store, *, pool: str, datasets: Sequence[Dataset], now: datetime, workers: int = 1
) -> Compaction | None:
    """Merge the runs of a pool, so that a refresh reads few; None if they are few enough.

    Answers for the grid dates of the datasets, and for every date to come, stay what they are. A compaction that was
    interrupted goes on after the last finished interval.

    Args:
        store: The lake.
        pool: The pool.
        datasets: Dataset files; those over other pools do not matter, and published datasets are known without.
        now: Up to when grid dates have come.
        workers: Intervals merged at a time, at least 1.

    Raises:
        PoolNotFound: There is no such pool.
        ConfigError: No dataset is known that is drawn from the pool.
        WriteConflict: Another compaction was committed meanwhile.
    """
    plan = plan_compaction(store, pool=pool, datasets=datasets, now=now)
    if plan is None:
        return None
    run = mapper(store, workers)
    run(partial(merge_group, pool=pool, compaction_id=plan.compaction_id), len(plan.groups))
    return commit_compaction(store, pool=pool, compaction_id=plan.compaction_id, now=now)


def plan_compaction(
    store: Store,
    *,
    pool: str,
    datasets: Sequence[Dataset],
    now: datetime,
    interval_rows: int = INTERVAL_ROWS,
) -> CompactionPlan | None:
    """Freeze what a compaction merges, or return None where the runs are few enough.

    Args:
        store: The lake.
        pool: The pool.
        datasets: Dataset files; those over other pools do not matter. Published datasets are known without.
        now: Up to when grid dates have come.
        interval_rows: Observations merged into one run, at most.

    Raises:
        PoolNotFound: There is no such pool.
        ConfigError: No dataset is known that is drawn from the pool.
    """
    read_pool(store, pool)
    state = read_state(store, pool)
    number = state.compaction.number + 1 if state.compaction else 1
    asked = _asked(store, pool, datasets)
    memory = memory_needed(asked, now=now, before=state.compaction.memory if state.compaction else None)
    units, carried = _alike(_units(state))
    oldest = [unit.oldest for unit in units]
    rows, growth = [unit.rows for unit in units], growth_at(asked, now=now)
    count = choose_layers(rows, oldest, horizon=memory.horizon, growth=growth)
    if not count:
        return None
    rewrite = is_rewrite(oldest, horizon=memory.horizon)
    inputs = [run for unit in units[:count] for run in (unit.all_runs if rewrite or unit.whole else unit.runs)]
    names = {name for run in inputs for name in run.carried}
    circle = split_circle(sum(run.rows for run in inputs), interval_rows=interval_rows)
    intervals = [Interval(lo=lo, hi=hi) for lo, hi in circle]
    size = -(-len(intervals) // MOST_TASKS)
    plan = CompactionPlan(
        pool=pool,
        number=number,
        memory=memory,
        inputs=tuple(sorted(inputs, key=lambda run: (run.sha256, run.key))),
        carried={name: carried[name] for name in sorted(names)},
        intervals=tuple(intervals),
        groups=tuple(tuple(range(at, min(at + size, len(intervals)))) for at in range(0, len(intervals), size)),
        first_observed=True,
        planned_at=now.astimezone(UTC),
    )
    # Where it was planned before, that plan has the same inputs, and what it has done is not done again.
    with suppress(KeyExists):
        store.create(keys.compaction_plan(pool, plan.compaction_id), plan.to_json())
    return plan


def merge_group(store: Store, *, pool: str, compaction_id: str, group: int) -> int:
    """Merge the intervals of one group that have not been merged yet; return how many observations were kept."""
    plan = read_compaction_plan(store, pool, compaction_id)
    kept = 0
    for index in plan.groups[group]:
        receipt = _read_receipt(store, plan, index)
        if receipt is None:
            receipt = merge_interval(store, plan, index)
            store.put(keys.interval_receipt(pool, compaction_id, index), receipt.to_json())
        kept += receipt.kept
    return kept


def commit_compaction(store: Store, *, pool: str, compaction_id: str, now: datetime) -> Compaction:
    """Let the merged runs stand for those they were merged from, all at once.

    Committing what is committed changes nothing.

    Raises:
        StagingError: An interval was not merged.
        PoolError: The books do not balance: some observation was neither kept nor counted as removed.
        WriteConflict: Another compaction was committed meanwhile; what this one wrote is removed.
    """
    head = find_compaction(store, pool)
    if head is None or head.compaction_id != compaction_id:
        plan = read_compaction_plan(store, pool, compaction_id)
        head = _commit(store, plan, now)
    clean_up(store, pool, compaction_id)
    return head


def _commit(store: Store, plan: CompactionPlan, now: datetime) -> Compaction:
    receipts = [_read_receipt(store, plan, index) for index in range(len(plan.intervals))]
    done = [receipt for receipt in receipts if receipt is not None]
    if len(done) != len(receipts):
        raise StagingError(
            f"compaction {plan.compaction_id} of pool {plan.pool}: {len(done)} of {len(receipts)} intervals merged, "
            "expected all. Merge the missing groups, then commit."
        )
    document = _document(read_state(store, plan.pool), plan, done, now)
    try:
        store.create(keys.compaction(plan.pool, plan.number), document.to_json())
    except KeyExists:
        winner = Compaction.from_json(
            store.get(keys.compaction(plan.pool, plan.number)), what=keys.compaction(plan.pool, plan.number)
        )
        if winner.compaction_id == plan.compaction_id:
            return winner
        _discard(store, plan)
        raise WriteConflict(
            f"compaction {plan.compaction_id} of pool {plan.pool}: another was committed meanwhile, expected none. "
            "Nothing is lost; compact again."
        ) from None
    return document


def _document(state: PoolState, plan: CompactionPlan, done: Sequence[IntervalReceipt], now: datetime) -> Compaction:
    before = state.compaction
    kept, removed = sum(receipt.kept for receipt in done), add_counts(receipt.removed for receipt in done)
    read = sum(run.rows for run in plan.inputs)
    if not read == sum(receipt.observations for receipt in done) == kept + sum(removed.values()):
        raise PoolError(
            f"compaction {plan.compaction_id} of pool {plan.pool}: the runs hold {read:,} observations, found {kept:,} "
            f"kept and {sum(removed.values()):,} removed. A run was replaced; restore it from a copy of the lake."
        )
    inputs = {run.sha256 for run in plan.inputs}
    merged = {*(before.merged_runs if before else ()), *(run.sha256 for run in state.delivered if run.sha256 in inputs)}
    merged_layers = [layer for layer in state.layers if inputs.intersection(run.sha256 for run in layer.all_runs)]
    rest = [layer for layer in state.layers if layer not in merged_layers]
    past = [run for layer in merged_layers for run in layer.past if run.sha256 not in inputs]
    written = Layer(
        runs=tuple(receipt.run for receipt in done if receipt.run is not None),
        past=(*past, *(receipt.past for receipt in done if receipt.past is not None)),
        past_since=min(layer.oldest for layer in merged_layers) if past else None,
        current=plan.memory.current,
        first_observed=plan.first_observed,
    )
    whole = [
        drop.drop_id
        for drop in state.drops
        if all(file.run is None or file.run.sha256 in merged for file in drop.files)
    ]
    return Compaction(
        pool=plan.pool,
        number=plan.number,
        compaction_id=plan.compaction_id,
        compacted_at=now.astimezone(UTC),
        memory=plan.memory,
        inputs=tuple(Replaced(key=run.key, sha256=run.sha256, rows=run.rows) for run in plan.inputs),
        observations=read,
        kept=kept,
        removed=removed,
        layers=(*rest, *([written] if written.rows else [])),
        merged_drops=tuple(sorted({*(before.merged_drops if before else ()), *whole})),
        merged_runs=tuple(sorted(merged)),
        removed_ever=add_counts([before.removed_ever if before else {}, removed]),
    )


def clean_up(store: Store, pool: str, compaction_id: str) -> None:
    """Remove plan and receipts of a compaction that is over, the plan last."""
    for stat in list(store.list(keys.interval_receipts(pool, compaction_id))):
        store.delete(stat.key)
    store.delete(keys.compaction_plan(pool, compaction_id))


def _discard(store: Store, plan: CompactionPlan) -> None:
    """Remove what a compaction wrote that can never be committed any more, because its number is taken."""
    for index in range(len(plan.intervals)):
        for past in (False, True):
            store.delete(keys.compacted_run(plan.pool, plan.compaction_id, index, past=past))
    clean_up(store, plan.pool, plan.compaction_id)


def read_compaction_plan(store: Store, pool: str, compaction_id: str) -> CompactionPlan:
    """Return the plan of a compaction under way."""
    key = keys.compaction_plan(pool, compaction_id)
    return CompactionPlan.from_json(store.get(key), what=key)


def _read_receipt(store: Store, plan: CompactionPlan, index: int) -> IntervalReceipt | None:
    key = keys.interval_receipt(plan.pool, plan.compaction_id, index)
    return IntervalReceipt.from_json(store.get(key), what=key) if store.stat(key) is not None else None


@dataclass(frozen=True, slots=True)
class _Unit:
    """What is merged as one: a run of a drop, or a layer. Its past is not written again at every merge."""

    runs: tuple[RunEntry, ...]
    past: tuple[RunEntry, ...] = ()
    oldest: date | None = None
    whole: bool = False
    """Never without its past: only together they tell when an item was first observed."""

    @property
    def all_runs(self) -> tuple[RunEntry, ...]:
        return (*self.runs, *self.past)

    @property
    def rows(self) -> int:
        return sum(run.rows for run in self.runs)


def _units(state: PoolState) -> list[_Unit]:
    units = [_Unit((run,)) for run in state.delivered]
    units += [_Unit(layer.runs, layer.past, layer.oldest, not layer.first_observed) for layer in state.layers]
    return sorted(units, key=lambda unit: (unit.rows, unit.all_runs[0].sha256))


def _alike(units: Sequence[_Unit]) -> tuple[list[_Unit], dict[str, str]]:
    """Return the units that carry no column in another type than a larger unit does, and all their columns."""
    carried: dict[str, str] = {}
    alike = []
    for unit in reversed(units):
        columns = {name: kind for run in unit.all_runs for name, kind in run.carried.items()}
        if all(carried.get(name, kind) == kind for name, kind in columns.items()):
            carried |= columns
            alike.append(unit)
    return alike[::-1], carried


def _asked(store: Store, pool: str, datasets: Sequence[Dataset]) -> list[Asked]:
    """Return what datasets may ask of the pool: by their files, and by their latest version as it was published."""
    known = [dataset for dataset in datasets if dataset.pool == pool]
    versions = {name: list_versions(store, name) for name in list_datasets(store)}
    for name, published in versions.items():
        manifest = find_manifest(store, name, published[-1])
        if manifest is not None and manifest.pool == pool and manifest.config not in known:
            known.append(manifest.config)
    if not known:
        raise ConfigError(
            f"pool {pool}: found no dataset over it, expected at least one, whose grid dates say what to keep. "
            "Set RESIFT_DATASETS to the folder of the dataset files."
        )
    return [
        Asked(
            grid=dataset.grid,
            max_age=dataset.max_age,
            retention=dataset.retention,
            versions=tuple(versions.get(dataset.name, ())),
        )
        for dataset in known
    ]
