"""A batch of rows as a reader found them, before anything was made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from resift.model.field import Path


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be split into columns."""

    row_number: int
    raw: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class RawBatch:
    """Neighbouring rows of one file, column by column. Every array has one value per row number."""

    row_numbers: np.ndarray
    """``int64``, ascending; counted from 1, the header not counted."""

    columns: Mapping[Path, pa.Array]
    """Text, or whatever type a Parquet file has. A path that the file lacks is absent."""

    raw: Callable[[np.ndarray], list[bytes]]
    """Returns the rows at these positions of the batch as the file gave them."""

    damaged: np.ndarray | None = None
    """True for rows that hold bytes that are not of the declared encoding; None if there is no such row."""

    bad: tuple[BadRow, ...] = field(default=())
    """Rows found on the way that could not even be split; they are not among ``row_numbers``."""
