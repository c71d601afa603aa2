"""Read the rows of a snapshot that lie between two offsets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from resift.core.prn import CIRCLE
from resift.errors import KeyNotFound, SnapshotDamaged
from resift.model import keys
from resift.model.manifest import Manifest
from resift.model.observation import PRN
from resift.storage import Store


@contextmanager
def parquet_of(store: Store, manifest: Manifest, path: str) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file of a snapshot.

    Raises:
        SnapshotDamaged: It is not there, or is none.
    """
    what = f"snapshot {manifest.dataset} {manifest.version}.{manifest.revision}: {path}"
    try:
        with store.open(keys.snapshot(manifest.dataset, manifest.version) + path) as body, pq.ParquetFile(body) as file:
            yield file
    except pa.ArrowInvalid as error:
        raise SnapshotDamaged(
            f"{what} is not readable as Parquet ({error}), the manifest lists it as a part. "
            f"Run `resift verify {manifest.version}`."
        ) from error
    except KeyNotFound as error:
        raise SnapshotDamaged(
            f"{what} is missing, the manifest lists it. Run `resift verify {manifest.version}`; if the version was "
            "revised meanwhile, try again."
        ) from error


def read_part(store: Store, manifest: Manifest, path: str, columns: Sequence[str] | None = None) -> pa.Table:
    """Return one part of a snapshot, or some columns of it."""
    with parquet_of(store, manifest, path) as file:
        return file.read(columns=list(columns) if columns else None)


def read_between(store: Store, manifest: Manifest, path: str, columns: Sequence[str], *, lo: int, hi: int) -> pa.Table:
    """Return some columns of the rows of a file in a half-open interval of PRNs, reading only their row groups."""
    with parquet_of(store, manifest, path) as file:
        groups = [group for group in range(file.num_row_groups) if _reaches(file.metadata.row_group(group), lo, hi)]
        rows = file.read_row_groups(groups, columns=list(columns))
    return rows.filter(pa.array(_inside(rows[PRN].to_numpy(), [(lo, hi)])))


def prn_bounds(group: pq.RowGroupMetaData) -> tuple[int, int]:
    """Return the smallest and the largest PRN of a row group, as far as its statistics tell."""
    for column in range(group.num_columns):
        told = group.column(column)
        if told.path_in_schema == PRN and told.statistics is not None and told.statistics.has_min_max:
            return told.statistics.min, told.statistics.max
    return 0, CIRCLE - 1


def _reaches(group: pq.RowGroupMetaData, lo: int, hi: int) -> bool:
    first, last = prn_bounds(group)
    return first < hi and last >= lo


def read_members(store: Store, manifest: Manifest, intervals: Sequence[tuple[int, int]]) -> pa.Table:
    """Return prn and image_id of a snapshot's rows in half-open intervals of PRNs, ascending.

    Only parts that reach into an interval are opened, and each of them once.
    """
    pieces = [
        rows.filter(pa.array(_inside(rows[PRN].to_numpy(), intervals)))
        for rows in _overlapping_parts(store, manifest, intervals)
    ]
    if not pieces:
        return pa.table({PRN: pa.array([], pa.int64()), "image_id": pa.array([], pa.string())})
    return pa.concat_tables(pieces).sort_by([(PRN, "ascending"), ("image_id", "ascending")])


def _overlapping_parts(store: Store, manifest: Manifest, intervals: Sequence[tuple[int, int]]) -> Iterator[pa.Table]:
    lo, hi = min((lo for lo, _ in intervals), default=0), max((hi for _, hi in intervals), default=0)
    for part in manifest.parts:
        wraps = part.first_prn > part.last_prn
        reaches = any(
            (part.first_prn < hi or part.last_prn >= lo) if wraps else (part.first_prn < hi and part.last_prn >= lo)
            for lo, hi in intervals
        )
        if reaches:
            yield read_between(store, manifest, part.path, [PRN, "image_id"], lo=lo, hi=hi)


def _inside(prn: np.ndarray, intervals: Sequence[tuple[int, int]]) -> np.ndarray:
    inside = np.zeros(len(prn), dtype=bool)
    for lo, hi in intervals:
        inside |= (prn >= lo) & (prn < hi)
    return inside
