"""One version in the hands of a researcher: open it, read it, deal it out, verify it, compare it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.dataset as ds
from pyarrow.fs import PyFileSystem

from resift.client import diff as differences
from resift.client.filesystem import StoreFiles
from resift.client.resolve import resolve
from resift.client.scan import BATCH_ROWS, scan, schema_of
from resift.client.shards import shards
from resift.client.signature import read_public_key, require_signed
from resift.client.verify import Verification, verify
from resift.model import keys
from resift.model.manifest import Manifest
from resift.storage import Store, open_store

if TYPE_CHECKING:
    import pandas as pd


def open_snapshot(lake: str | Store, dataset: str, version: str | date, *, key: str | None = None) -> Snapshot:
    """Open one version of a dataset; only its manifest is read.

    Args:
        lake: ``file:///…`` or ``s3://bucket/prefix``, or a store that is open already.
        dataset: Its name.
        version: ``2026-11-23``, an exact ``2026-11-23.0``, ``latest``, or 8 digits or more of a content digest.
        key: The Ed25519 key that must have signed the manifest, as a PEM file or 64 hexadecimal digits.

    Raises:
        DatasetNotFound: Nothing is published under the dataset's name.
        SnapshotNotFound: There is no such version, or not at that revision. Nothing else is opened in its place.
        SnapshotDamaged: The manifest is not one, or not that of this version, or is not signed by the key given.
        ConfigError: The key is none.
    """
    signed_by = None if key is None else read_public_key(key)
    store = open_store(lake) if isinstance(lake, str) else lake
    manifest = resolve(store, dataset, version)
    if signed_by is not None:
        require_signed(store, manifest, signed_by)
    return Snapshot(store, manifest)


class Snapshot:
    """A published version at one revision."""

    def __init__(self, store: Store, manifest: Manifest) -> None:
        self.store = store
        self.manifest = manifest

    def __repr__(self) -> str:
        m = self.manifest
        return f"<Snapshot {m.dataset} {m.version}.{m.revision}, {m.rows:,} rows, {m.content_digest[:12]}…>"

    def __len__(self) -> int:
        return self.manifest.rows

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        return schema_of(self.manifest)

    def scan(
        self, *, columns: Sequence[str] | None = None, rows: int | None = None, batch_rows: int = BATCH_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """Yield rows in the snapshot's order, holding one part in memory; the first ``rows`` are a random sample.

        Parts that are read with all columns are checked against their SHA-256.
        """
        return scan(self.store, self.manifest, columns=columns, rows=rows, batch_rows=batch_rows)

    def to_table(self, *, columns: Sequence[str] | None = None, rows: int | None = None) -> pa.Table:
        """Return all rows, or a random sample of ``rows`` of them, as one Arrow table."""
        return pa.Table.from_batches(self.scan(columns=columns, rows=rows), schema_of(self.manifest, columns))

    def to_pandas(self, *, columns: Sequence[str] | None = None, rows: int | None = None) -> pd.DataFrame:
        """Return all rows, or a random sample of ``rows`` of them, as a DataFrame."""
        return self.to_table(columns=columns, rows=rows).to_pandas()

    def dataset(self) -> ds.Dataset:
        """Return a ``pyarrow.dataset``, for filters and engines that take one. It checks no digests."""
        prefix = keys.snapshot(self.manifest.dataset, self.manifest.version)
        files = [prefix + part.path for part in self.manifest.parts]
        return ds.dataset(files, self.schema, format="parquet", filesystem=PyFileSystem(StoreFiles(self.store)))

    def shards(
        self, rank: int, world_size: int, *, seed: int = 0, epoch: int = 0, columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of one of ``world_size`` workers: disjoint, together complete, the same each time.

        Workers get equally many rows, but for one. Another epoch deals other rows in another order.
        """
        return shards(
            self.store, self.manifest, rank=rank, world_size=world_size, seed=seed, epoch=epoch, columns=columns
        )

    def verify(self) -> Verification:
        """Read every byte and compute every digest, count and order again."""
        return verify(self.store, self.manifest)

    def diff(self, other: Snapshot) -> tuple[differences.Difference, Iterator[pa.Table]]:
        """Compare with another version of the dataset, whichever is older.

        Returns:
            Counts, complete when the iterator is exhausted; and the changes, with the cause of each, in PRN order.
        """
        older, newer = sorted((self.manifest, other.manifest), key=lambda m: m.version)
        return differences.diff(self.store, older, newer)
