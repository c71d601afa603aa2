"""Count the rows of a part that may not be in it: those that are suppressed, and those the policy excludes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa
from pandas.util import hash_array

from resift.core.staged_views import ROW

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CHUNK = 1 << 14
"""Rows the engine hands over at once: as Python objects the ids of a whole part take ten times their size."""

NO_NUMBER = -2
"""Stands for the number of an id that is not there; no suppression and no PRN is equal to it."""

WORDS = tuple(
    f"{newest}{name}"
    for newest in ("", "newest_")
    for name in ("owner_country", "upload_country", "subdivision", "host")
)
"""Columns of the evidence that name a place by a word: few different ones, however many rows."""

AXES = ("lat", "lon", "newest_lat", "newest_lon")


class Exclusion(Protocol):
    """What the policy's facts exclude, read independently of the judge of the sift."""

    def words(self, evidence: pa.Table) -> np.ndarray:
        """Return which rows of ``WORDS`` show an excluded place, or none that is not excluded."""
        ...

    def points(self, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
        """Return which coordinates, in degrees, lie in an excluded place."""
        ...

    def halves(self, lat: pa.ChunkedArray, lon: pa.ChunkedArray) -> np.ndarray:
        """Return which texts are one coordinate without the other, where that excludes."""
        ...


def numbers_of(ids: pa.Array, *, salt: str) -> np.ndarray:
    """Return the number of each id, SipHash-2-4 shifted right by one; ``NO_NUMBER`` where there is none."""
    # As bytes: text would be made only to be encoded again.
    values = ids.fill_null("").cast(pa.binary()).to_numpy(zero_copy_only=False)
    numbers = (hash_array(values, hash_key=salt, categorize=False) >> np.uint64(1)).view(np.int64)
    if ids.null_count:
        numbers[~ids.is_valid().to_numpy(zero_copy_only=False)] = NO_NUMBER
    return numbers


def count_suppressed(
    db: DuckDBPyConnection, ids: np.ndarray, *, images: np.ndarray, owners: np.ndarray, salt: str
) -> int:
    """Count rows whose image or owner, then or newest, has the number of a suppression; a shared number counts too.

    Args:
        db: Has the view ``evidence``.
        ids: The number of the id of each row.
        images: Numbers of suppressed images.
        owners: Numbers of suppressed owners.
        salt: The pool's.
    """
    rows = [np.flatnonzero(np.isin(ids, images))]
    if len(owners):
        known = db.sql(_OWNERS).to_arrow_table()["id"].combine_chunks()
        found = known.filter(pa.array(np.isin(numbers_of(known, salt=salt), owners)))
        rows += [_rows_with(db, pa.table({column: found})) for column in ("owner_id", "newest_owner_id")]
    return len(np.unique(np.concatenate(rows)))


_OWNERS = """
SELECT DISTINCT owner_id AS id FROM evidence
UNION SELECT newest_owner_id FROM evidence WHERE newest_owner_id IS DISTINCT FROM owner_id
"""


def count_excluded(db: DuckDBPyConnection, words: pa.Table, exclusion: Exclusion) -> int:
    """Count rows the policy excludes: its words looked at once each, its coordinates row by row.

    Args:
        db: Has the view ``evidence``.
        words: The combinations of ``WORDS`` that occur in it.
        exclusion: The policy.
    """
    words = words.select(WORDS)
    rows = [_rows_with(db, words.filter(pa.array(exclusion.words(words))))]
    points = db.sql(_POINTS).to_arrow_reader(CHUNK).read_all()
    numbers, before = points[ROW].to_numpy(), (np.nan, np.nan)
    for axes in (("lat", "lon"), ("newest_lat", "newest_lon")):
        lat, lon = (points[axis].to_numpy() for axis in axes)
        told = np.isfinite(lat) & np.isfinite(lon)
        # The newest coordinates are mostly those of then, and a place looked at once is known.
        new = told & ((lat != before[0]) | (lon != before[1]))
        rows.append(numbers[new][exclusion.points(lat[new], lon[new])])
        before = lat, lon
        if not told.all():
            texts = db.sql(_HALVES.format(lat=axes[0], lon=axes[1])).to_arrow_table()
            rows.append(texts[ROW].to_numpy()[exclusion.halves(texts["lat"], texts["lon"])])
    return len(np.unique(np.concatenate(rows)))


_POINTS = f"""
SELECT {ROW}, {", ".join(f"try_cast({axis} AS DOUBLE) AS {axis}" for axis in AXES)}
FROM evidence WHERE {" OR ".join(f"{axis} IS NOT NULL" for axis in AXES)}
"""

# What is not two numbers, and not nothing: few rows, for the sift excludes nearly all of them.
_HALVES = f"""
SELECT {ROW}, {{lat}} AS lat, {{lon}} AS lon FROM evidence
WHERE ({{lat}} IS NOT NULL OR {{lon}} IS NOT NULL)
  AND (isfinite(try_cast({{lat}} AS DOUBLE)) AND isfinite(try_cast({{lon}} AS DOUBLE))) IS NOT TRUE
"""


def _rows_with(db: DuckDBPyConnection, bad: pa.Table) -> np.ndarray:
    """Return the numbers of the rows of the evidence that have the values of one of these rows."""
    if not len(bad):
        return np.empty(0, dtype=np.int64)
    db.register("bad", bad)
    same = " AND ".join(f"e.{name} IS NOT DISTINCT FROM b.{name}" for name in bad.column_names)
    rows = db.sql(f"SELECT {ROW} FROM evidence e SEMI JOIN bad b ON {same}").fetchnumpy()[ROW]
    db.unregister("bad")
    return np.asarray(rows, dtype=np.int64)
