"""Merge the observations of each item: what was known as of then, and what is known now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from resift.model.observation import FIRST_OBSERVED, PRN, STATES

_MISSING = -1


@dataclass(frozen=True, slots=True)
class Items:
    """One entry per item, in the order of PRN and image id; positions point into the sorted observations."""

    unsorted: pa.Table
    """The observations as they were read. Most columns are wanted of few rows, so they are not sorted with the rest."""

    order: np.ndarray
    """The place in ``unsorted`` of each observation, in the order of (prn, image_id, observed_at)."""

    numbers: np.ndarray
    """PRN of each observation, in that order."""

    instants_us: np.ndarray
    """When each was observed, in that order, in microseconds."""

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

    def take(
        self, positions: np.ndarray, names: Sequence[str] | None = None, *, where: np.ndarray | None = None
    ) -> pa.Table:
        """Return all columns, or some, of the observations at these positions, null but ``where`` they are wanted."""
        table = self.unsorted if names is None else self.unsorted.select(names)
        return table.take(pa.array(self.order[positions], mask=None if where is None else ~where))

    @property
    def prn(self) -> np.ndarray:
        """The PRN of each item, ascending."""
        return self.numbers[self.first[:-1]]

    @property
    def observed_at_us(self) -> np.ndarray:
        """When each item was last observed as of then, in microseconds; a far past where it was not yet."""
        observed = self.instants_us[self.then] if len(self) else self.instants_us
        return np.where(self.then >= 0, observed, np.iinfo(np.int64).min)

    @property
    def first_observed_at_us(self) -> np.ndarray:
        """When each item was first observed, in microseconds: by these observations, or as they carry it."""
        first = self.instants_us[self.first[:-1]]
        if FIRST_OBSERVED.name not in self.unsorted.column_names or not len(first):
            return first
        carried = self.unsorted[FIRST_OBSERVED.name]
        known = _int64(pc.coalesce(carried, self.unsorted["observed_at"]))
        return np.minimum(first, np.minimum.reduceat(known[self.order], self.first[:-1]))

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

    An observation dated after what was known says nothing yet, or comes from a clock that is wrong. It can take an item
    out, never bring one back: the newest one known by then and the newest one of all both speak.

    Args:
        rows: Observations in the schema of a run, in any order, no nulls in prn, image_id, observed_at, state.
            Text of few distinct values may be dictionaries.
        as_of_us: The instant of existence, in microseconds since 1970 UTC; observations at it are seen.
        known_at_us: The instant up to which observations count as known: the end of the day of ``known_at``.
    """
    prn, observed = _int64(rows[PRN]), _int64(rows["observed_at"])
    order, starts_item = _sort(rows, prn, observed)
    prn, observed = prn[order], observed[order]
    if not len(rows):
        empty = np.empty(0, dtype=np.int64)
        return Items(rows, order, prn, observed, np.zeros(1, np.int64), empty, empty, empty, np.empty(0, dtype=bool))
    first = np.append(np.flatnonzero(starts_item), len(rows))
    starts, sizes = first[:-1], np.diff(first)
    item = np.repeat(np.arange(len(sizes)), sizes)

    then = _last_until(as_of_us, observed, starts)
    ties_then = (observed == observed[then][item]) & (then >= 0)[item]
    known = _last_until(known_at_us, observed, starts)
    ties_now = (observed == observed[known][item]) & (known >= 0)[item]
    ties_now |= observed == observed[first[1:] - 1][item]

    state = _state_codes(rows["state"])[order]
    return Items(
        unsorted=rows,
        order=order,
        numbers=prn,
        instants_us=observed,
        first=first,
        then=_choose_by_content(rows, order, then, ties_then, item),
        state_then=np.maximum.reduceat(np.where(ties_then, state, _MISSING), starts),
        state_now=np.maximum.reduceat(np.where(ties_now, state, _MISSING), starts),
        speaks=ties_then | ties_now,
    )


def _last_until(instant_us: int, observed: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return the position of each item's last observation up to an instant, or -1."""
    seen = np.add.reduceat((observed <= instant_us).astype(np.int64), starts)
    return np.where(seen > 0, starts + seen - 1, _MISSING)


def _sort(rows: pa.Table, prn: np.ndarray, observed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the order by PRN, image id and instant, and which observations in that order begin an item.

    Ids are only looked at where two observations share a PRN.
    """
    # Rows come as a few sorted runs, and a stable sort merges those instead of sorting anew.
    order = np.argsort(prn, kind="stable")
    same = np.flatnonzero(np.diff(prn[order]) == 0)
    if len(same):
        several = np.union1d(same, same + 1)
        some = order[several]
        order[several] = some[np.lexsort((observed[some], prn[some]))]
        if not _same_ids(rows, order, same).all():
            keys = [(PRN, "ascending"), ("image_id", "ascending"), ("observed_at", "ascending")]
            order = pc.sort_indices(rows, sort_keys=keys).to_numpy()
    starts_item = np.ones(len(rows), dtype=bool)
    starts_item[same[_same_ids(rows, order, same)] + 1] = False
    return order, starts_item


def _same_ids(rows: pa.Table, order: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return which of some observations in an order have the image id of the next one."""
    these, those = (rows["image_id"].take(pa.array(order[at])) for at in (places, places + 1))
    return pc.equal(these, those).to_numpy(zero_copy_only=False).astype(bool)


def _state_codes(states: pa.ChunkedArray) -> np.ndarray:
    """Return the state of each observation as an index into STATES, by its distinct values."""
    encoded = states.combine_chunks().dictionary_encode()
    codes = pc.index_in(encoded.dictionary, value_set=pa.array(STATES)).take(encoded.indices)
    if codes.null_count:
        strange = pc.unique(states.filter(pc.is_null(codes))).to_pylist()
        raise ValueError(
            f"state: found {strange}, expected one of {', '.join(STATES)}. The run was not made by ingest."
        )
    return codes.to_numpy().astype(np.int8)


def _choose_by_content(
    unsorted: pa.Table, order: np.ndarray, then: np.ndarray, ties: np.ndarray, item: np.ndarray
) -> np.ndarray:
    """Where several observations share the deciding instant, choose the first in the order of their content."""
    tied = np.flatnonzero(ties & (np.bincount(item[ties], minlength=len(then)) > 1)[item])
    if not len(tied):
        return then
    rows = plain(unsorted.take(pa.array(order[tied])))
    content = rows.append_column("_item", pa.array(item[tied])).append_column("_row", pa.array(tied))
    # Where a row lay in its drop says nothing about the item, so it only breaks ties of equal content.
    origin = ["source", "drop", "file", "row_number"]
    # When its item was first observed only some observations carry, and it says nothing of them.
    passed_over = (*origin, FIRST_OBSERVED.name)
    keys = ["_item", *(name for name in rows.column_names if name not in passed_over), *origin]
    ordered = content.take(
        pc.sort_indices(content, sort_keys=[(key, "ascending") for key in keys if key in content.column_names])
    )
    items, firsts = np.unique(ordered["_item"].to_numpy(), return_index=True)
    chosen = then.copy()
    chosen[items] = ordered["_row"].to_numpy()[firsts]
    return chosen


def plain(rows: pa.Table) -> pa.Table:
    """Return a table whose columns hold values, not numbers of a dictionary that only this table has."""
    types = (field.type for field in rows.schema)
    values = [
        column.cast(kind.value_type) if pa.types.is_dictionary(kind) else column
        for kind, column in zip(types, rows.columns, strict=True)
    ]
    return pa.table(values, names=rows.column_names)


def _int64(column: pa.ChunkedArray) -> np.ndarray:
    return column.cast(pa.int64()).to_numpy()
