"""Sorts the observations of one file into a run, in bounded memory: sorted chunks, on disk if many, then a merge."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from resift.model.observation import ORIGIN, PRN, run_schema
from resift.model.pool import RunEntry
from resift.steps.parquet import ROW_GROUP_ROWS

CHUNK_BYTES = 32 << 20
"""Observations sorted at a time. Larger chunks lie in no cache, smaller ones make many to merge."""

MEMORY_BYTES = 256 << 20
"""Sorted observations held in memory; what is more goes to disk."""

_NOTHING: Mapping[str, str | None] = MappingProxyType({})

_MERGE_ROWS = 65_536
"""Rows that the merge aims to hold of all chunks together; of each at least _CHUNK_ROWS."""

_CHUNK_ROWS = 2048

_ORDER = (PRN, "image_id", "observed_at", "row_number")
_REPEATED = frozenset(
    ["state", "license", "owner_id", "owner_country", "upload_country", "subdivision", *ORIGIN.names[:-1]]
)
"""Columns worth a dictionary."""


@dataclass(frozen=True, slots=True)
class SortedRun:
    """What was written, and its row-group index."""

    path: Path
    rows: int
    size_bytes: int
    sha256: str
    row_group_first: tuple[int, ...]
    row_group_rows: tuple[int, ...]
    prn_max: int

    def entry(self, key: str, *, carried: dict[str, str]) -> RunEntry:
        """Return what a document says of the run that is stored under a key. There must be a row in it."""
        return RunEntry(
            key=key,
            rows=self.rows,
            size_bytes=self.size_bytes,
            sha256=self.sha256,
            prn_min=self.row_group_first[0],
            prn_max=self.prn_max,
            row_group_first=self.row_group_first,
            row_group_rows=self.row_group_rows,
            carried=carried,
        )


class RunSorter:
    """Takes observations in any order and writes them in order of (prn, image_id, observed_at, row_number).

    The bytes written depend on the observations alone, not on how they were handed in.
    """

    def __init__(
        self,
        folder: Path,
        *,
        carried: pa.Schema,
        same: Mapping[str, str | None],
        chunk_bytes: int = CHUNK_BYTES,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        """Prepare to spill into ``folder``; ``same`` holds what is the same in every row: its origin, empty columns."""
        self._folder, self._same, self._chunk_bytes, self._memory = folder, same, chunk_bytes, memory_bytes
        self._schema = run_schema(carried)
        self.rows = 0
        """Observations taken."""

        self._held: list[pa.Table] = []
        self._held_bytes = 0
        self._chunks: list[Path | list[pa.RecordBatch]] = []

    def add(self, observations: pa.Table) -> None:
        """Take observations with their ``prn``. Columns that are the same in every row are not sorted."""
        observations = observations.drop_columns([name for name in observations.column_names if name in self._same])
        self.rows += len(observations)
        self._held.append(observations)
        self._held_bytes += observations.nbytes
        if self._held_bytes >= self._chunk_bytes:
            self._sort()

    def finish(self, path: Path) -> SortedRun | None:
        """Write the run; None if there is nothing in it."""
        self._sort()
        if not self._chunks:
            return None
        slices = _merged([_Chunk(chunk, rows=_MERGE_ROWS // len(self._chunks)) for chunk in self._chunks])
        return write_run(slices, path, schema=self._schema, same=self._same)

    def _sort(self) -> None:
        """Make a sorted chunk of what is held, in memory while there is room."""
        if not self._held_bytes:
            return
        held_bytes, rows = self._held_bytes, pa.concat_tables(self._held)
        self._held, self._held_bytes = [], 0
        rows = rows.take(pa.array(_order_of(rows)))
        if held_bytes <= self._memory:
            self._memory -= held_bytes
            self._chunks.append(rows.to_batches(max_chunksize=_CHUNK_ROWS))
            return
        path = self._folder / f"chunk-{len(self._chunks):05d}.arrow"
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, rows.schema) as writer:
            writer.write_table(rows, max_chunksize=_CHUNK_ROWS)
        self._chunks.append(path)


def _order_of(rows: pa.Table) -> np.ndarray:
    """Return the positions that sort rows; those that share a number, which are few, by all that orders them."""
    prn = rows[PRN].to_numpy()
    order = np.argsort(prn)
    same = np.diff(prn[order]) == 0
    if same.any():
        tied = np.append(same, False) | np.append(False, same)
        some = rows.select(_ORDER).take(pa.array(order[tied]))
        order[tied] = order[tied][pc.sort_indices(some, sort_keys=[(name, "ascending") for name in _ORDER])]
    return order


def _read_back(path: Path) -> Iterator[pa.RecordBatch]:
    with pa.OSFile(str(path)) as file:
        reader = pa.ipc.open_file(file)
        for at in range(reader.num_record_batches):
            yield reader.get_batch(at)


class _Chunk:
    """A sorted chunk, read from its front. Read and not mapped: mapped pages would count as memory."""

    def __init__(self, chunk: Path | list[pa.RecordBatch], *, rows: int) -> None:
        self._waiting = iter(chunk) if isinstance(chunk, list) else _read_back(chunk)
        self._next = next(self._waiting, None)
        self._hold = max(1, rows // _CHUNK_ROWS)
        self.rows: pa.Table | None = None
        self._advance()

    def _advance(self) -> None:
        batches = list[pa.RecordBatch]()
        while self._next is not None and len(batches) < self._hold:
            batches.append(self._next)
            self._next = next(self._waiting, None)
        self.rows = pa.Table.from_batches(batches) if batches else None

    @property
    def is_last_batch(self) -> bool:
        return self._next is None

    def key(self, at: int) -> tuple[int, bytes, int, int]:
        """Return the sort key of a row, which no other row of the file has."""
        assert self.rows is not None
        prn, image_id, observed_at, number = (self.rows[name][at] for name in _ORDER)
        return prn.as_py(), image_id.as_py().encode(), observed_at.value, number.as_py()

    def take_to(self, bound: tuple[int, bytes, int, int] | None) -> pa.Table:
        """Return and drop the rows in front whose key is at most ``bound``; all rows if it is None."""
        rows = self.rows
        assert rows is not None
        count = len(rows) if bound is None else self._count_to(bound)
        if count == len(rows):
            self._advance()
            return rows
        self.rows = rows.slice(count)
        return rows.slice(0, count)

    def _count_to(self, bound: tuple[int, bytes, int, int]) -> int:
        assert self.rows is not None
        prn = self.rows[PRN].to_numpy()
        low, high = int(np.searchsorted(prn, bound[0], "left")), int(np.searchsorted(prn, bound[0], "right"))
        while low < high:
            middle = (low + high) // 2
            if self.key(middle) <= bound:
                low = middle + 1
            else:
                high = middle
        return low


def _merged(chunks: list[_Chunk]) -> Iterator[pa.Table]:
    """Yield all rows in order. Each turn uses up what is held of at least one chunk."""
    while chunks := [chunk for chunk in chunks if chunk.rows is not None]:
        ends = [
            chunk.key(len(chunk.rows) - 1) for chunk in chunks if chunk.rows is not None and not chunk.is_last_batch
        ]
        bound = min(ends) if ends else None
        ready = pa.concat_tables([chunk.take_to(bound) for chunk in chunks])
        yield ready.take(pa.array(_order_of(ready)))


def write_run(
    slices: Iterator[pa.Table], path: Path, *, schema: pa.Schema, same: Mapping[str, str | None] = _NOTHING
) -> SortedRun:
    """Write rows that come in order; columns named in ``same`` are not among theirs and hold the same everywhere."""
    with RunWriter(path, schema=schema, same=same) as writer:
        for rows in slices:
            writer.write(rows)
    return writer.finish()


class RunWriter:
    """Writes rows that come in order as a run. The bytes do not depend on how the rows are cut into slices."""

    def __init__(self, path: Path, *, schema: pa.Schema, same: Mapping[str, str | None] = _NOTHING) -> None:
        """Open the file; columns named in ``same`` are not among those of the rows and hold the same everywhere."""
        self._path, self._schema, self._same = path, schema, same
        self._held: list[pa.Table] = []
        self._count = 0
        self._firsts: list[int] = []
        self._sizes: list[int] = []
        self._last = 0
        self._writer = pq.ParquetWriter(
            path,
            schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=[name for name in schema.names if name in _REPEATED],
            write_statistics=[PRN],
            version="2.6",
        )

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None and self._count:
            self._write_group(pa.concat_tables(self._held))
        self._writer.close()

    def write(self, rows: pa.Table) -> None:
        """Take further rows, and write as many whole row groups as there are."""
        self._held.append(rows)
        self._count += len(rows)
        if self._count < ROW_GROUP_ROWS:
            return
        joined = pa.concat_tables(self._held)
        whole = self._count - self._count % ROW_GROUP_ROWS
        for start in range(0, whole, ROW_GROUP_ROWS):
            self._write_group(joined.slice(start, ROW_GROUP_ROWS))
        self._held, self._count = [joined.slice(whole)], self._count - whole

    def finish(self) -> SortedRun:
        """Return what was written, after the file is closed."""
        path, rows = self._path, sum(self._sizes)
        index = (tuple(self._firsts), tuple(self._sizes), self._last)
        return SortedRun(path, rows, path.stat().st_size, sha256_of(path), *index)

    def _write_group(self, group: pa.Table) -> None:
        group = group.combine_chunks()
        columns = [
            pa.repeat(pa.scalar(self._same[field.name], field.type), len(group))
            if field.name in self._same
            else group[field.name]
            for field in self._schema
        ]
        self._writer.write_table(pa.table(columns, schema=self._schema), row_group_size=ROW_GROUP_ROWS)
        self._firsts.append(group[PRN][0].as_py())
        self._sizes.append(len(group))
        self._last = group[PRN][-1].as_py()


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
