"""Tells a source that stopped delivering from one whose items are gone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from resift.model.dataset import Limits
from resift.model.grid import midnight
from resift.model.observation import TALLY
from resift.model.reasons import STALE
from resift.model.refresh import Plan
from resift.model.verdict import Finding

RULE = "sources keep delivering"

ASIDE = "aside"
"""Column of a tally without outages: members that are not counted there, because they went stale in one that holds."""


def quiet_since(plan: Plan) -> datetime | None:
    """Return the instant after which a source must have observed something, or None in a first version.

    The previous as_of, or the oldest instant at which an item is not stale yet, whichever is later. An observation at
    the previous as_of was seen then already; one exactly ``max_age`` old still keeps its item.
    """
    if plan.previous is None:
        return None
    oldest = midnight(plan.version) - plan.dataset.max_age
    return max(midnight(plan.previous.version), oldest - timedelta(microseconds=1))


def find_outages(
    tally: pa.Table, limits: Limits, *, members: int, since: datetime | None
) -> tuple[list[Finding], pa.Table, int]:
    """Find the sources that observed nothing after an instant while members of theirs went stale.

    An outage holds where it alone exceeds ``source_share`` of the source's members, or ``stale_share`` of all; a
    smaller one is shown.

    Args:
        tally: What ``merge_tallies`` returned.
        limits: The dataset's.
        members: Members of the previous snapshot.
        since: What ``quiet_since`` returned; None if it is not known, and then no source counts as silent.

    Returns:
        The findings; the tally without the stale members of outages that hold, and a column of how many those are; and
        how many they are in all. They are judged here, so that nothing else counts them once more as if they had been
        deleted: not all, not the source, not its owners and hosts. An outage that is only shown stays counted: no
        snapshot passes for being an outage.
    """
    if since is None:
        return [not_applicable(limits, found="no instant to hold them against")], _without(tally, set()), 0
    sources = tally.filter(pc.and_(pc.equal(tally["kind"], "source"), pc.is_valid(tally["newest"]))).to_pylist()
    silent = [row for row in sources if row["newest"] <= since and row[STALE]]
    held = {row["key"]: row[STALE] for row in silent if _holds(row, limits, members)}
    findings = [_outage(row, limits, held=row["key"] in held) for row in silent]
    return findings or [_all_heard(sources, limits, since)], _without(tally, set(held)), sum(held.values())


def not_applicable(limits: Limits, *, found: str) -> Finding:
    """Return the finding where nothing is known of the sources: nothing passes."""
    return Finding(rule=RULE, status="not_applicable", found=found, expected=_limit(limits))


def _holds(row: dict[str, Any], limits: Limits, members: int) -> bool:
    own = row["members"] >= limits.source_min_members and row[STALE] > limits.source_share * row["members"]
    return own or row[STALE] > limits.stale_share * members


def _outage(row: dict[str, Any], limits: Limits, *, held: bool) -> Finding:
    return Finding(
        rule=RULE,
        status="hold" if held else "warn",
        found=f"it delivered nothing since {row['newest']:%Y-%m-%d}: an outage; "
        f"{row[STALE]} of its {row['members']} members go stale",
        expected=_limit(limits),
        about=f"source {row['key']}",
    )


def _all_heard(sources: list[dict[str, Any]], limits: Limits, since: datetime) -> Finding:
    if not sources:
        return not_applicable(limits, found="no source with members enough to judge")
    found = f"no members gone stale of a source silent since {since:%Y-%m-%d}, of {len(sources)} sources"
    return Finding(rule=RULE, status="pass", found=found, expected=_limit(limits))


def _without(tally: pa.Table, held: set[str]) -> pa.Table:
    """Take the stale members of some sources out of every key: they could not leave for any other cause."""
    silent = pc.is_in(tally["source"], value_set=pa.array(sorted(held), pa.string()))
    aside = pc.if_else(silent, tally[STALE], 0).combine_chunks()
    for name in ("members", STALE):
        at = TALLY.get_field_index(name)
        tally = tally.set_column(at, TALLY.field(at), pc.subtract(tally[name], aside))
    return tally.append_column(ASIDE, aside)


def _limit(limits: Limits) -> str:
    return (
        f"source_share at most {limits.source_share:.1%} of at least {limits.source_min_members} members, "
        f"stale_share at most {limits.stale_share:.1%} of all, if it is silent"
    )
