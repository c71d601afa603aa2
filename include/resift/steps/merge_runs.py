"""Merge the runs of one interval of PRNs into one, in bounded memory, and leave out what no answer needs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from resift.core.compact import divide, first_observed, order_of
from resift.core.cut import add_counts
from resift.model import keys
from resift.model.compaction import CompactionPlan, Interval, IntervalReceipt
from resift.model.observation import CARRIED_TYPES, FIRST_OBSERVED, run_schema
from resift.model.pool import RunEntry
from resift.steps.runs import PoolReader
from resift.steps.sorted_run import RunWriter, SortedRun, write_run
from resift.storage import LocalStore, Store

MOST_RUNS = 24
"""Runs read side by side. Of each one row group is held, all columns of it; more than so many are merged in turns."""

MOST_BYTES = 32 << 20
"""Bytes of those row groups together, as they are stored: of wide rows, fewer runs are read side by side."""

_DECIDES = ("image_id", "observed_at", "owner_id", FIRST_OBSERVED.name)


def merge_interval(store: Store, plan: CompactionPlan, index: int) -> IntervalReceipt:
    """Write the runs of one interval. May be repeated: it writes the same bytes.

    Raises:
        PoolError: A run lies differently from what its document says.
    """
    interval = plan.intervals[index]
    schema = _schema(plan)
    observations, removed = 0, dict[str, int]()
    with tempfile.TemporaryDirectory(prefix="resift-compact-") as scratch:
        folder = Path(scratch)
        current = RunWriter(folder / "current.parquet", schema=schema)
        past = RunWriter(folder / "past.parquet", schema=schema)
        runs = [run for run in plan.inputs if run.prn_min < interval.hi and interval.lo <= run.prn_max]
        with current, past:
            for rows, order in _Merger(folder, schema, interval).merge(store, runs):
                ordered = rows.select([name for name in _DECIDES if name in schema.names]).take(pa.array(order))
                division = divide(ordered, plan.memory)
                observations, removed = observations + len(rows), add_counts([removed, division.removed])
                if plan.first_observed:
                    first = np.empty(len(rows), dtype=np.int64)
                    first[order] = first_observed(ordered)
                    rows = rows.set_column(len(schema) - 1, FIRST_OBSERVED, pa.array(first).cast(FIRST_OBSERVED.type))
                # Wide rows are taken once, when it is known which of them stay.
                current.write(rows.take(pa.array(order[division.current])))
                if len(division.past):
                    past.write(rows.take(pa.array(order[division.past])))
        return IntervalReceipt(
            index=index,
            observations=observations,
            removed=removed,
            run=_store(store, plan, index, current.finish()),
            past=_store(store, plan, index, past.finish(), past=True),
        )


def _schema(plan: CompactionPlan) -> pa.Schema:
    schema = run_schema(pa.schema([(name, CARRIED_TYPES[kind]) for name, kind in plan.carried.items()]))
    return schema.append(FIRST_OBSERVED) if plan.first_observed else schema


def _store(store: Store, plan: CompactionPlan, index: int, run: SortedRun, *, past: bool = False) -> RunEntry | None:
    if not run.rows:
        return None
    key = keys.compacted_run(plan.pool, plan.compaction_id, index, past=past)
    store.put_file(key, run.path)
    return run.entry(key, carried=plan.carried)


def runs_beside(runs: Sequence[RunEntry]) -> int:
    """Return how many of these runs may be read side by side: at least two, else nothing would be merged."""
    widest = max((run.size_bytes // len(run.row_group_rows) for run in runs), default=0)
    return max(2, min(MOST_RUNS, MOST_BYTES // max(1, widest)))


class _Merger:
    """Reads the runs of one interval in their common order, by way of a scratch folder where they are many."""

    def __init__(self, folder: Path, schema: pa.Schema, interval: Interval) -> None:
        self._folder, self._schema, self._interval = folder, schema, interval
        self._turns = 0

    def merge(self, store: Store, runs: Sequence[RunEntry]) -> Iterator[tuple[pa.Table, np.ndarray]]:
        """Yield slices of the observations, and the positions that sort each; an item is in one slice."""
        while len(runs) > (most := runs_beside(runs)):
            store, runs = LocalStore(self._folder), self._merge_some(store, runs, most)
        reader = PoolReader(store, runs, self._schema)
        for first, last in reader.slices(self._interval.lo, self._interval.hi):
            rows = reader.read(first, last)
            if len(rows):
                yield rows, order_of(rows)

    def _merge_some(self, store: Store, runs: Sequence[RunEntry], most: int) -> list[RunEntry]:
        """Merge so many at a time, leaving nothing out: what is left out at last sees all of an item."""
        merged = []
        for at in range(0, len(runs), most):
            self._turns += 1
            path = self._folder / f"turn-{self._turns:06d}.parquet"
            some = self.merge(store, runs[at : at + most])
            slices = (rows.take(pa.array(order)) for rows, order in some)
            run = write_run(slices, path, schema=self._schema)
            if run.rows:
                merged.append(run.entry(path.name, carried={}))
        return merged
