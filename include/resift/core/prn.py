"""Permanent random numbers: each item's own, for good.

Coordinated sampling by permanent random numbers goes back to Brewer, Early and Joyce (1972) and is
reviewed in Ohlsson (1995), *Coordination of Samples Using Permanent Random Numbers*.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from resift.model.columns import CIRCLE as CIRCLE

_CHUNK = 1 << 16


def permanent_random_numbers(image_ids: pa.Array | pa.ChunkedArray, *, salt: str) -> np.ndarray:
    """Give every image id its PRN: SipHash-2-4 under the pool's salt, shifted right by one.

    The shift makes it an ``int64`` in ``[0, 2**63)``, which every engine reads.

    Args:
        image_ids: Text, without nulls. Equal ids get equal numbers.
        salt: Key of the hash, 16 characters of ASCII; it belongs to the pool.

    Returns:
        ``int64``, one number per id, in the order of the ids.

    Raises:
        ValueError: An id is null, or the salt is not 16 bytes long.
    """
    if image_ids.null_count:
        raise ValueError(f"image_ids: {image_ids.null_count} nulls, expected none. Reject rows without an id first.")
    from pandas.util import hash_array  # takes longer to import than reading a manifest, and readers hash nothing

    numbers = np.empty(len(image_ids), dtype=np.int64)
    for at in range(0, len(image_ids), _CHUNK):
        # In pieces: as Python objects the ids of a whole run would not fit in memory. As bytes: what is hashed is the
        # UTF-8 in any case, and making text of it, only to encode it again, takes six times as long.
        ids = image_ids.slice(at, _CHUNK).cast(pa.binary()).to_numpy(zero_copy_only=False)
        hashes = hash_array(ids, hash_key=salt, categorize=False)
        numbers[at : at + len(ids)] = (hashes >> np.uint64(1)).view(np.int64)
    return numbers
