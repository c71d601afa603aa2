"""Merge the observations of each item: what was known as of then, and what is known now."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from resift.model.observation import PRN, STATES

_MISSING = -1


@dataclass(frozen=True, slots=True)
class Items:
    """One entry per item, in the order of PRN and image id; positions point into the sorted observations."""

    rows: pa.Table
    """The observations, sorted by (prn, image_id, observed_at)."""

    first: np.ndarray
    """Position of each item's first observation, then the number of rows: ``len(items) + 1`` values."""

    then: np.ndarray
    """Position of the observation that speaks for the item as of then; -1 if there was none yet."""

    state_then: np.ndarray
    """Most restrictive state among the latest observations as of then, as an index into STATES; -1 if none."""

    state_now: np.ndarray
    """Most restrictive state among the newest observations known by now, and the newest of all."""

    speaks: np.ndarray
    """For each observation: it is a latest one as of then, as known by now, or of all. Its evidence counts."""

    def __len__(self) -> int:
        return len(self.then)

    @property
    def prn(self) -> np.ndarray:
        """The PRN of each item, ascending."""
        return _int64(self.rows[PRN])[self.first[:-1]]

    @property
    def observed_at_us(self) -> np.ndarray:
        """When each item was last observed as of then, in microseconds; a far past where it was not yet."""
        observed = _int64(self.rows["observed_at"])
        return np.where(self.then >= 0, observed[self.then] if len(observed) else 0, np.iinfo(np.int64).min)

    @property
    def first_observed_at_us(self) -> np.ndarray:
        """When each item was first observed, in microseconds."""
        return _int64(self.rows["observed_at"])[self.first[:-1]]

    @property
    def newest(self) -> np.ndarray:
        """Position of a newest observation of each item."""
        return self.first[1:] - 1

    @property
    def item_of_row(self) -> np.ndarray:
        """The item each observation belongs to."""
        return np.repeat(np.arange(len(self)), np.diff(self.first))


def merge_latest(rows: pa.Table, *, as_of_us: int, known_at_us: int) -> Items:
    """Find, for each item, the observation that decides as of an instant, and the newest ones.

    Existence is judged as of then and rights as of now, so both are needed. Observations of one item at the
    same instant all speak: the most restrictive state among them holds, and all their evidence counts. The
    one whose attributes are published is the first by content, so that the order of delivery does not matter.

    An observation dated after ``known_at`` comes from a clock that is wrong. It can take an item out, never
    bring one back: the newest one up to ``known_at`` and the newest one of all both speak.

    Args:
        rows: Observations in the schema of a run, in any order, no nulls in prn, image_id, observed_at, state.
        as_of_us: The instant of existence, in microseconds since 1970 UTC; observations at it are seen.
        known_at_us: The instant of rights, not before ``as_of_us``.
    """
    rows = _sort(rows)
    if not len(rows):
        empty = np.empty(0, dtype=np.int64)
        return Items(rows, np.zeros(1, np.int64), empty, empty, empty, np.empty(0, dtype=bool))
    observed = _int64(rows["observed_at"])
    first = np.append(np.flatnonzero(_starts_item(rows)), len(rows))
    starts, sizes = first[:-1], np.diff(first)
    item = np.repeat(np.arange(len(sizes)), sizes)

    then = _last_until(as_of_us, observed, starts)
    ties_then = (observed == observed[then][item]) & (then >= 0)[item]
    known = _last_until(known_at_us, observed, starts)
    ties_now = (observed == observed[known][item]) & (known >= 0)[item]
    ties_now |= observed == observed[first[1:] - 1][item]

    state = _state_codes(rows["state"])
    return Items(
        rows=rows,
        first=first,
        then=_choose_by_content(rows, then, ties_then, item),
        state_then=np.maximum.reduceat(np.where(ties_then, state, _MISSING), starts),
        state_now=np.maximum.reduceat(np.where(ties_now, state, _MISSING), starts),
        speaks=ties_then | ties_now,
    )


def _last_until(instant_us: int, observed: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return the position of each item's last observation up to an instant, or -1."""
    seen = np.add.reduceat((observed <= instant_us).astype(np.int64), starts)
    return np.where(seen > 0, starts + seen - 1, _MISSING)


def _sort(rows: pa.Table) -> pa.Table:
    """Sort by PRN, image id and instant; ids only decide where two of them share a PRN."""
    prn, observed = _int64(rows[PRN]), _int64(rows["observed_at"])
    order = np.lexsort((observed, prn))
    rows = rows.take(order)
    prn = prn[order]
    same_prn = prn[1:] == prn[:-1]
    if not np.any(same_prn & ~_same_id_as_before(rows)):
        return rows
    return rows.sort_by([(PRN, "ascending"), ("image_id", "ascending"), ("observed_at", "ascending")])


def _starts_item(rows: pa.Table) -> np.ndarray:
    return np.append(True, ~_same_id_as_before(rows))


def _same_id_as_before(rows: pa.Table) -> np.ndarray:
    ids = rows["image_id"]
    return pc.equal(ids.slice(1), ids.slice(0, len(ids) - 1)).to_numpy(zero_copy_only=False).astype(bool)


def _state_codes(states: pa.ChunkedArray) -> np.ndarray:
    codes = pc.index_in(states, value_set=pa.array(STATES))
    if codes.null_count:
        strange = pc.unique(states.filter(pc.is_null(codes))).to_pylist()
        raise ValueError(
            f"state: found {strange}, expected one of {', '.join(STATES)}. The run was not made by ingest."
        )
    return codes.to_numpy().astype(np.int64)


def _choose_by_content(rows: pa.Table, then: np.ndarray, ties: np.ndarray, item: np.ndarray) -> np.ndarray:
    """Where several observations share the deciding instant, choose the first in the order of their content."""
    tied = np.flatnonzero(ties & (np.bincount(item[ties], minlength=len(then)) > 1)[item])
    if not len(tied):
        return then
    content = rows.take(tied).append_column("_item", pa.array(item[tied])).append_column("_row", pa.array(tied))
    # Where a row lay in its drop says nothing about the item, so it only breaks ties of equal content.
    origin = ["source", "drop", "file", "row_number"]
    keys = ["_item", *(name for name in rows.column_names if name not in origin), *origin]
    ordered = content.take(
        pc.sort_indices(content, sort_keys=[(key, "ascending") for key in keys if key in content.column_names])
    )
    items, firsts = np.unique(ordered["_item"].to_numpy(), return_index=True)
    chosen = then.copy()
    chosen[items] = ordered["_row"].to_numpy()[firsts]
    return chosen


def _int64(column: pa.ChunkedArray) -> np.ndarray:
    return column.cast(pa.int64()).to_numpy()
