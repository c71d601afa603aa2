"""Writes the rows of one file that could not be read, each with its number, what it held and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from resift.core.raw import BadRow

MAX_RAW_BYTES = 64 * 1024
"""More of a row than this is not kept; ``raw_bytes`` tells how much there was."""

QUARANTINE = pa.schema(
    [
        pa.field("row_number", pa.int64(), nullable=False),
        pa.field("raw", pa.binary(), nullable=False),
        pa.field("raw_bytes", pa.int64(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
    ]
)

_ROWS = 4096
_BYTES = 8 << 20


class QuarantineWriter:
    """Collects bad rows into a Parquet file, in bounded memory."""

    def __init__(self, path: Path) -> None:
        """Write to ``path`` once there is a bad row."""
        self.path = path
        self._writer: pq.ParquetWriter | None = None
        self._held: list[BadRow] = []
        self._held_bytes = 0
        self.by_reason: Counter[str] = Counter()
        self.first: str | None = None
        """The first row added, for people."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._flush()
        if self._writer is not None:
            self._writer.close()

    @property
    def rows(self) -> int:
        """Rows added so far."""
        return self.by_reason.total()

    def add(self, bad: Iterable[BadRow]) -> None:
        """Add rows."""
        for row in bad:
            self.by_reason[row.reason] += 1
            self.first = self.first or f"row {row.row_number} {row.reason}"
            self._held.append(row)
            self._held_bytes += min(len(row.raw), MAX_RAW_BYTES)
            if len(self._held) >= _ROWS or self._held_bytes >= _BYTES:
                self._flush()

    def _flush(self) -> None:
        if not self._held:
            return
        rows = sorted(self._held, key=lambda row: row.row_number)
        table = pa.table(
            [
                [row.row_number for row in rows],
                [row.raw[:MAX_RAW_BYTES] for row in rows],
                [len(row.raw) for row in rows],
                [row.reason for row in rows],
            ],
            schema=QUARANTINE,
        )
        if self._writer is None:
            self._writer = pq.ParquetWriter(self.path, QUARANTINE, compression="zstd")
        self._writer.write_table(table)
        self._held, self._held_bytes = [], 0
