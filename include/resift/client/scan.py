"""Read the rows of a snapshot in its order, part by part, in the memory of one part."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from resift.client.snapshots import require_columns
from resift.errors import ConfigError, SnapshotDamaged
from resift.model import keys
from resift.model.manifest import Manifest
from resift.model.refresh import PartEntry
from resift.storage import Store

BATCH_ROWS = 65_536


def schema_of(manifest: Manifest, columns: Sequence[str] | None = None) -> pa.Schema:
    """Return the schema of a snapshot, or of some of its columns in the order asked for.

    Raises:
        ConfigError: It has no such column; the message lists those it has.
    """
    require_columns(manifest, columns or ())
    types = {column.name: column.type for column in manifest.columns}
    return pa.schema([(name, _type(types[name])) for name in (types if columns is None else columns)])


def scan(
    store: Store,
    manifest: Manifest,
    *,
    columns: Sequence[str] | None = None,
    rows: int | None = None,
    batch_rows: int = BATCH_ROWS,
) -> Iterator[pa.RecordBatch]:
    """Yield a snapshot's rows in its order, which is that of their random numbers.

    Args:
        store: Where the snapshot lies.
        manifest: The snapshot.
        columns: Only these, in this order; all if not given. Parts read whole are checked against their SHA-256; of
            some columns only the bytes of those are fetched, and checked are the part's schema and number of rows.
        rows: Only the first so many: a random sample of that size. Parts after them are not opened.
        batch_rows: Rows of a batch, at most.
    """
    schema = schema_of(manifest, columns)
    left = manifest.rows if rows is None else _count(rows, "rows")
    for part in manifest.parts:
        if left <= 0:
            return
        with open_part(store, manifest, part, whole=columns is None) as file:
            for batch in file.iter_batches(batch_size=_count(batch_rows, "batch_rows"), columns=schema.names):
                wanted = in_schema(batch, schema).slice(0, left)
                left -= len(wanted)
                yield wanted
                if left <= 0:
                    break


def in_schema(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return a batch in the order of a schema, and as nullable as it: the manifest lists types alone."""
    return pa.RecordBatch.from_arrays([batch[name] for name in schema.names], schema=schema)


@contextmanager
def open_part(store: Store, manifest: Manifest, part: PartEntry, *, whole: bool) -> Iterator[pq.ParquetFile]:
    """Open one part; ``whole`` fetches all of it and checks its digest first.

    Raises:
        SnapshotDamaged: It is not what the manifest says.
    """
    what = f"snapshot {manifest.dataset} {manifest.version}.{manifest.revision}: {part.path}"
    key = keys.snapshot(manifest.dataset, manifest.version) + part.path
    with pa.BufferReader(_fetch(store, key, part, what)) if whole else store.open(key) as body:
        try:
            with pq.ParquetFile(body) as file:
                _require_as_listed(what, manifest, part, file)
                yield file
        except pa.ArrowInvalid as error:
            raise SnapshotDamaged(f"{what} is not readable as Parquet ({error}), the manifest lists it.") from error


def _fetch(store: Store, key: str, part: PartEntry, what: str) -> bytes:
    body = store.get_range(key, start=0, length=part.size_bytes + 1)
    digest = hashlib.sha256(body).hexdigest()
    if digest != part.sha256:
        raise SnapshotDamaged(
            f"{what} has {len(body)} bytes with sha256 {digest[:12]}…, the manifest says {part.size_bytes} with "
            f"{part.sha256[:12]}…. Read the version again; if it fails twice, tell who runs the lake."
        )
    return body


def _require_as_listed(what: str, manifest: Manifest, part: PartEntry, file: pq.ParquetFile) -> None:
    found = [(field.name, str(field.type)) for field in file.schema_arrow]
    columns = [(column.name, column.type) for column in manifest.columns]
    if found != columns or file.metadata.num_rows != part.rows:
        raise SnapshotDamaged(
            f"{what} has {file.metadata.num_rows} rows of {found}, the manifest says {part.rows} of {columns}. "
            "Tell who runs the lake."
        )


def _type(name: str) -> pa.DataType:
    try:
        return pa.timestamp("us", "UTC") if name == "timestamp[us, tz=UTC]" else pa.type_for_alias(name)
    except ValueError as error:
        raise SnapshotDamaged(
            f"column type {name!r}: found no such type, expected one of Arrow's. Use a newer version of resift."
        ) from error


def _count(number: int, name: str) -> int:
    if number < 1:
        raise ConfigError(f"{name}: found {number}, expected 1 or more. Ask for at least one row.")
    return number
