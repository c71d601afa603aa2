"""Measure one staged part from its bytes alone, by SQL: another engine than the one that drew and wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pandas.util import hash_array

from resift.core.staged_views import ROW
from resift.model.observation import PRN

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation

_MOST_WORDS = 200
_CHUNK = 1 << 18
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST, _LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_CIRCLE = 2**63

WORDS = tuple(
    f"{newest}{name}"
    for newest in ("", "newest_")
    for name in ("owner_country", "upload_country", "subdivision", "host")
)
"""Columns of the evidence that name a place by a word: few different ones, however many rows."""


class Exclusion(Protocol):
    """What the policy's facts exclude, read independently of the judge of the sift."""

    def words(self, evidence: pa.Table) -> np.ndarray:
        """Return which rows of ``WORDS`` show an excluded place, or none that is not excluded."""
        ...

    def points(self, lat: pa.ChunkedArray, lon: pa.ChunkedArray) -> np.ndarray:
        """Return which coordinates, in degrees, lie in an excluded place."""
        ...

    def halves(self, lat: pa.ChunkedArray, lon: pa.ChunkedArray) -> np.ndarray:
        """Return which texts are one coordinate without the other, where that excludes."""
        ...


@dataclass(frozen=True, slots=True)
class Expected:
    """What a part is measured against."""

    as_of: datetime
    max_age: timedelta
    start: int
    lo: int
    """Smallest offset of its range."""

    hi: int
    """First offset past its range."""

    salt: str
    """The pool's: the PRN of each id is computed again with it."""

    exclusion: Exclusion
    country_fields: tuple[str, ...]
    """Evidence fields that hold countries, for the count by country."""

    suppressed_images: np.ndarray
    """Numbers of suppressed images: the PRNs of their ids."""

    suppressed_owners: np.ndarray
    """Numbers of suppressed owners: the hash that makes a PRN of an image id, of theirs."""


def measure(db: DuckDBPyConnection, schema: pa.Schema, expected: Expected) -> dict[str, Any]:
    """Return the measured fields of :class:`~resift.model.refresh.PartMetrics` that come from the rows.

    Whatever a file holds or lacks is counted, never guessed: a null, a PRN outside of the circle and a column that is
    not there count against each rule that needs them.

    Args:
        db: Has the views ``part`` and ``evidence`` of :mod:`~resift.core.staged_views`; one thread, so that rows come
            in the order of the files.
        schema: That of the part, as its file states it.
        expected: The limits the counts are taken against.
    """
    found = _row(db.sql(_COUNTS.format(**_bounds(expected))))
    rows, same = found.pop("rows"), found.pop("same_rows")
    prn, ids = _numbers(db, f"SELECT image_id AS id, coalesce({PRN}, -1) AS {PRN} FROM part", salt=expected.salt)
    db.execute(
        f"CREATE OR REPLACE TEMP TABLE words AS SELECT {', '.join(WORDS)}, count(*) AS rows FROM evidence GROUP BY ALL"
    )
    return {
        **found,
        "rows": rows,
        "columns": tuple(schema.names),
        "column_types": tuple(str(field.type) for field in schema),
        "nulls": _nulls(db, schema.names),
        "observed_max": _instant(found["observed_max"], unknown=_LATEST),
        "observed_min": _instant(found["observed_min"], unknown=_EARLIEST),
        "evidence_mismatches": rows - same if rows == found["evidence_rows"] else max(rows, found["evidence_rows"]),
        **_placed(db, prn, ids, expected),
        "suppressed": _suppressed(db, ids, expected),
        "excluded": _excluded(db, expected.exclusion),
        "by_country": _countries(db, expected.country_fields),
        "by_host": _words(db, "SELECT host AS word, rows FROM words"),
        "by_license": _words(db, "SELECT license AS word, 1 AS rows FROM part"),
        "by_age_days": _words(db, _AGES.format(**_bounds(expected))),
    }


_COUNTS = f"""
SELECT
  count(p.{ROW}) AS rows,
  count(e.{ROW}) AS evidence_rows,
  count(p.{ROW}) - count(p.image_id) AS null_ids,
  count(*) FILTER (coalesce(p.image_id = e.image_id AND p.{PRN} = e.{PRN}
    AND coalesce(p.observed = e.observed, p.observed IS NULL), false)) AS same_rows,
  max(e.observed) AS observed_max,
  min(e.observed) AS observed_min,
  count(e.{ROW}) FILTER (state IS DISTINCT FROM 'public' OR newest_state IS DISTINCT FROM 'public') AS not_public,
  count(e.{ROW}) FILTER (NOT coalesce(e.observed >= {{oldest}}, false)) AS stale,
  count(e.{ROW}) FILTER (NOT coalesce(e.observed <= {{as_of}}, false)) AS observed_after_as_of
FROM part p POSITIONAL JOIN evidence e
"""

_AGES = """
SELECT (floor(({as_of} - observed) / 864e9) * 10)::BIGINT::VARCHAR AS word, count(*) AS rows FROM evidence GROUP BY 1
"""

_IDS = f"""
SELECT count(DISTINCT image_id) + (count(*) > count(image_id))::INT AS distinct_ids,
       count(*) FILTER ({PRN} = before AND NOT coalesce(image_id > id_before, false)) AS ties_broken
FROM (SELECT image_id, {PRN}, lag({PRN}) OVER () AS before, lag(image_id) OVER () AS id_before FROM part)
"""


def _placed(db: DuckDBPyConnection, prn: np.ndarray, ids: np.ndarray, expected: Expected) -> dict[str, Any]:
    """Measure where the rows lie on the circle.

    Ids that hash to PRNs which ascend without a tie all differ; only where they do not is each looked at.
    """
    # Written out here a second time, on purpose: the audit shares no arithmetic with the draw.
    place = (prn.astype(np.uint64) - np.uint64(expected.start)) % np.uint64(_CIRCLE)
    on_circle = prn >= 0
    place[~on_circle] = _CIRCLE
    rises = place[1:] > place[:-1]
    differs = int((ids != prn).sum())
    told = {"distinct_ids": len(prn), "ties_broken": 0}
    if differs or not rises.all():
        told = _row(db.sql(_IDS))
    span = max(1, int(place.max(initial=0)) - expected.lo)
    return {
        "distinct_ids": told["distinct_ids"],
        "first_prn": int(prn[0]) if len(prn) else -1,
        "last_prn": int(prn[-1]) if len(prn) else -1,
        "prn_order_breaks": int((place[1:] < place[:-1]).sum()) + told["ties_broken"],
        "offsets_outside_range": int(((place < expected.lo) | (place >= expected.hi)).sum()),
        "prn_mean_offset": float((place.astype(np.float64) - expected.lo).mean() / span) if len(prn) else 0.0,
        "widest_gap": int(np.diff(place[place < _CIRCLE].astype(np.int64)).max(initial=0)),
        "prn_differs": differs,
    }


def _bounds(expected: Expected) -> dict[str, int]:
    return {
        "as_of": _microseconds(expected.as_of),
        "oldest": _microseconds(expected.as_of - expected.max_age),
    }


def _nulls(db: DuckDBPyConnection, columns: list[str]) -> dict[str, int]:
    counts = ", ".join(f"count(*) - count(c{place}) AS n{place}" for place in range(len(columns)))
    return dict(zip(columns, _row(db.sql(f"SELECT {counts} FROM part")).values(), strict=True))


def _numbers(db: DuckDBPyConnection, query: str, *, salt: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the second column, and SipHash-2-4 of the first shifted right by one; -2 where that is null."""
    others, numbers = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    # In pieces: as Python strings the ids of a whole part take ten times their size.
    for batch in db.sql(query).to_arrow_reader(_CHUNK):
        ids, other = batch.columns
        hashes = hash_array(ids.fill_null("").to_numpy(zero_copy_only=False), hash_key=salt, categorize=False)
        number = (hashes >> np.uint64(1)).view(np.int64)
        number[~ids.is_valid().to_numpy(zero_copy_only=False)] = -2
        numbers.append(number)
        others.append(other.to_numpy())
    return np.concatenate(others), np.concatenate(numbers)


def _suppressed(db: DuckDBPyConnection, ids: np.ndarray, expected: Expected) -> int:
    """Count rows whose image or owner has the number of a suppression; a shared number counts too."""
    rows = [np.flatnonzero(np.isin(ids, expected.suppressed_images))]
    for column in ("owner_id", "newest_owner_id") if len(expected.suppressed_owners) else ():
        db.execute(
            f"CREATE OR REPLACE TEMP TABLE owners AS SELECT DISTINCT {column} AS id, 0::BIGINT AS n FROM evidence"
        )
        _, numbers = _numbers(db, "SELECT id, n FROM owners", salt=expected.salt)
        bad = np.isin(numbers, expected.suppressed_owners)
        rows.append(_rows_with(db, db.sql(f"SELECT id AS {column} FROM owners").to_arrow_table().filter(pa.array(bad))))
    return len(np.unique(np.concatenate(rows)))


def _excluded(db: DuckDBPyConnection, exclusion: Exclusion) -> int:
    """Count rows the policy excludes: its words looked at once each, its coordinates row by row."""
    words = db.sql(f"SELECT {', '.join(WORDS)} FROM words").to_arrow_table()
    rows = [_rows_with(db, words.filter(pa.array(exclusion.words(words))))]
    points = db.sql(_POINTS).to_arrow_table()
    for lat, lon in (("lat", "lon"), ("newest_lat", "newest_lon")):
        known = points.filter(pc.and_(pc.is_valid(points[lat]), pc.is_valid(points[lon])))
        rows.append(known[ROW].to_numpy()[exclusion.points(known[lat], known[lon])])
        texts = db.sql(_HALVES.format(lat=lat, lon=lon)).to_arrow_table()
        rows.append(texts[ROW].to_numpy()[exclusion.halves(texts["lat"], texts["lon"])])
    return len(np.unique(np.concatenate(rows)))


# The newest coordinates are mostly those of then, and a place looked at once is known.
_POINTS = f"""
SELECT {ROW}, try_cast(lat AS DOUBLE) AS lat, try_cast(lon AS DOUBLE) AS lon,
       CASE WHEN moved THEN try_cast(newest_lat AS DOUBLE) END AS newest_lat,
       CASE WHEN moved THEN try_cast(newest_lon AS DOUBLE) END AS newest_lon
FROM (SELECT *, lat IS DISTINCT FROM newest_lat OR lon IS DISTINCT FROM newest_lon AS moved FROM evidence)
WHERE lat IS NOT NULL AND lon IS NOT NULL OR newest_lat IS NOT NULL AND newest_lon IS NOT NULL
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


def _countries(db: DuckDBPyConnection, fields: tuple[str, ...]) -> dict[str, int]:
    return _words(db, f"SELECT upper(trim(coalesce({', '.join(fields) or 'NULL'}))) AS word, rows FROM words")


def _words(db: DuckDBPyConnection, words: str) -> dict[str, int]:
    """Return the commonest values and their counts; the rest together as ``other``, nulls as ``none``."""
    counted = f"SELECT coalesce(nullif(word, ''), 'none') AS word, sum(rows)::BIGINT AS rows FROM ({words}) GROUP BY 1"
    ranked = f"SELECT *, sum(rows) OVER ()::BIGINT FROM ({counted}) ORDER BY rows DESC, word DESC LIMIT {_MOST_WORDS}"
    found = db.sql(ranked).fetchall()
    named = {word: count for word, count, _ in found}
    rest = found[0][2] - sum(named.values()) if found else 0
    return {**named, "other": named.get("other", 0) + rest} if rest else named


def _row(relation: DuckDBPyRelation) -> dict[str, Any]:
    (values,) = relation.fetchall()
    return dict(zip(relation.columns, values, strict=True))


def _instant(microseconds: int | None, *, unknown: datetime) -> datetime:
    """Return an instant; where none can be told, the one that no limit allows."""
    try:
        return unknown if microseconds is None else _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        return unknown


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)
