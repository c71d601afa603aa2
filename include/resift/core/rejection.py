"""Collects which rows of a batch are rejected, and why: the first reason a row gets is the one it keeps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa


class Rejections:
    """One slot per row of a batch, empty or with one reason."""

    def __init__(self, size: int) -> None:
        self._codes = np.zeros(size, dtype=np.int16)
        self._reasons = [""]

    def add(self, mask: pa.Array | pa.ChunkedArray | np.ndarray, reason: str) -> None:
        """Reject the rows where the mask is true, unless they are rejected already.

        Raises:
            ValueError: The mask holds a null, or has another length than the batch.
        """
        if not isinstance(mask, np.ndarray):
            if mask.null_count:
                raise ValueError(
                    f"mask for {reason!r}: {mask.null_count} nulls, expected true or false. Fill them first."
                )
            mask = mask.to_numpy(zero_copy_only=False)
        if len(mask) != len(self._codes):
            raise ValueError(f"mask for {reason!r}: {len(mask)} values, expected {len(self._codes)}.")
        if mask.any():
            self._reasons.append(reason)
            self._codes[mask & (self._codes == 0)] = len(self._reasons) - 1

    @property
    def kept(self) -> np.ndarray:
        """True for rows without a reason."""
        kept: np.ndarray = self._codes == 0
        return kept

    def __len__(self) -> int:
        """Return how many rows are rejected."""
        return int(np.count_nonzero(self._codes))

    def __iter__(self) -> Iterator[tuple[int, str]]:
        """Yield the position and the reason of every rejected row, in order."""
        for position in np.flatnonzero(self._codes):
            yield int(position), self._reasons[self._codes[position]]
