"""Read the rows of a snapshot that lie between two offsets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from resift.errors import SnapshotDamaged
from resift.model import keys
from resift.model.manifest import Manifest
from resift.model.observation import PRN
from resift.storage import Store


def read_part(store: Store, manifest: Manifest, path: str, columns: Sequence[str] | None = None) -> pa.Table:
    """Return one part of a snapshot, or some columns of it."""
    with store.open(keys.snapshot(manifest.dataset, manifest.version) + path) as body:
        try:
            return pq.read_table(body, columns=list(columns) if columns else None)
        except pa.ArrowInvalid as error:
            raise SnapshotDamaged(
                f"snapshot {manifest.dataset} {manifest.version}.{manifest.revision}: {path} is not readable as "
                f"Parquet ({error}), the manifest lists it as a part. Run `resift verify {manifest.version}`."
            ) from error


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
    for part in manifest.parts:
        wraps = part.first_prn > part.last_prn
        reaches = any(
            (part.first_prn < hi or part.last_prn >= lo) if wraps else (part.first_prn < hi and part.last_prn >= lo)
            for lo, hi in intervals
        )
        if reaches:
            yield read_part(store, manifest, part.path, [PRN, "image_id"])


def _inside(prn: np.ndarray, intervals: Sequence[tuple[int, int]]) -> np.ndarray:
    inside = np.zeros(len(prn), dtype=bool)
    for lo, hi in intervals:
        inside |= (prn >= lo) & (prn < hi)
    return inside
