"""Read PRN intervals out of a pool's sorted runs, opening only the row groups that hold them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise
from os import SEEK_END

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from resift.core.prn import CIRCLE
from resift.errors import PoolError
from resift.model.observation import PRN
from resift.model.pool import RunEntry
from resift.model.pool_bytes import PoolBytes
from resift.steps.footers import FOOTERS
from resift.steps.parquet import column_chunks
from resift.storage import Metered, Store

SLICE_ROWS = 100_000
"""Observations aimed at in one slice, unless told otherwise: what a task holds in memory at a time."""

SLICE_BYTES = 32 << 20
"""Bytes of runs in one slice, at most, as they are stored: of wide rows a slice holds fewer."""


def count_slices(rows: int, size_bytes: int, *, slice_rows: int = SLICE_ROWS) -> int:
    """Return in how many slices to read so many observations, which take so many bytes of runs; at least one."""
    return max(1, -(-rows // slice_rows), -(-size_bytes // SLICE_BYTES))


class PoolReader:
    """The runs of a pool, seen as one table sorted by PRN that is read in slices.

    Slices are best asked for in ascending order: the row group in which one ends is kept for the next.
    """

    def __init__(
        self, store: Store, runs: Sequence[RunEntry], schema: pa.Schema, *, slice_rows: int = SLICE_ROWS
    ) -> None:
        """Prepare to read the columns of ``schema`` from ``runs``, so many rows at a time; nothing is opened yet.

        A dictionary in the schema is read as numbers of distinct values, which takes less time than text.
        """
        self._slice_rows = slice_rows
        self._runs = [_Run(store, run, schema) for run in runs if run.rows]
        self._schema = schema

    def rows_between(self, lo: int, hi: int) -> int:
        """Return an upper bound of the observations with ``lo <= prn < hi``, from the index alone."""
        return sum(run.rows_between(lo, hi) for run in self._runs)

    def slices(self, lo: int, hi: int) -> Iterator[tuple[int, int]]:
        """Yield half-open intervals that cover ``[lo, hi)``, of about ``slice_rows`` rows, or ``SLICE_BYTES`` each."""
        size_bytes = sum(run.bytes_between(lo, hi) for run in self._runs)
        pieces = count_slices(self.rows_between(lo, hi), size_bytes, slice_rows=self._slice_rows)
        bounds = [lo + (hi - lo) * piece // pieces for piece in range(pieces + 1)]
        slices = [(first, last) for first, last in pairwise(bounds) if first < last]
        for at, (first, last) in enumerate(slices):
            # The next one is fetched while this one is worked on.
            self._prefetch(first, slices[min(at + 1, len(slices) - 1)][1])
            yield first, last

    def read(self, lo: int, hi: int) -> pa.Table:
        """Return all observations with ``lo <= prn < hi``, in the order of the runs.

        A column that some run does not carry is null there.

        Raises:
            PoolError: A run lies differently from what its drop recorded.
        """
        tables = [self._conform(rows) for run in self._runs if (rows := run.read(lo, hi)) is not None]
        return pa.concat_tables(tables) if tables else self._schema.empty_table()

    def bytes_read(self) -> PoolBytes:
        """Return what reading took up to now."""
        return PoolBytes.total(run.bytes_read() for run in self._runs)

    def _prefetch(self, lo: int, hi: int) -> None:
        for run in self._runs:
            run.prefetch(lo, hi)

    def _conform(self, rows: pa.Table) -> pa.Table:
        names = [name for name in self._schema.names if name in rows.schema.names]
        if (known := rows.select(names)).schema.equals(self._schema):
            return known
        columns = [
            rows[field.name].cast(field.type) if field.name in rows.column_names else pa.nulls(len(rows), field.type)
            for field in self._schema
        ]
        return pa.table(columns, schema=self._schema)


class _Run:
    """One run, opened at the first read."""

    def __init__(self, store: Store, entry: RunEntry, schema: pa.Schema) -> None:
        self._store, self._entry, self._schema = store, entry, schema
        self._file: pq.ParquetFile | None = None
        self._body: Metered
        self._needed = 0.0
        self._columns: list[str] = []
        self._kept: tuple[int, pa.Table] | None = None

    def rows_between(self, lo: int, hi: int) -> int:
        return sum(self._entry.row_group_rows[group] for group in self._groups(lo, hi))

    def bytes_between(self, lo: int, hi: int) -> int:
        """Return about how many bytes hold the interval, all columns of it."""
        return self.rows_between(lo, hi) * self._entry.size_bytes // self._entry.rows

    def read(self, lo: int, hi: int) -> pa.Table | None:
        groups = self._groups(lo, hi)
        if not groups:
            return None
        rows = self._read(groups)
        prn = rows[PRN].to_numpy()
        # One by one, as int64: beside 2**63 both would become floats, which cannot tell neighbouring PRNs apart.
        first = int(np.searchsorted(prn, np.int64(lo)))
        last = len(prn) if hi >= CIRCLE else int(np.searchsorted(prn, np.int64(hi)))
        self._needed += self._share(groups, first, last)
        return rows.slice(first, last - first)

    def prefetch(self, lo: int, hi: int) -> None:
        """Begin to fetch what reading this interval and no other will take."""
        groups = self._groups(lo, hi)
        if self._kept is not None and groups and self._kept[0] == groups[0]:
            groups = groups[1:]
        if groups:
            file = self._open()
            self._body.prefetch(column_chunks(file.metadata, groups, self._columns))

    def bytes_read(self) -> PoolBytes:
        if self._file is None:
            return PoolBytes()
        return PoolBytes(read=self._body.bytes_read, needed=round(self._needed))

    def _groups(self, lo: int, hi: int) -> range:
        """The row groups that may hold PRNs of the interval: their own firsts, and the group in which it begins."""
        if hi <= self._entry.prn_min or self._entry.prn_max < lo:
            return range(0)
        firsts = self._entry.row_group_first
        return range(max(0, bisect_left(firsts, lo) - 1), bisect_left(firsts, hi))

    def _read(self, groups: range) -> pa.Table:
        """Return row groups in one read, but for the one that is kept from the last; keep the last of these."""
        kept = [self._kept[1]] if self._kept is not None and self._kept[0] == groups[0] else []
        wanted = groups[len(kept) :]
        file = self._open()
        read = [file.read_row_groups(list(wanted), columns=self._columns)] if wanted else []
        rows = pa.concat_tables([*kept, *read])
        # A slice holds on to what was read with it: to one slice of the pool, over all runs.
        self._kept = (groups[-1], rows.slice(len(rows) - self._entry.row_group_rows[groups[-1]]))
        return rows

    def _share(self, groups: range, first: int, last: int) -> float:
        """Return how many bytes of the row groups hold their rows from first to last, each row of a group alike."""
        rows, ends = [0], [0]
        for group in groups:
            chunks = column_chunks(self._open().metadata, [group], self._columns)
            rows.append(rows[-1] + self._entry.row_group_rows[group])
            ends.append(ends[-1] + sum(end - start for start, end in chunks))
        return float(np.diff(np.interp([first, last], rows, ends))[0])

    def _open(self) -> pq.ParquetFile:
        if self._file is None:
            words = [field.name for field in self._schema if pa.types.is_dictionary(field.type)]
            self._body = Metered(self._store.open(self._entry.key))
            # A remembered footer speaks of a run of this size.
            self._require("bytes", self._body.seek(0, SEEK_END), self._entry.size_bytes)
            footer = FOOTERS.find(self._entry.sha256)
            file = pq.ParquetFile(self._body, metadata=footer, pre_buffer=False, read_dictionary=words)
            self._require("rows", file.metadata.num_rows, self._entry.rows)
            FOOTERS.keep(self._entry.sha256, file.metadata)
            self._columns = [name for name in self._schema.names if name in file.schema_arrow.names]
            self._file = file
        return self._file

    def _require(self, what: str, found: int, recorded: int) -> None:
        if found != recorded:
            raise PoolError(
                f"{self._entry.key}: holds {found} {what}, its drop recorded {recorded}. The run was replaced; "
                "restore it from a copy of the lake."
            )
