"""Compaction: which runs to merge, which dates must stay answerable, and which observations that takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from resift.core.frame import microseconds
from resift.core.prn import CIRCLE
from resift.core.split import Reasons, Split
from resift.model.compaction import Memory
from resift.model.grid import Grid, midnight
from resift.model.observation import FIRST_OBSERVED, PRN

SUPERSEDED = "superseded"
"""Removed: no grid date is answered by it, and its owner is known from another observation."""

EXPIRED = "expired"
"""Removed: of an item that is stale at every date that can still be asked for."""

GROWTH = 3
"""A run is merged with smaller ones as long as it has at most this many times their rows together."""

EVE = timedelta(days=7)
"""How long before a grid date a compaction is held to be the last, as pools are compacted once a week."""

EVE_GROWTH = 20
"""What ``GROWTH`` is then: the refresh to come reads little more than one observation of each item."""

REWRITE_AFTER = timedelta(days=90)
"""Everything is merged when some of it was written so long ago: dates are no longer promised, and past runs have
become many."""

INTERVAL_ROWS = 4_000_000
"""Observations read for one run of a compaction, at most: the unit of work."""

_ORDER = (PRN, "image_id", "observed_at", "source", "drop", "file", "row_number")


@dataclass(frozen=True, slots=True)
class Asked:
    """What one dataset may ask of the pool."""

    grid: Grid
    max_age: timedelta
    retention: timedelta
    versions: tuple[date, ...]
    """Its published versions."""


def memory_needed(datasets: Sequence[Asked], *, now: datetime, before: Memory | None) -> Memory:
    """Return which dates must stay answerable: the grid dates of versions that are promised to stay, and today.

    No grid date lies between the newest and today, so of what was observed in between the last is enough.
    A refresh of the oldest of them is compared with the version before it, so that version's date, and all since,
    are kept as well. What an earlier compaction did not keep cannot be kept any more.

    Args:
        datasets: All datasets over the pool, at least one.
        now: The instant up to which grid dates have come. Observations made after its day began are all kept.
        before: The memory of the compaction before.
    """
    if before is not None:
        # A clock may go back; the dates between it and the last compaction may still be asked for.
        now = max(now, midnight(before.horizon))
    today = now.astimezone(UTC).date()
    dates, current, expired = {today}, {today}, list[date]()
    for asked in datasets:
        # The newest grid date can be asked for however short the promise is.
        oldest = min(asked.grid.ceil(now - asked.retention), asked.grid.floor(now))
        begin = max((version for version in asked.versions if version < oldest), default=oldest)
        cycles = range(asked.grid.cycle(asked.grid.ceil(midnight(begin))), asked.grid.cycle(asked.grid.floor(now)) + 1)
        dates.update(asked.grid.point(cycle) for cycle in cycles)
        dates.update(version for version in asked.versions if begin <= version <= today)
        if (newest := asked.grid.floor(now)) not in asked.versions:
            current.add(newest)
        expired.append(begin - asked.max_age)
    bound = min(expired)
    if before is not None:
        bound = max(bound, before.expired_before)
        dates = {day for day in dates if before.knows(day)}
        current = {day for day in current if day in dates}
    return Memory(dates=tuple(sorted(dates)), current=tuple(sorted(current)), expired_before=bound)


def growth_at(datasets: Iterable[Asked], *, now: datetime) -> int:
    """Return how many times the rows of smaller runs a larger one may have to be merged with them."""
    return EVE_GROWTH if any(midnight(asked.grid.ceil(now)) - now <= EVE for asked in datasets) else GROWTH


def is_rewrite(oldest: Iterable[date | None], *, horizon: date) -> bool:
    """Return whether it is time to merge everything, by the first day on which anything of each layer was written."""
    return any(day is not None and horizon - day >= REWRITE_AFTER for day in oldest)


def choose_layers(rows: Sequence[int], oldest: Sequence[date | None], *, horizon: date, growth: int = GROWTH) -> int:
    """Return how many of the smallest sorted runs to merge; 0 if they are few enough.

    Each run left is then more than ``growth`` times as large as all smaller ones together: their number grows with
    the logarithm of the pool, and so does how often an observation is written again.

    Args:
        rows: Observations of each run, ascending; of a layer, those a refresh to come looks at.
        oldest: Day of the first compaction that wrote any of it; None for a run of a drop.
        horizon: The day now.
        growth: As ``growth_at`` says.
    """
    if is_rewrite(oldest, horizon=horizon):
        return len(rows)
    total, count = 0, 0
    for position, size in enumerate(rows):
        if position and size <= growth * total:
            count = position + 1
        total += size
    return count


def split_circle(rows: int, *, interval_rows: int = INTERVAL_ROWS) -> list[tuple[int, int]]:
    """Return intervals of equal width that cover all PRNs, as many as keep each below ``interval_rows``.

    Their number is a power of two, so that those of a larger layer lie inside those of a smaller one.
    """
    pieces = 1 << max(0, (-(-rows // interval_rows) - 1).bit_length())
    width = CIRCLE // pieces
    return [(piece * width, (piece + 1) * width) for piece in range(pieces)]


def order_of(rows: pa.Table) -> np.ndarray:
    """Return the positions that sort observations by PRN, image id and instant, then by where they came from.

    No two observations come from the same place, so the order does not depend on the one they are in.
    """
    prn, observed = _int64(rows[PRN]), _int64(rows["observed_at"])
    order = np.lexsort((observed, prn))
    prn, observed = prn[order], observed[order]
    same_prn = np.flatnonzero(prn[1:] == prn[:-1]) + 1
    if not len(same_prn):
        return order
    undecided = observed[same_prn] == observed[same_prn - 1]
    undecided |= ~_equal_ids(rows, order[same_prn], order[same_prn - 1])
    if not undecided.any():
        return order
    # Only items of which two observations are tied, or that share a number, need to be compared by more.
    strange = np.isin(prn, prn[same_prn[undecided]])
    some = rows.select(_ORDER).take(pa.array(order[strange]))
    order[strange] = order[strange][pc.sort_indices(some, sort_keys=[(name, "ascending") for name in _ORDER])]
    return order


@dataclass(frozen=True, slots=True)
class Division:
    """Positions of observations that a refresh to come needs, of those only earlier dates need, and what is left out.

    Every observation is in one of them.
    """

    current: np.ndarray
    past: np.ndarray
    removed: dict[str, int]


def divide(rows: pa.Table, memory: Memory) -> Division:
    """Divide observations, sorted as ``order_of`` says, by who needs them."""
    current = keep_observations(rows, memory.current, expired_before=memory.expired_before)
    ever = keep_observations(rows, memory.dates, expired_before=memory.expired_before)
    is_current = np.zeros(len(rows), dtype=bool)
    is_current[current.kept] = True
    left_out = {reason: int(np.count_nonzero(~is_current[gone])) for reason, gone in ever.removed.items()}
    return Division(
        current=current.kept,
        past=ever.kept[~is_current[ever.kept]],
        removed={reason: count for reason, count in left_out.items() if count},
    )


def keep_observations(rows: pa.Table, dates: Sequence[date], *, expired_before: date) -> Split:
    """Split observations into those needed to answer for every one of the dates and after, and the rest.

    Kept of each item: the last observation up to each date, with all of the same instant; whatever was observed
    after the last date; and, for suppression looks at every owner an item ever had, the last observation by each
    owner that no other one names. Of an item last observed before ``expired_before`` only the latter are kept: it is
    stale at every date that can be asked for, and a later observation would decide alone.

    Keeping more never changes an answer, so the rule may be applied to any part of an item's observations, in any
    order, and again.

    Args:
        rows: Sorted as ``order_of`` says, with all observations of an item that are to be merged. Only ``image_id``,
            ``observed_at`` and ``owner_id`` are looked at.
        dates: What must stay answerable, ascending.
        expired_before: Items last observed before this day are forgotten, but for their owners.
    """
    if not len(rows):
        return Split(np.empty(0, dtype=np.int64), {})
    observed = _int64(rows["observed_at"])
    starts = np.append(True, ~_same_id_as_before(rows))
    item = np.cumsum(starts) - 1
    last = np.append(np.flatnonzero(starts)[1:], len(rows)) - 1
    expired = (observed[last] < microseconds(midnight(expired_before)))[item]

    bounds = np.array([microseconds(midnight(day)) for day in dates], dtype=np.int64)
    slot = np.searchsorted(bounds, observed)  # an observation at the very instant of a date is seen by it
    ends = np.append(starts[1:] | (slot[1:] != slot[:-1]), True)
    group = np.append(0, np.cumsum(ends)[:-1])
    speaks = observed == observed[ends][group]
    needed = (speaks | (slot == len(bounds))) & ~expired
    needed |= _only_by_owner(rows["owner_id"], item, needed)
    reasons = Reasons.none(len(rows), (EXPIRED, SUPERSEDED))
    reasons.codes[~needed] = reasons.code(SUPERSEDED)
    reasons.codes[~needed & expired] = reasons.code(EXPIRED)
    return Split.by_reason(np.arange(len(rows)), reasons)


def first_observed(rows: pa.Table) -> np.ndarray:
    """Return for each observation when its item was first observed, in microseconds: by these, or as they carry it.

    Args:
        rows: Sorted as ``order_of`` says. An observation whose ``first_observed_at`` is null speaks for itself.
    """
    observed = _int64(rows["observed_at"])
    if not len(rows):
        return observed
    starts = np.append(True, ~_same_id_as_before(rows))
    carried = _int64(pc.coalesce(rows[FIRST_OBSERVED.name], rows["observed_at"]))
    first = np.minimum.reduceat(np.minimum(observed, carried), np.flatnonzero(starts))
    return first[np.cumsum(starts) - 1]


def _only_by_owner(owners: pa.ChunkedArray, item: np.ndarray, needed: np.ndarray) -> np.ndarray:
    """Return for each observation whether it is the last by an owner whom no needed one of its item names."""
    encoded = owners.combine_chunks().dictionary_encode()
    code = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    pair = item * (len(encoded.dictionary) + 1) + code
    named = np.flatnonzero((code >= 0) & ~needed)
    missing = named[~np.isin(pair[named], pair[(code >= 0) & needed])]
    # Reversed, because the first of each pair is what np.unique points at.
    _, at = np.unique(pair[missing][::-1], return_index=True)
    chosen = np.zeros(len(item), dtype=bool)
    chosen[missing[::-1][at]] = True
    return chosen


def _equal_ids(rows: pa.Table, these: np.ndarray, those: np.ndarray) -> np.ndarray:
    ids = rows["image_id"].combine_chunks()
    return pc.equal(ids.take(pa.array(these)), ids.take(pa.array(those))).to_numpy(zero_copy_only=False).astype(bool)


def _same_id_as_before(rows: pa.Table) -> np.ndarray:
    ids = rows["image_id"]
    return pc.equal(ids.slice(1), ids.slice(0, len(ids) - 1)).to_numpy(zero_copy_only=False).astype(bool)


def _int64(column: pa.ChunkedArray) -> np.ndarray:
    return column.cast(pa.int64()).to_numpy()
