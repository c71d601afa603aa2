"""Read every row of a staged part and of its evidence once, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pandas.util import hash_array

from resift.core.staged_views import ROW
from resift.model.observation import INSTANT, PRN

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CHUNK = 1 << 14
"""Rows the engine hands over at once: as Python objects the ids of a whole part take ten times their size."""

NO_NUMBER = -2
"""Stands for the number of an id that is not there; no suppression and no PRN is equal to it."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What one pass over the rows of both files brings back, in their order."""

    rows: int
    evidence_rows: int
    prn: np.ndarray
    """Of each row of the part; -1 where it is null."""

    ids: np.ndarray
    """The number of each id of the part; ``NO_NUMBER`` where that is null."""

    observed: pa.ChunkedArray
    """Of each row of the evidence, in microseconds since 1970 UTC."""

    same: int
    """Rows of the part whose evidence is of the same PRN and instant."""

    image_id: pa.ChunkedArray
    """Of each row of the part."""

    @property
    def paired(self) -> bool:
        """Whether each row has evidence beside it, and each piece of evidence a row."""
        return self.rows == self.evidence_rows

    def pick(self, places: range) -> pa.Table:
        """Return id, PRN and instant of the rows at these places, counted from 0; both files must have them."""
        at = pa.array(places, pa.int64())
        observed = self.observed.take(at).cast(INSTANT)
        return pa.table({PRN: self.prn[list(places)], "image_id": self.image_id.take(at), "observed_at": observed})


def scan_rows(db: DuckDBPyConnection, *, salt: str, dated: bool) -> Scan:
    """Read every row once. The shorter file is read as ending in nulls, which are no rows of it.

    Args:
        db: Has the views of :mod:`~resift.core.staged_views`; one thread, so that rows come in
            the order of the files.
        salt: The pool's: the PRN of each id is computed again with it.
        dated: Whether the part has instants. Then one that is null differs from that of the evidence; what the footer
            says of nulls is the writer's word.
    """
    prn, ids, image_id, observed = [np.empty(0, np.int64)], [np.empty(0, np.int64)], list[pa.Array](), list[pa.Array]()
    rows = evidence_rows = same = 0
    same_instant = "p.observed = e.observed" if dated else "true"
    for batch in db.sql(_ROWS.format(same_instant=same_instant)).to_arrow_reader(CHUNK):
        rows += batch["in_part"].true_count
        evidence_rows += batch["in_evidence"].true_count
        same += batch["same"].true_count
        ids.append(numbers_of(batch["image_id"], salt=salt))
        prn.append(batch[PRN].to_numpy())
        image_id.append(batch["image_id"])
        observed.append(batch["observed"].cast(pa.int64()))
    return Scan(
        rows=rows,
        evidence_rows=evidence_rows,
        prn=np.concatenate(prn)[:rows],
        ids=np.concatenate(ids)[:rows],
        observed=pa.chunked_array(observed, pa.int64()).slice(0, evidence_rows),
        same=same,
        image_id=pa.chunked_array(image_id, pa.string()).slice(0, rows),
    )


_ROWS = f"""
SELECT p.{ROW} IS NOT NULL AS in_part, e.{ROW} IS NOT NULL AS in_evidence,
       p.image_id, coalesce(p.{PRN}, -1) AS {PRN}, e.observed,
       p.{PRN} = e.{PRN} AND {{same_instant}} AS same
FROM part p POSITIONAL JOIN evidence e
"""


def numbers_of(ids: pa.Array, *, salt: str) -> np.ndarray:
    """Return the number of each id, SipHash-2-4 shifted right by one; ``NO_NUMBER`` where there is none."""
    # As bytes: text would be made only to be encoded again.
    values = ids.fill_null("").cast(pa.binary()).to_numpy(zero_copy_only=False)
    numbers = (hash_array(values, hash_key=salt, categorize=False) >> np.uint64(1)).view(np.int64)
    if ids.null_count:
        numbers[~ids.is_valid().to_numpy(zero_copy_only=False)] = NO_NUMBER
    return numbers
