"""Measures how a snapshot differs from the previous one, in one row: what cannot be compared is null."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from resift.checks.mixes import age_distance, counts_of, distance
from resift.checks.validity import rotated_share
from resift.model.mixes import WHOLE, Mixes
from resift.model.reasons import DELETED, EXCLUDED, PRIVATE, ROTATED, STALE
from resift.model.refresh import CutReceipt, PartMetrics, Plan


def drift_frame(plan: Plan, cut: CutReceipt, metrics: Sequence[PartMetrics], previous: Mixes | None) -> pd.DataFrame:
    """Return one row: a column per measure of drift, and ``nulls_COLUMN`` per published column.

    Args:
        plan: Says whether there is a previous snapshot, and how far the sample should rotate.
        cut: The exits by cause.
        metrics: What the audit measured.
        previous: The mixes of the previous snapshot; None where it has none, or there is no previous snapshot.
    """
    row = {"snapshot": str(cut.version)} | _exits(plan, cut) | _mixes(plan, metrics, previous)
    return pd.DataFrame([row]).astype({name: float for name in row if name != "snapshot"})


def _exits(plan: Plan, cut: CutReceipt) -> dict[str, float | None]:
    members = cut.previous_members if plan.previous else 0
    rotated = rotated_share(cut)
    if not members or rotated is None:
        return dict.fromkeys(("size", "deleted_or_private", "stale", "excluded", "churn", "turnover_gap"))

    def share(*causes: str) -> float:
        return sum(count for cause, count in cut.left.items() if cause.split(".")[0] in causes) / members

    return {
        "size": abs(cut.rows - members) / members,
        "deleted_or_private": share(DELETED, PRIVATE),
        "stale": share(STALE),
        "excluded": share(EXCLUDED),
        "churn": sum(cut.left.values()) / members - share(ROTATED),
        "turnover_gap": abs(rotated - plan.dataset.turnover),
    }


def _mixes(plan: Plan, metrics: Sequence[PartMetrics], previous: Mixes | None) -> dict[str, float | None]:
    columns = [f"nulls_{name}" for name in plan.dataset.publish_columns]
    if previous is None:
        return dict.fromkeys(("country", "license", "host", "age", *columns))
    counts = counts_of(metrics)
    days = age_distance(counts["age_days"], previous.age_days)
    rows = sum(part.rows for part in metrics)
    nulls = {
        f"nulls_{name}": abs(counts["nulls"][name] / rows - previous.nulls[name] / WHOLE)
        if name in previous.nulls and rows
        else None
        for name in plan.dataset.publish_columns
    }
    return {
        "country": distance(counts["country"], previous.country),
        "license": distance(counts["license"], previous.license),
        "host": distance(counts["host"], previous.host),
        "age": None if days is None else days / plan.dataset.max_age.days,
        **nulls,
    }
