"""Measure one staged part, from its bytes alone: nothing here calls the code that made it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from resift.model.observation import PRN

_MOST_WORDS = 200


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

    excluded: Callable[[pa.Table], int]
    """Counts rows of the evidence that the policy's facts exclude."""

    country_fields: tuple[str, ...]
    """Evidence fields that hold countries, for the count by country."""

    suppressed: Callable[[pa.Table], int]
    """Counts rows of the evidence that a suppression speaks of."""


def measure(part: pa.Table, evidence: pa.Table, expected: Expected) -> dict[str, Any]:
    """Return the measured fields of :class:`~resift.model.refresh.PartMetrics` that come from the rows.

    Args:
        part: A staged part: PRN and published columns, at least one row.
        evidence: The evidence staged beside it, row by row.
        expected: The limits the counts are taken against.
    """
    prn = part[PRN].to_numpy()
    # Written out here a second time, on purpose: the audit shares no arithmetic with the draw.
    offset = (prn.astype(np.uint64) - np.uint64(expected.start)) % np.uint64(2**63)
    span = max(1, int(offset.max()) - expected.lo)
    age = _ages(evidence["observed_at"], expected.as_of)
    return {
        "rows": len(part),
        "columns": tuple(part.column_names),
        "column_types": tuple(str(field.type) for field in part.schema),
        "distinct_ids": pc.count_distinct(part["image_id"], mode="all").as_py(),
        "null_ids": part["image_id"].null_count,
        "nulls": {name: part[name].null_count for name in part.column_names},
        "first_prn": int(prn[0]),
        "last_prn": int(prn[-1]),
        "prn_order_breaks": _order_breaks(offset, part["image_id"]),
        "offsets_outside_range": int(((offset < expected.lo) | (offset >= expected.hi)).sum()),
        "prn_mean_offset": float((offset.astype(np.float64) - expected.lo).mean() / span),
        "evidence_rows": len(evidence),
        "evidence_mismatches": _mismatches(part, evidence),
        "observed_max": pc.max(evidence["observed_at"]).as_py(),
        "observed_min": pc.min(evidence["observed_at"]).as_py(),
        "not_public": _count(pc.or_(*(pc.not_equal(evidence[name], "public") for name in ("state", "newest_state")))),
        "stale": int((age > expected.max_age / timedelta(days=1)).sum()),
        "observed_after_as_of": int((age < 0).sum()),
        "suppressed": expected.suppressed(evidence),
        "excluded": expected.excluded(evidence),
        "by_country": _words(_country(evidence, expected.country_fields)),
        "by_host": _words(evidence["host"]),
        "by_license": _words(part["license"]) if "license" in part.column_names else {},
        "by_age_days": _words(pa.chunked_array([pa.array(np.floor(age / 10).astype(np.int64) * 10).cast(pa.string())])),
    }


def _ages(observed: pa.ChunkedArray, as_of: datetime) -> np.ndarray:
    """Return how many days before ``as_of`` each instant lies, with fractions."""
    elapsed = pc.subtract(pa.scalar(as_of, pa.timestamp("us", tz="UTC")), observed)
    return elapsed.cast(pa.int64()).to_numpy() / (timedelta(days=1) / timedelta(microseconds=1))


def _order_breaks(offset: np.ndarray, ids: pa.ChunkedArray) -> int:
    """Count neighbours that do not ascend by offset, and by id where two ids share a PRN."""
    breaks = int((offset[1:] < offset[:-1]).sum())
    for tie in np.flatnonzero(offset[1:] == offset[:-1]):
        before, after = ids[int(tie)].as_py(), ids[int(tie) + 1].as_py()
        breaks += before is None or after is None or not before.encode() < after.encode()
    return breaks


def _mismatches(part: pa.Table, evidence: pa.Table) -> int:
    if len(part) != len(evidence):
        return max(len(part), len(evidence))
    same = pc.and_(pc.equal(part["image_id"], evidence["image_id"]), pc.equal(part[PRN], evidence[PRN]))
    return len(part) - _count(same)


def _country(evidence: pa.Table, fields: tuple[str, ...]) -> pa.ChunkedArray:
    return pc.utf8_upper(pc.utf8_trim_whitespace(pc.coalesce(*(evidence[name] for name in fields))))


def _words(column: pa.ChunkedArray) -> dict[str, int]:
    """Return the commonest values and their counts; the rest together as ``other``, nulls as ``none``."""
    counts = sorted(
        ((entry["counts"].as_py(), entry["values"].as_py() or "none") for entry in column.value_counts()), reverse=True
    )
    words: Mapping[str, int] = {word: count for count, word in counts[:_MOST_WORDS]}
    rest = sum(count for count, _ in counts[_MOST_WORDS:])
    return {**words, "other": rest} if rest else dict(words)


def _count(mask: pa.ChunkedArray) -> int:
    return int(pc.sum(mask).as_py() or 0)
