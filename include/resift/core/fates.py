"""What became of the previous snapshot's members, and what entered: the changes, with their causes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from resift.core.latest import Items, plain
from resift.core.split import Reasons, Split
from resift.model.observation import CHANGES, INSTANT, PRN, TALLY
from resift.model.reasons import (
    BORN,
    DRAWN,
    ENTERED,
    ENTERED_CAUSES,
    LEFT,
    LEFT_CAUSES,
    ROTATED,
    STALE,
    SUPPRESSED,
    UNBORN,
)


@dataclass(frozen=True, slots=True)
class Fates:
    """What a range's items mean for the previous snapshot's members in it."""

    members: pa.Table
    """prn and image_id of the previous members, ascending."""

    item: np.ndarray
    """The item each member is, or -1 where the pool no longer holds one."""

    left: Reasons
    """Why each member left the frame; none where it is still eligible."""


def find_fates(members: pa.Table, items: Items, frame: Split) -> Fates:
    """Find, for each previous member, the item it is and why it left the frame, if it did.

    A member of which the pool holds nothing any more had all its observations retired: it is stale. A member
    of which there was nothing as of then (its observations were replaced by later ones) counts as stale too.
    """
    item = find_items(members, items)
    reasons = frame.reasons(len(items))
    left = Reasons.none(len(item), LEFT_CAUSES)
    causes = np.array([0, *(left.code(_cause(word)) for word in reasons.words)], dtype=left.codes.dtype)
    known = item >= 0
    left.codes[~known] = left.code(STALE)
    left.codes[known] = causes[reasons.codes[item[known]]]
    return Fates(members, item, left)


def suppress_members(fates: Fates, suppressed: np.ndarray) -> Fates:
    """Return the fates with members that left, and whose removal was requested, as suppressed.

    Whatever else became of them: only the suppressed are never listed by id.
    """
    codes = np.where(suppressed, fates.left.code(SUPPRESSED), fates.left.codes)
    return replace(fates, left=Reasons(codes, fates.left.words))


def _cause(reason: str) -> str:
    return {UNBORN: STALE}.get(reason, reason.partition(".")[0])


def find_items(members: pa.Table, items: Items) -> np.ndarray:
    """Return the position of the item each member is, or -1. Members and items ascend by (prn, image_id)."""
    wanted = members[PRN].to_numpy()
    known = items.prn
    if not len(known):
        return np.full(len(wanted), -1, dtype=np.int64)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    ids = items.take(items.first[:-1][at], ["image_id"])["image_id"]
    same = pc.equal(ids, members["image_id"]).to_numpy(zero_copy_only=False).astype(bool)
    at = np.where(same, at, -1)
    for member in np.flatnonzero(~same):
        at[member] = _find_among_equal_numbers(members, items, int(member), known)
    return at


def _find_among_equal_numbers(members: pa.Table, items: Items, member: int, known: np.ndarray) -> int:
    number, wanted = members[PRN][member].as_py(), members["image_id"][member].as_py()
    for at in range(np.searchsorted(known, number), np.searchsorted(known, number, side="right")):
        if items.take(items.first[at : at + 1], ["image_id"])["image_id"][0].as_py() == wanted:
            return int(at)
    return -1


def entry_causes(kept: np.ndarray, items: Items, fates: Fates | None, *, previous_as_of_us: int) -> Reasons:
    """Return why each kept item entered: ``born``, ``drawn``, or nothing for a member of the previous snapshot."""
    causes = Reasons.none(len(kept), ENTERED_CAUSES)
    if fates is None:
        return causes
    member = np.zeros(len(items), dtype=bool)
    member[fates.item[fates.item >= 0]] = True
    born = items.first_observed_at_us[kept] > previous_as_of_us
    causes.codes[:] = np.where(born, causes.code(BORN), causes.code(DRAWN))
    causes.codes[member[kept]] = 0
    return causes


def list_changes(*, left: pa.Table, causes: Reasons, entered: pa.Table, entered_causes: Reasons) -> pa.Table:
    """Return the changes of a range in PRN order. Suppressed members are left out: they are counted, never listed."""
    listed = causes.given & (causes.codes != causes.code(SUPPRESSED))
    rows = pa.concat_tables(
        [_changes(left, causes, listed, LEFT), _changes(entered, entered_causes, entered_causes.given, ENTERED)],
    )
    return rows.sort_by([(PRN, "ascending"), ("image_id", "ascending")])


def _changes(table: pa.Table, causes: Reasons, chosen: np.ndarray, change: str) -> pa.Table:
    rows = table.select([PRN, "image_id"]).filter(pa.array(chosen))
    columns = [pa.repeat(pa.scalar(change), len(rows)), causes.take(chosen).to_arrow(), *rows.columns]
    return pa.table(columns, schema=CHANGES)


def rotate(causes: Reasons) -> Reasons:
    """Return the causes for members that the snapshot does not reach: the still eligible ones were rotated out."""
    return Reasons(np.where(causes.given, causes.codes, causes.code(ROTATED)), causes.words)


_TALLY_CAUSES = tuple(TALLY.names[4:-1])
_WHOSE = ["key", "source"]


def tally(keys: Mapping[str, pa.Array], sources: pa.Array, left: Reasons, *, most_keys: int) -> pa.Table:
    """Count members and exits by key, and among those of a key by source, for the breaker.

    Args:
        keys: For each kind (owner, host), the key of each previous member; members without one are left out.
        sources: The source that last told of each member, null where none did.
        left: Why each member left the frame, if it did.
        most_keys: Keys of each kind to keep, each of every source counted once; bounds what is written.

    Returns:
        In the TALLY schema, at most ``most_keys`` keys of each kind: those with most members. What is left out
        makes the sums over all ranges too small for owners that have few members in each.
    """
    exits = [pa.array((left.codes == left.code(cause)).astype(np.int64)) for cause in _TALLY_CAUSES]
    tables = []
    for kind, key in keys.items():
        table = pa.table([key, sources, *exits], names=[*_WHOSE, *_TALLY_CAUSES]).filter(pc.is_valid(key))
        sums = table.group_by(_WHOSE).aggregate([("key", "count"), *[(cause, "sum") for cause in _TALLY_CAUSES]])
        largest = [("key_count", "descending"), ("key", "ascending"), ("source", "ascending")]
        sums = sums.sort_by(largest).slice(0, most_keys)
        columns = [
            pa.array([kind] * len(sums)),
            sums["key"],
            sums["source"],
            sums["key_count"],
            *[sums[f"{c}_sum"] for c in _TALLY_CAUSES],
            pa.nulls(len(sums), TALLY.field("newest").type),
        ]
        tables.append(pa.table(columns, schema=TALLY))
    return pa.concat_tables(tables)


def last_heard(rows: pa.Table, *, as_of: datetime) -> pa.Table:
    """Return, for each source, the newest instant up to ``as_of`` at which it observed anything, and no members.

    In the TALLY schema, so that it is summed with what ``tally`` counts. All observations are looked at, of members
    or not and superseded or not: a source that spoke of anything has not fallen silent.
    """
    seen = plain(rows.select(["source", "observed_at"]))
    seen = seen.filter(pc.less_equal(seen["observed_at"], pa.scalar(as_of, INSTANT)))
    newest = seen.group_by("source", use_threads=False).aggregate([("observed_at", "max")]).sort_by("source")
    zeros = pa.array(np.zeros(len(newest), dtype=np.int64))
    counts = [zeros] * len(("members", *_TALLY_CAUSES))
    kind = pa.array(["source"] * len(newest), pa.string())
    names = newest["source"]
    return pa.table([kind, names, names, *counts, newest["observed_at_max"]], schema=TALLY)
