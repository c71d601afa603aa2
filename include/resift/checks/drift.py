"""Measures how a snapshot differs from the previous one, in one row: what cannot be compared is null."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from resift.checks.mixes import age_distance, counts_of, distance
from resift.checks.past import count_exits
from resift.checks.validity import rotated_share
from resift.model.mixes import WHOLE, Mixes
from resift.model.reasons import DELETED, EXCLUDED, PRIVATE, ROTATED, STALE
from resift.model.refresh import CutReceipt, PartMetrics, Plan


def drift_frame(
    plan: Plan, cut: CutReceipt, metrics: Sequence[PartMetrics], previous: Mixes | None, *, outages: int = 0
) -> pd.DataFrame:
    """Return one row: a column per measure of drift, and ``nulls_COLUMN`` per published column.

    Args:
        plan: Says whether there is a previous snapshot, and how far the sample should rotate.
        cut: The exits by cause.
        metrics: What the audit measured.
        previous: The mixes of the previous snapshot; None where it has none, or there is no previous snapshot.
        outages: Members gone stale in outages, which hold by a rule of their own and are no exits here.
    """
    row = {"snapshot": str(cut.version)} | _exits(plan, cut, outages) | _mixes(plan, metrics, previous)
    return pd.DataFrame([row]).astype({name: float for name in row if name != "snapshot"})


def _exits(plan: Plan, cut: CutReceipt, outages: int) -> dict[str, float | None]:
    members = cut.previous_members if plan.previous else 0
    rotated = rotated_share(cut)
    if not members or rotated is None:
        return dict.fromkeys(("size", "deleted_or_private", "stale", "excluded", "churn", "turnover_gap"))
    rest = members - outages

    def share(exits: int) -> float | None:
        return max(0, exits) / rest if rest > 0 else None

    return {
        "size": abs(cut.rows - members) / members,
        "deleted_or_private": share(count_exits(cut.left, (DELETED, PRIVATE))),
        "stale": share(count_exits(cut.left, (STALE,)) - outages),
        "excluded": share(count_exits(cut.left, (EXCLUDED,))),
        "churn": share(sum(cut.left.values()) - count_exits(cut.left, (ROTATED,)) - outages),
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
