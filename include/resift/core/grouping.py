"""Put ranges together into tasks: of about equally many bytes to read, and no more than a scheduler can map."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from resift.core.circle import intervals
from resift.model.pool import RunEntry
from resift.model.refresh import Range

MOST_TASKS = 256
"""Tasks a step is mapped over at most, unless told otherwise: enough for as many workers, and each waits its turn."""

MAPPABLE_TASKS = 1_024
"""What Airflow maps at most, unless `core.max_map_length` says otherwise."""

TASK_BYTES = 128 << 20
"""Bytes of runs a task of a scheduler should find to read: some four seconds of work, ten times what a task costs."""


def bytes_to_read(runs: Sequence[RunEntry], ranges: Sequence[Range], *, start: int) -> np.ndarray:
    """Return about how many bytes of the runs lie in each range, from their row-group index alone."""
    pieces = [(number, *piece) for number, one in enumerate(ranges) for piece in intervals(one.lo, one.hi, start=start)]
    place, lo, hi = (np.array(column) for column in zip(*pieces, strict=True))
    found = np.zeros(len(ranges))
    for run in runs:
        # Between the beginnings of two row groups PRNs are uniform.
        firsts = np.array([*run.row_group_first, run.prn_max + 1], dtype=np.float64)
        before = np.append(0, np.cumsum(run.row_group_rows)) * (run.size_bytes / run.rows)
        np.add.at(found, place, np.interp(hi, firsts, before) - np.interp(lo, firsts, before))
    return found


def group_ranges(sizes: np.ndarray, *, task_bytes: int, most: int) -> list[range]:
    """Divide ranges, by their position, into consecutive groups, none of them empty and at most so many.

    A group is over its equal share by less than the largest range.

    Args:
        sizes: Bytes of each range, in order.
        task_bytes: Bytes a group should hold at least, on average.
        most: Groups at most, at least 1.
    """
    total = float(sizes.sum())
    share = max(total / min(most, len(sizes)), task_bytes) if total else 1.0
    # A range belongs to the group in whose share its middle lies.
    group = np.minimum((np.cumsum(sizes) - sizes / 2) // share, most - 1)
    bounds = [0, *(np.flatnonzero(np.diff(group)) + 1).tolist(), len(sizes)]
    return [range(lo, hi) for lo, hi in pairwise(bounds)]
