"""Decides whether a jump in exits needs a person: in total, for one owner, one host, one source.

A breaker never says that data is wrong. It says that members left in a way only a person can explain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pandas.util import hash_array

from resift.checks import outage
from resift.checks.findings import MOST_NAMED
from resift.checks.past import CAUSES, PastExits, count_exits, find_unusual_exits, not_compared
from resift.model.dataset import Limits
from resift.model.observation import TALLY
from resift.model.reasons import DELETED, EXCLUDED, PRIVATE, STALE
from resift.model.refresh import CutReceipt
from resift.model.verdict import Finding

JUDGED_EXITS = (DELETED, PRIVATE, STALE, EXCLUDED)
"""Exits that count for one owner or host. Rotation is ours, and a suppression was asked for by name."""

_STALE_SHARE = 0.9
"""From this share of a source's exits gone stale on, it left items out that it did not delete."""

_BUFFERED_ROWS = 1 << 20
_WHOSE = ["kind", "key", "source"]


def merge_tallies(tables: Iterable[pa.Table], *, least: int = 0, share: int = 0, shares: int = 1) -> pa.Table:
    """Return one row per kind, key and source, summed over all ranges, in that order.

    Memory grows with the number of distinct keys of one share and a buffer of a million rows, not with the
    number of ranges: where the keys are too many, merge them in several shares, each with all tables.

    Args:
        tables: Tallies of single ranges, in any order.
        least: Leave out keys with fewer members of all sources than this, after summing.
        share: Which share of the keys to merge, from 0.
        shares: How many shares the keys are dealt into.
    """
    merged, buffer, held = TALLY.empty_table(), list[pa.Table](), 0
    for table in tables:
        rows = _dealt(_in_order(table), share=share, shares=shares)
        buffer.append(rows)
        held += rows.num_rows
        if held >= _BUFFERED_ROWS:
            merged, buffer, held = _summed([merged, *buffer]), [], 0
    merged = _summed([merged, *buffer])
    members = merged.group_by(["kind", "key"], use_threads=False).aggregate([("members", "sum")])
    large = members.filter(pc.greater_equal(members["members_sum"], least)).select(["kind", "key"])
    kept = merged.join(large, keys=["kind", "key"], join_type="left semi").select(TALLY.names).cast(TALLY)
    return kept.sort_by([(name, "ascending") for name in _WHOSE])


def _in_order(table: pa.Table) -> pa.Table:
    # Of thousands of small tables, casting what needs no cast takes as long as reading it.
    return table if table.schema.equals(TALLY) else table.select(TALLY.names).cast(TALLY)


def find_jumps(
    cut: CutReceipt,
    tally: pa.Table,
    limits: Limits,
    *,
    first: bool,
    past: Sequence[PastExits] = (),
    quiet_since: datetime | None = None,
) -> list[Finding]:
    """Compare exits since the previous snapshot with the limits: a share above its limit holds, one at it passes.

    The stale members of an outage that holds are judged as that, and among those of all, of an owner, of a host or of a
    source no more: nothing holds twice for one silence.

    Args:
        cut: Exits by cause, over all members of the previous snapshot.
        tally: What ``merge_tallies`` returned; keys below the ``min_members`` limits may be left out.
        limits: The dataset's.
        first: True where there is no previous snapshot. Then nothing is applicable, and nothing passes.
        past: Exits of recent versions, newest first.
        quiet_since: What ``outage.quiet_since`` returned.
    """
    if first:
        unknown = [not_compared(rule, limits, found="no previous snapshot") for rule, _ in CAUSES]
        unheard = outage.not_applicable(limits, found="no previous snapshot")
        return [*[_not_applicable(rule, limit) for rule, limit in _rules(limits)], unheard, *unknown]
    if cut.previous_members <= 0:
        found = f"{cut.previous_members} members of the previous snapshot"
        return [Finding(rule=rule, status="hold", found=found, expected=limit) for rule, limit in _rules(limits)]
    members = cut.previous_members
    silent, rest, outages = outage.find_outages(tally, limits, members=members, since=quiet_since)
    unusual = find_unusual_exits(cut.left, past, limits, members=members, outages=outages)
    return [*_total_jumps(cut, limits, outages=outages), *_jumps_by_key(rest, limits), *silent, *unusual]


def _total_jumps(cut: CutReceipt, limits: Limits, *, outages: int) -> Iterator[Finding]:
    members = cut.previous_members
    for (rule, limit), (causes, allowed) in zip(_total_rules(limits), _total_limits(limits), strict=True):
        aside = outages if STALE in causes else 0
        if aside >= members:
            yield _not_applicable(rule, limit, found="no members of other sources")
            continue
        exits = max(0, count_exits(cut.left, causes) - aside)
        yield _held_against(rule, limit, exits, members - aside, allowed, aside=aside)
    (rule, limit), allowed = _size_rule(limits), limits.size_drift
    status = "hold" if abs(cut.rows - members) > allowed * members else "pass"
    found = f"{abs(cut.rows - members) / members:.1%} ({members} before, {cut.rows} now)"
    yield Finding.model_validate({"rule": rule, "status": status, "found": found, "expected": limit})


def _jumps_by_key(tally: pa.Table, limits: Limits) -> Iterator[Finding]:
    counts = [*TALLY.names[3:-1], outage.ASIDE]
    sums = tally.group_by(["kind", "key"], use_threads=False).aggregate([(name, "sum") for name in counts])
    whole = sums.rename_columns([name.removesuffix("_sum") for name in sums.column_names])
    for kind, allowed, least in _kinds(limits):
        rule, limit = _key_rule(kind, allowed, least)
        named = pc.and_(pc.equal(whole["kind"], kind), pc.not_equal(whole["key"], ""))
        large = whole.filter(pc.and_(named, pc.greater_equal(whole["members"], least)))
        if not large.num_rows:
            yield _not_applicable(rule, limit, found=f"no {kind} with {least} members")
            continue
        yield from _judge_keys(large, kind, allowed, rule, limit)


def _judge_keys(large: pa.Table, kind: str, allowed: float, rule: str, limit: str) -> Iterator[Finding]:
    exits = sum(large[cause].to_numpy() for cause in JUDGED_EXITS)
    members = large["members"].to_numpy()
    jumps = np.flatnonzero(exits > allowed * members)
    if not len(jumps):
        top = float((exits / members).max())
        yield Finding(rule=rule, status="pass", found=f"at most {top:.1%}, of {len(members)} {kind}s", expected=limit)
        return
    worst = jumps[np.lexsort((jumps, -exits[jumps]))]
    for place in worst[:MOST_NAMED]:
        row = large.slice(int(place), 1).to_pylist()[0]
        causes = ", ".join(f"{cause} {row[cause]}" for cause in JUDGED_EXITS if row[cause])
        beside = f"; beside {row[outage.ASIDE]} in outages" if row[outage.ASIDE] else ""
        found = f"{exits[place] / members[place]:.1%} ({exits[place]} of {members[place]} members: {causes}{beside})"
        if kind == "source" and row[STALE] >= _STALE_SHARE * exits[place]:
            found += "; they were not observed again, not deleted"
        yield Finding(rule=rule, status="hold", found=found, expected=limit, about=f"{kind} {row['key']}")
    if (more := len(worst) - MOST_NAMED) > 0:
        yield Finding(rule=rule, status="hold", found=f"{more} more {kind}s", expected=limit)


def _held_against(rule: str, limit: str, exits: int, members: int, allowed: float, *, aside: int = 0) -> Finding:
    status = "hold" if exits > allowed * members else "pass"
    found = f"{exits / members:.1%} ({exits} of {members} members" + (f", beside {aside} in outages)" if aside else ")")
    return Finding.model_validate({"rule": rule, "status": status, "found": found, "expected": limit})


def _total_limits(limits: Limits) -> tuple[tuple[tuple[str, ...], float], ...]:
    return (
        ((DELETED, PRIVATE), limits.deleted_share),
        ((STALE,), limits.stale_share),
        ((EXCLUDED,), limits.excluded_share),
    )


def _kinds(limits: Limits) -> tuple[tuple[str, float, int], ...]:
    return (
        ("owner", limits.owner_share, limits.owner_min_members),
        ("host", limits.host_share, limits.host_min_members),
        ("source", limits.source_share, limits.source_min_members),
    )


def _total_rules(limits: Limits) -> tuple[tuple[str, str], ...]:
    return (
        ("members deleted or private", f"deleted_share at most {limits.deleted_share:.1%}"),
        ("members gone stale", f"stale_share at most {limits.stale_share:.1%}"),
        ("members newly excluded", f"excluded_share at most {limits.excluded_share:.1%}"),
    )


def _size_rule(limits: Limits) -> tuple[str, str]:
    return "size against the previous snapshot", f"size_drift at most {limits.size_drift:.1%}"


def _key_rule(kind: str, allowed: float, least: int) -> tuple[str, str]:
    return f"members lost by one {kind}", f"{kind}_share at most {allowed:.1%} of at least {least} members"


def _rules(limits: Limits) -> list[tuple[str, str]]:
    by_key = [_key_rule(*one) for one in _kinds(limits)]
    return [*_total_rules(limits), _size_rule(limits), *by_key]


def _not_applicable(rule: str, limit: str, *, found: str = "no previous snapshot") -> Finding:
    return Finding(rule=rule, status="not_applicable", found=found, expected=limit)


def _dealt(table: pa.Table, *, share: int, shares: int) -> pa.Table:
    if shares == 1:
        return table
    keys = table["key"].to_numpy(zero_copy_only=False).astype(object)
    return table.filter(pa.array(hash_array(keys, categorize=False) % np.uint64(shares) == share))


def _summed(tables: list[pa.Table]) -> pa.Table:
    counts = TALLY.names[3:-1]
    wanted = [*[(name, "sum") for name in counts], ("newest", "max")]
    grouped = pa.concat_tables(tables).group_by(_WHOSE, use_threads=False).aggregate(wanted)
    names = {f"{name}_{how}": name for name, how in wanted}
    return (
        grouped.rename_columns([names.get(name, name) for name in grouped.column_names]).select(TALLY.names).cast(TALLY)
    )
