"""Write staged Parquet whose bytes depend on its rows alone, not on how they arrived."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from resift.model.refresh import StagedFile
from resift.steps.parquet import ROW_GROUP_ROWS, Settings, lasting
from resift.storage import Store


class StagedWriter:
    """Collect rows into one Parquet object; it appears in the store when the block ends without an error.

    Row groups have exactly ``ROW_GROUP_ROWS`` rows but for the last, however the rows were handed over, so
    that equal rows make equal bytes. Nothing is written for no rows.
    """

    def __init__(
        self, store: Store, key: str | Callable[[str], str], schema: pa.Schema, settings: Settings = lasting
    ) -> None:
        """Prepare to write; ``schema`` is what every table handed over has. A key may be made of the SHA-256."""
        self._store, self._key, self._schema, self._settings = store, key, schema, settings
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        self._writer: pq.ParquetWriter | None = None
        self.file: StagedFile | None = None
        """What was written; None before the end, and where there were no rows."""

    def __enter__(self) -> Self:
        self._path: Path | None = None
        self._rows = 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._flush(everything=True)
            if self._writer is not None:
                self._writer.close()
            if kind is None and self._rows:
                self.file = self._upload()
        finally:
            if self._path is not None:
                self._path.unlink()

    def write(self, rows: pa.Table) -> None:
        """Add rows at the end."""
        self._waiting.append(rows)
        self._waiting_rows += len(rows)
        self._rows += len(rows)
        if self._waiting_rows >= ROW_GROUP_ROWS:
            self._flush(everything=False)

    def _flush(self, *, everything: bool) -> None:
        if not self._waiting_rows:
            return
        rows = pa.concat_tables(self._waiting)
        size = self._waiting_rows if everything else self._waiting_rows // ROW_GROUP_ROWS * ROW_GROUP_ROWS
        writer = self._open()
        for at in range(0, size, ROW_GROUP_ROWS):
            # One contiguous chunk per row group: chunk borders would show in the encoded pages.
            group = rows.slice(at, min(ROW_GROUP_ROWS, size - at)).combine_chunks()
            writer.write_table(group, row_group_size=ROW_GROUP_ROWS)
        self._waiting = [rows.slice(size)]
        self._waiting_rows -= size

    def _open(self) -> pq.ParquetWriter:
        if self._writer is None:
            handle, name = tempfile.mkstemp(prefix="resift-", suffix=".parquet")
            os.close(handle)
            self._path = Path(name)
            self._writer = pq.ParquetWriter(self._path, self._schema, **self._settings(self._schema))
        return self._writer

    def _upload(self) -> StagedFile:
        assert self._path is not None
        with self._path.open("rb") as body:
            sha256 = hashlib.file_digest(body, "sha256").hexdigest()
        key = self._key if isinstance(self._key, str) else self._key(sha256)
        self._store.put_file(key, self._path)
        return StagedFile(key=key, rows=self._rows, size_bytes=self._path.stat().st_size, sha256=sha256)


def read_staged(store: Store, key: str, columns: list[str] | None = None) -> pa.Table:
    """Return a staged Parquet object as a table."""
    with store.open(key) as body:
        # Not by `read_table`, which loads Arrow's datasets first: that takes longer than reading a small part.
        return pq.ParquetFile(body).read(columns)
