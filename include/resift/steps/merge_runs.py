"""Merge the runs of one interval of PRNs into one, in bounded memory, and leave out what no answer needs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from resift.core.compact import keep_observations, order_of
from resift.core.cut import add_counts
from resift.model import keys
from resift.model.compaction import CompactionPlan, IntervalReceipt
from resift.model.observation import CARRIED_TYPES, run_schema
from resift.model.pool import RunEntry
from resift.steps.runs import PoolReader
from resift.steps.sorted_run import SortedRun, write_run
from resift.storage import LocalStore, Store

MOST_RUNS = 24
"""Runs read side by side. Of each one row group is held, all columns of it; more than so many are merged in turns."""


_DECIDES = ("image_id", "observed_at", "owner_id")

Keep = Callable[[pa.Table, np.ndarray], np.ndarray]
"""Given observations and the positions that sort them, returns those to keep, in that order."""


def merge_interval(store: Store, plan: CompactionPlan, index: int) -> IntervalReceipt:
    """Write the run of one interval. May be repeated: it writes the same bytes.

    Raises:
        PoolError: A run lies differently from what its document says.
    """
    lo, hi = plan.intervals[index].lo, plan.intervals[index].hi
    schema = run_schema(pa.schema([(name, CARRIED_TYPES[kind]) for name, kind in plan.carried.items()]))
    counts = _Counts()

    def keep(rows: pa.Table, order: np.ndarray) -> np.ndarray:
        split = keep_observations(rows.select(_DECIDES).take(pa.array(order)), plan.memory)
        counts.observations += len(rows)
        counts.removed = add_counts([counts.removed, split.counts()])
        return order[split.kept]

    with tempfile.TemporaryDirectory(prefix="resift-compact-") as scratch:
        runs = [run for run in plan.inputs if run.prn_min < hi and lo <= run.prn_max]
        merged = _Merger(Path(scratch), schema, lo, hi).merge(store, runs, keep)
        key = keys.compacted_run(plan.pool, plan.compaction_id, index)
        if merged.rows:
            store.put_file(key, merged.path)
        return IntervalReceipt(
            index=index,
            observations=counts.observations,
            removed=counts.removed,
            run=merged.entry(key, carried=plan.carried) if merged.rows else None,
        )


@dataclass(slots=True)
class _Counts:
    observations: int = 0
    removed: dict[str, int] = field(default_factory=dict)


class _Merger:
    """Merges runs of one interval into files of a scratch folder."""

    def __init__(self, folder: Path, schema: pa.Schema, lo: int, hi: int) -> None:
        self._folder, self._schema, self._lo, self._hi = folder, schema, lo, hi
        self._turns = 0

    def merge(self, store: Store, runs: Sequence[RunEntry], keep: Keep) -> SortedRun:
        while len(runs) > MOST_RUNS:
            store, runs = LocalStore(self._folder), self._merge_some(store, runs)
        path = self._next_path()
        return write_run(self._sorted(store, runs, keep), path, schema=self._schema, origin={})

    def _merge_some(self, store: Store, runs: Sequence[RunEntry]) -> list[RunEntry]:
        """Merge ``MOST_RUNS`` at a time, leaving nothing out: what is left out at last sees all of an item."""
        merged = []
        for at in range(0, len(runs), MOST_RUNS):
            path = self._next_path()
            slices = self._sorted(store, runs[at : at + MOST_RUNS], lambda _, order: order)
            run = write_run(slices, path, schema=self._schema, origin={})
            if run.rows:
                merged.append(run.entry(path.name, carried={}))
        return merged

    def _sorted(self, store: Store, runs: Sequence[RunEntry], keep: Keep) -> Iterator[pa.Table]:
        reader = PoolReader(store, runs, self._schema)
        for first, last in reader.slices(self._lo, self._hi):
            rows = reader.read(first, last)
            if len(rows):
                # Wide rows are taken once, when it is known which of them stay.
                yield rows.take(pa.array(keep(rows, order_of(rows))))

    def _next_path(self) -> Path:
        self._turns += 1
        return self._folder / f"{self._turns:06d}.parquet"
