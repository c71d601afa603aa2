"""Says how Parquet is written: the settings decide the bytes, and so the digests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from resift.model.observation import PRN
from resift.steps.memory import use_jemalloc

# Every step that holds many rows reads or writes Parquet. Readers of snapshots do not come by here and are left alone.
use_jemalloc()

ROW_GROUP_ROWS = 16_384
"""With four times as many, a narrow range of PRNs reads several times what it needs."""

Settings = Callable[[pa.Schema], dict[str, Any]]

_DISTINCT = frozenset({PRN, "image_id", "url", "observed_at", "created_at", "lat", "lon", "sha256", "row_number"})
"""Columns whose values hardly repeat. A dictionary of them costs a third of the time of writing."""

_DICTIONARY_BYTES = 65_536
"""A dictionary that grows beyond is given up: of columns a source carries along nobody says whether values repeat."""


def lasting(schema: pa.Schema) -> dict[str, Any]:
    """Return the settings of what stays."""
    return {"compression": "zstd", "compression_level": 1, "write_page_index": True, **_dictionaries(schema)}


def passing(schema: pa.Schema) -> dict[str, Any]:
    """Return the settings of what is read once and removed when the refresh ends."""
    return {"compression": "lz4", "write_statistics": False, **_dictionaries(schema)}


def column_chunks(
    metadata: pq.FileMetaData, groups: Iterable[int], columns: Collection[str]
) -> Iterator[tuple[int, int]]:
    """Yield the half-open spans of bytes in which some columns of some row groups lie, as the footer says."""
    paths = (metadata.schema.column(at).path for at in range(metadata.num_columns))
    wanted = [at for at, path in enumerate(paths) if path.partition(".")[0] in columns]
    for number in groups:
        group = metadata.row_group(number)
        for at in wanted:
            chunk = group.column(at)
            first = chunk.dictionary_page_offset or chunk.data_page_offset
            yield first, first + chunk.total_compressed_size


def _dictionaries(schema: pa.Schema) -> dict[str, Any]:
    names = (name.removeprefix("newest_") for name in schema.names)
    repeated = [full for full, name in zip(schema.names, names, strict=True) if name not in _DISTINCT]
    return {"use_dictionary": repeated, "dictionary_pagesize_limit": _DICTIONARY_BYTES}
