"""Count the rows of a part that may not be in it: those that are suppressed, and those the policy excludes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa

from resift.core.scan import CHUNK, numbers_of
from resift.core.staged_views import NEWEST, ROW, SPELLED_OUT, said_by_newest

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

WORDS = tuple(
    f"{newest}{name}" for newest in ("", NEWEST) for name in ("owner_country", "upload_country", "subdivision", "host")
)
"""Columns of the evidence that name a place by a word: few different ones, however many rows."""


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


_OWNERS = f"""
SELECT DISTINCT owner_id AS id FROM evidence
UNION SELECT {said_by_newest("newest_owner_id")} FROM evidence WHERE (is_newest AND newest_owner_id IS NULL) IS NOT TRUE
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
    # Where none are written of the newest observation, it has none, or those of then: a place looked at is known.
    for lat, lon in (("lat", "lon"), ("newest_lat", "newest_lon")):
        points = db.sql(_POINTS.format(lat=lat, lon=lon)).to_arrow_reader(CHUNK).read_all()
        north, east = points["lat"].to_numpy(), points["lon"].to_numpy()
        told = np.isfinite(north) & np.isfinite(east)
        rows.append(points[ROW].to_numpy()[told][exclusion.points(north[told], east[told])])
        if not told.all():
            texts = db.sql(_HALVES.format(lat=lat, lon=lon)).to_arrow_table()
            rows.append(texts[ROW].to_numpy()[exclusion.halves(texts["lat"], texts["lon"])])
    return len(np.unique(np.concatenate(rows)))


_POINTS = f"""
SELECT {ROW}, try_cast({{lat}} AS DOUBLE) AS lat, try_cast({{lon}} AS DOUBLE) AS lon
FROM evidence WHERE {{lat}} IS NOT NULL OR {{lon}} IS NOT NULL
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
    rows = db.sql(f"SELECT {ROW} FROM {SPELLED_OUT} e SEMI JOIN bad b ON {same}").fetchnumpy()[ROW]
    db.unregister("bad")
    return np.asarray(rows, dtype=np.int64)
