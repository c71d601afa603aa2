"""Suppression entries: make them from an id, and find the rows they speak of."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pyarrow as pa

from resift.core.prn import permanent_random_numbers
from resift.model.suppression import Suppression

Kind = Literal["image", "owner"]


def suppression_digest(kind: Kind, identifier: str, *, salt: str) -> str:
    """Return the keyed digest by which a suppressed id is recognised."""
    return hmac.new(salt.encode(), f"{kind}\0{identifier}".encode(), hashlib.sha256).hexdigest()


def find_suppressed(ids: pa.ChunkedArray, entries: Sequence[Suppression], *, kind: Kind, salt: str) -> np.ndarray:
    """Return for each id whether an entry suppresses it; a null id is suppressed by none.

    The 63-bit number finds candidates for all ids at once; the HMAC then decides, so that two ids that
    share a number are not confused.
    """
    wanted = {entry.number: set[str]() for entry in entries if entry.kind == kind}
    for entry in entries:
        if entry.kind == kind:
            wanted[entry.number].add(entry.digest)
    found = np.zeros(len(ids), dtype=bool)
    if not wanted:
        return found
    encoded = ids.combine_chunks().dictionary_encode()
    numbers = permanent_random_numbers(encoded.dictionary, salt=salt)
    candidates = np.flatnonzero(np.isin(numbers, np.fromiter(wanted, dtype=np.int64)))
    hits = [
        code
        for code in candidates
        if suppression_digest(kind, encoded.dictionary[int(code)].as_py(), salt=salt) in wanted[int(numbers[code])]
    ]
    codes = encoded.indices.fill_null(-1).to_numpy()
    found[np.isin(codes, hits)] = True
    return found
