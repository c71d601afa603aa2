"""Says how Parquet is written: the settings decide the bytes, and so the digests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from resift.model.observation import PRN

ROW_GROUP_ROWS = 16_384
"""With four times as many, a narrow range of PRNs reads several times what it needs."""

Settings = Callable[[pa.Schema], dict[str, Any]]

_DISTINCT = frozenset({PRN, "image_id", "url", "observed_at", "created_at", "lat", "lon", "sha256", "row_number"})
"""Columns whose values hardly repeat. A dictionary of them costs a third of the time of writing."""


def lasting(schema: pa.Schema) -> dict[str, Any]:
    """Return the settings of what stays."""
    return {"compression": "zstd", "compression_level": 1, "write_page_index": True, **_dictionaries(schema)}


def passing(schema: pa.Schema) -> dict[str, Any]:
    """Return the settings of what is read once and removed when the refresh ends."""
    return {"compression": "lz4", "write_statistics": False, **_dictionaries(schema)}


def _dictionaries(schema: pa.Schema) -> dict[str, Any]:
    names = (name.removeprefix("newest_") for name in schema.names)
    return {"use_dictionary": [full for full, name in zip(schema.names, names, strict=True) if name not in _DISTINCT]}
