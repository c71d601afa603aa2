"""Lays the audit's metrics out as frames: one row per part, and one row for the whole snapshot.

A derived column does arithmetic only. Whether its value is allowed is decided in the suites.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from resift.checks.rows import PART, rows_due
from resift.checks.validity import CIRCLE, validity
from resift.model.grid import midnight
from resift.model.observation import CARRIED_TYPES, PRN, run_schema
from resift.model.reasons import EXCLUDED, FRAME_REASONS, NOT_DRAWN
from resift.model.refresh import CutReceipt, PartEntry, PartMetrics, Plan, Range

LEAST_EXPECTED_ROWS = 30
"""Ranges expected to hold fewer rows are not compared in size: chance alone moves them too far."""

_MEASURED = (
    "rows",
    "size_bytes",
    "sha256",
    "distinct_ids",
    "null_ids",
    "first_prn",
    "last_prn",
    "prn_order_breaks",
    "offsets_outside_range",
    "prn_differs",
    "evidence_rows",
    "evidence_mismatches",
    "not_public",
    "stale",
    "observed_after_as_of",
    "suppressed",
    "excluded",
)
_CLAIMED = ("rows", "size_bytes", "sha256", "first_prn", "last_prn")


def published_schema(plan: Plan) -> dict[str, str]:
    """Return name and type of each column of a part, in order: the PRN, then what the dataset file publishes."""
    carried = pa.schema([(name, CARRIED_TYPES[kind]) for name, kind in plan.columns.items()])
    types = {field.name: str(field.type) for field in run_schema(carried)}
    return {name: types[name] for name in (PRN, *plan.dataset.publish_columns)}


def offset(prn: int, *, start: int) -> int:
    """Return how far after the start point a PRN lies, going round."""
    return (prn - start) % CIRCLE


def parts_frame(plan: Plan, cut: CutReceipt, metrics: Sequence[PartMetrics], sample: pa.Table) -> pd.DataFrame:
    """Return one row per measurement, and one per part of the cut that nobody measured.

    Columns of a measurement that does not exist are null; ``audits`` tells how many there are.
    """
    entries = {entry.path: entry for entry in cut.parts}
    ranges = dict(zip(entries, _ranges(plan, cut), strict=False))
    sampled, due = Counter(sample[PART].to_pylist()), rows_due(cut.parts)
    audits: dict[str, int] = {}
    for one in metrics:
        audits[one.path] = audits.get(one.path, 0) + 1
    order = {path: place for place, path in enumerate(entries)}
    rows: list[dict[str, Any]] = [{"part": path, "audits": 0, "in_cut": 1} for path in entries if path not in audits]
    last_offset = -1
    for one in sorted(metrics, key=lambda one: order.get(one.path, len(order))):
        row = {"part": one.path, "audits": audits[one.path], "in_cut": int(one.path in entries)}
        row |= _measured(one, plan) | _claimed(entries.get(one.path))
        row |= {"sampled": sampled[one.path], "sampled_due": due.get(one.path)}
        row["widest_gap_rows"] = one.widest_gap / max(1, cut.width) * cut.rows
        if one.path in ranges:
            row |= _place(one, ranges[one.path], start=plan.start, after=last_offset)
            last_offset = offset(one.last_prn, start=plan.start)
        rows.append(row)
    frame = pd.DataFrame(rows)
    if rows and metrics:
        frame["evenness_sigmas"] = frame["part"].map(_evenness(cut, metrics, ranges)).astype(float)
    return frame


def snapshot_frame(plan: Plan, cut: CutReceipt, metrics: Sequence[PartMetrics], sample: pa.Table) -> pd.DataFrame:
    """Return the one row that speaks of the whole snapshot."""
    size = plan.dataset.size
    rows = sum(one.rows for one in metrics)
    removed = sum(cut.removed.values())
    ends = sorted((offset(m.first_prn, start=plan.start), offset(m.last_prn, start=plan.start)) for m in metrics)
    covered = CIRCLE if cut.exhausted else (ends[-1][1] + 1 if ends else 0)
    row = {
        "snapshot": str(cut.version),
        "parts": len(metrics),
        "parts_of_cut": len(cut.parts),
        "rows": rows,
        "rows_of_cut": cut.rows,
        "rows_of_entries": sum(entry.rows for entry in cut.parts),
        "rows_due": min(rows, size) if cut.exhausted else size,
        "observations": cut.observations,
        "observations_accounted": cut.superseded + removed + cut.rows,
        "unknown_reasons": _unknown_reasons(cut.removed),
        "negative_counts": _negative_counts(cut),
        # Text, because the whole circle is 2^63 and no int64 holds that.
        "width": str(cut.width),
        "width_due": str(covered),
        "widest_hole_rows": _widest_hole(ends, covered) / covered * rows if covered else 0.0,
        "stayed_of_previous": cut.previous_members - sum(cut.left.values()) if plan.previous else None,
        "stayed_of_rows": cut.rows - sum(cut.entered.values()) if plan.previous else None,
    } | validity(plan, cut, sample)
    return pd.DataFrame([row])


def _ranges(plan: Plan, cut: CutReceipt) -> list[Range]:
    """Return the range of each part: they follow from the range's width, however far the plan looked at the last."""
    width = plan.range_width
    return [
        Range(index=index, lo=index * width, hi=min((index + 1) * width, CIRCLE), role="draw") for index in cut.ranges
    ]


def _measured(one: PartMetrics, plan: Plan) -> dict[str, Any]:
    as_of = midnight(plan.version)
    return {name: getattr(one, name) for name in _MEASURED} | {
        "columns": ", ".join(one.columns),
        "column_types": ", ".join(one.column_types),
        "required_nulls": sum(one.nulls.get(name, 0) for name in (PRN, "observed_at")),
        "observed_max": one.observed_max,
        "observed_min": one.observed_min,
        "as_of": as_of,
        "oldest_allowed": as_of - plan.dataset.max_age,
        "uniformity_sigmas": _uniformity(one),
    }


def _claimed(entry: PartEntry | None) -> dict[str, Any]:
    return {} if entry is None else {f"cut_{name}": getattr(entry, name) for name in _CLAIMED}


def _place(one: PartMetrics, interval: Range, *, start: int, after: int) -> dict[str, Any]:
    first, last = offset(one.first_prn, start=start), offset(one.last_prn, start=start)
    return {
        "gap_before": first - after,
        "offset_excess": max(interval.lo - first, 0) + max(last + 1 - interval.hi, 0) + max(first - last, 0),
    }


def _uniformity(one: PartMetrics) -> float:
    """Return how many standard errors the mean position lies from the middle.

    The mean of ``n`` uniform positions has variance ``1 / 12n``; what cannot be computed counts as far off.
    """
    if one.rows < 1 or not math.isfinite(one.prn_mean_offset):
        return 1e9
    return abs(one.prn_mean_offset - 0.5) / math.sqrt(1 / 12 / one.rows)


def _evenness(cut: CutReceipt, metrics: Sequence[PartMetrics], ranges: Mapping[str, Range]) -> dict[str, float]:
    """Return how far the rows of each whole range lie from their share by width, in standard errors.

    Counts of uniform items in ranges are Poisson; after Anscombe (1948), ``2 √(x + 3/8)`` has variance 1.
    The range the cut trimmed is not whole.
    """
    trimmed = cut.parts[-1].path if cut.parts and not cut.exhausted else None
    whole = {m.path: m.rows for m in metrics if m.path in ranges and m.path != trimmed}
    spans = {path: ranges[path].hi - ranges[path].lo for path in whole}
    sigmas = {}
    all_rows, all_spans = sum(whole.values()), sum(spans.values())
    for path, rows in whole.items():
        expected = all_rows * (spans[path] / all_spans)
        if len(whole) > 1 and expected >= LEAST_EXPECTED_ROWS:
            sigmas[path] = 2 * abs(math.sqrt(rows + 3 / 8) - math.sqrt(expected + 3 / 8))
    return sigmas


def _widest_hole(ends: Sequence[tuple[int, int]], covered: int) -> int:
    """Return the widest stretch between parts, or before the first, or after the last up to what is covered."""
    starts = [first for first, _ in ends] + [covered]
    stops = [0] + [last for _, last in ends]
    return max(0, *(start - stop for start, stop in zip(starts, stops, strict=True)))


def _unknown_reasons(removed: Mapping[str, int]) -> int:
    known = {*FRAME_REASONS, NOT_DRAWN}
    return sum(reason not in known and not reason.startswith(f"{EXCLUDED}.") for reason in removed)


def _negative_counts(cut: CutReceipt) -> int:
    counts = [cut.observations, cut.superseded, cut.previous_members]
    for by_cause in (cut.removed, cut.entered, cut.left):
        counts += by_cause.values()
    return sum(count < 0 for count in counts)
