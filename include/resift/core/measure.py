"""Measure one staged part from its bytes alone, by SQL: another engine than the one that drew and wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from resift.core.refused import WORDS, Exclusion, count_excluded, count_suppressed
from resift.core.scan import NO_NUMBER, Scan
from resift.core.staged_views import NEWEST, said_by_newest
from resift.model.mixes import NONE, OTHER
from resift.model.observation import PRN

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation

_MOST_WORDS = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST, _LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_CIRCLE = 2**63
_TEN_DAYS = 864e9
_TENS = (-1, 2_000)
"""Ages counted apart, in tens of days: instants of drops are not before 1970."""


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


def measure(db: DuckDBPyConnection, schema: pa.Schema, scan: Scan, expected: Expected) -> dict[str, Any]:
    """Return the measured fields of :class:`~resift.model.refresh.PartMetrics` that come from the rows.

    Whatever a file holds or lacks is counted, never guessed: a null, a PRN outside of the circle and a column that is
    not there count against each rule that needs them.

    Args:
        db: Has the views of :mod:`~resift.core.staged_views`.
        schema: That of the part, as its file states it.
        scan: What reading every row brought back.
        expected: The limits the counts are taken against.
    """
    words = db.sql(_WORDS).to_arrow_table()
    licenses = db.sql("SELECT license, count(*) AS rows FROM part GROUP BY 1").to_arrow_table()
    return {
        "rows": scan.rows,
        "evidence_rows": scan.evidence_rows,
        "null_ids": int((scan.ids == NO_NUMBER).sum()),
        "columns": tuple(schema.names),
        "column_types": tuple(str(field.type) for field in schema),
        "nulls": _nulls(db, schema.names),
        "evidence_mismatches": max(scan.rows, scan.evidence_rows) - (scan.same if scan.paired else 0),
        **_aged(scan.observed, expected),
        **_placed(db, scan.prn, scan.ids, expected),
        "not_public": sum(words.filter(words["closed"])["rows"].to_pylist()),
        "suppressed": count_suppressed(
            db,
            scan.ids,
            images=expected.suppressed_images,
            owners=expected.suppressed_owners,
            salt=expected.salt,
        ),
        "excluded": count_excluded(db, words, expected.exclusion),
        "by_country": _ranked(_countries(words, expected.country_fields), words["rows"]),
        "by_host": _ranked(words["host"], words["rows"]),
        "by_license": _ranked(licenses["license"], licenses["rows"]),
    }


# Grouped as they are written, and spelled out after that: for few combinations and not for every row.
_NEWEST_WORDS = ", ".join(said_by_newest(name) for name in ("newest_state", *WORDS) if name.startswith(NEWEST))
_WORDS = f"""
SELECT {", ".join(WORDS)}, state IS DISTINCT FROM 'public' OR newest_state IS DISTINCT FROM 'public' AS closed, rows
FROM (SELECT * REPLACE ({_NEWEST_WORDS})
      FROM (SELECT {", ".join(WORDS)}, state, newest_state, is_newest, count(*) AS rows FROM evidence GROUP BY ALL))
"""

_IDS = f"""
SELECT count(DISTINCT image_id) + (count(*) > count(image_id))::INT AS distinct_ids,
       count(*) FILTER ({PRN} = before AND NOT coalesce(image_id > id_before, false)) AS ties_broken
FROM (SELECT image_id, {PRN}, lag({PRN}) OVER () AS before, lag(image_id) OVER () AS id_before FROM part)
"""


def _aged(observed: pa.ChunkedArray, expected: Expected) -> dict[str, Any]:
    """Measure the instants; one that is not known is both too early and too late."""
    known = observed.drop_null().to_numpy()
    as_of, nulls = _microseconds(expected.as_of), observed.null_count
    # Ages far out of bounds share the last interval: one of the rules about instants is broken by them anyway.
    tens = np.clip(np.floor((as_of - known.astype(np.float64)) / _TEN_DAYS), *_TENS).astype(np.int64)
    ages = {str(at * 10): count for at, count in enumerate(np.bincount(tens - _TENS[0]).tolist(), _TENS[0]) if count}
    return {
        "observed_max": _instant(known.max(), unknown=_LATEST) if len(known) else _LATEST,
        "observed_min": _instant(known.min(), unknown=_EARLIEST) if len(known) else _EARLIEST,
        "stale": int((known < _microseconds(expected.as_of - expected.max_age)).sum()) + nulls,
        "observed_after_as_of": int((known > as_of).sum()) + nulls,
        "by_age_days": ages | ({NONE: nulls} if nulls else {}),
    }


def _placed(db: DuckDBPyConnection, prn: np.ndarray, ids: np.ndarray, expected: Expected) -> dict[str, Any]:
    """Measure where the rows lie on the circle.

    Ids that hash to PRNs which ascend without a tie all differ; only where they do not is each looked at.
    """
    # Written out here a second time, on purpose: the audit shares no arithmetic with the draw.
    place = prn.astype(np.uint64) - np.uint64(expected.start)
    place[prn < expected.start] += np.uint64(_CIRCLE)
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


def _nulls(db: DuckDBPyConnection, columns: list[str]) -> dict[str, int]:
    counts = ", ".join(f"count(*) - count(c{place}) AS n{place}" for place in range(len(columns)))
    return dict(zip(columns, _row(db.sql(f"SELECT {counts} FROM part")).values(), strict=True))


def _countries(words: pa.Table, fields: tuple[str, ...]) -> pa.ChunkedArray:
    """Return what the first of these fields says that says anything, without blanks around it and in upper case."""
    nothing = pa.chunked_array([pa.nulls(len(words), pa.string())])
    return pc.utf8_upper(pc.utf8_trim_whitespace(pc.coalesce(*(words[name] for name in fields), nothing)))


def _ranked(words: pa.ChunkedArray, rows: pa.ChunkedArray) -> dict[str, int]:
    """Return the rows of the commonest words; of the rest together as ``other``, and of no word as ``none``."""
    said = pc.if_else(pc.fill_null(pc.equal(words, ""), True), NONE, words)
    counts = pa.table({"word": said, "rows": rows}).group_by("word").aggregate([("rows", "sum")])
    ranked = counts.sort_by([("rows_sum", "descending"), ("word", "descending")])
    named = dict(zip(*(column.to_pylist() for column in ranked.slice(0, _MOST_WORDS).columns), strict=True))
    rest = sum(ranked["rows_sum"].slice(_MOST_WORDS).to_pylist())
    return {**named, OTHER: named.get(OTHER, 0) + rest} if rest else named


def _row(relation: DuckDBPyRelation) -> dict[str, Any]:
    (values,) = relation.fetchall()
    return dict(zip(relation.columns, values, strict=True))


def _instant(microseconds: np.int64, *, unknown: datetime) -> datetime:
    """Return an instant; where none can be told, the one that no limit allows."""
    try:
        return _EPOCH + timedelta(microseconds=int(microseconds))
    except OverflowError:
        return unknown


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)
