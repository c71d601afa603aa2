"""Find the cause of a change between two versions in what the versions between them recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from resift.client.members import parquet_of, prn_bounds, read_between
from resift.client.snapshots import find_manifest
from resift.model.manifest import Manifest
from resift.model.observation import CHANGES, PRN
from resift.model.reasons import BORN, ENTERED, LEFT, SUPPRESSED, UNRECORDED
from resift.storage import Store


@dataclass(frozen=True, slots=True)
class Recorded:
    """A file of recorded changes, and the PRNs it spans."""

    manifest: Manifest
    path: str
    first_prn: int
    last_prn: int


@dataclass(frozen=True, slots=True)
class Chain:
    """What the versions after ``older`` up to ``newer`` recorded, each against the one before it.

    A version between the two that was retired takes its record with it, and the chain ends there.
    """

    steps: tuple[tuple[Recorded, ...], ...]
    """The files of each version, newest first."""

    complete: bool
    """Whether it reaches the older version, so that what is not in it was not listed: it was suppressed."""

    passes: bool
    """Whether the last step compares with a version before the older one."""


def find_chain(store: Store, older: Manifest, newer: Manifest) -> Chain:
    """Follow the records from the newer version back to the older one; of each file only the footer is read."""
    steps: list[tuple[Recorded, ...]] = []
    at = newer
    while at.version > older.version:
        if at.changes is None:
            return Chain(tuple(steps), complete=False, passes=False)
        steps.append(tuple(_recorded(store, at)))
        previous = at.changes.previous.version
        if previous < older.version:
            return Chain(tuple(steps), complete=False, passes=True)
        manifest = find_manifest(store, newer.dataset, previous)
        if manifest is None:
            return Chain(tuple(steps), complete=previous == older.version, passes=False)
        at = manifest
    return Chain(tuple(steps), complete=True, passes=False)


def read_last_changes(store: Store, chain: Chain, lo: int, hi: int) -> pa.Table:
    """Return the last recorded change of each item in a half-open interval of PRNs, in the CHANGES schema.

    Where only a version before the older one was compared, that an item was born since says nothing: it may have been
    there by the older version. The cause is unrecorded then.
    """
    tables = [CHANGES.empty_table()]
    for number, step in enumerate(chain.steps):
        for file in step:
            if file.first_prn < hi and file.last_prn >= lo:
                rows = read_between(store, file.manifest, file.path, CHANGES.names, lo=lo, hi=hi).cast(CHANGES)
                passes = chain.passes and number == len(chain.steps) - 1
                tables.append(_without_births(rows) if passes else rows)
    # Newest first, so that of each item the first row is its last change.
    changes = pa.concat_tables(tables).combine_chunks()
    first = pc.index_in(changes["image_id"], value_set=pc.unique(changes["image_id"]))
    return changes.take(_first_places(first))


def with_cause(rows: pa.Table, change: str, last: pa.Table, *, complete: bool) -> pa.Table:
    """Return items that entered or left, in the CHANGES schema, each with the cause that holds.

    It holds if an item's last recorded change is the one that is seen. Whatever leaves is listed but for the
    suppressed: an item that was last seen to enter, or is in no record of a complete chain, and left all the same, was
    suppressed. Everything else is unrecorded.
    """
    at = pc.index_in(rows["image_id"], value_set=last["image_id"].combine_chunks())
    changes, causes = (last[name].combine_chunks().take(at.combine_chunks()) for name in ("change", "cause"))
    unlisted, contrary = (UNRECORDED, UNRECORDED)
    if change == LEFT:
        unlisted, contrary = (SUPPRESSED if complete else UNRECORDED), SUPPRESSED
    told = pc.if_else(pc.equal(changes, change), causes, contrary)
    words = pa.array([change] * len(rows), pa.string())
    return pa.table([words, pc.fill_null(told, unlisted), rows[PRN], rows["image_id"]], schema=CHANGES)


def _recorded(store: Store, manifest: Manifest) -> Iterator[Recorded]:
    for extra in manifest.extras:
        if not extra.path.startswith("changes/"):
            continue
        with parquet_of(store, manifest, extra.path) as file:
            bounds = [prn_bounds(file.metadata.row_group(group)) for group in range(file.metadata.num_row_groups)]
        if bounds:
            yield Recorded(manifest, extra.path, min(lo for lo, _ in bounds), max(hi for _, hi in bounds))


def _without_births(rows: pa.Table) -> pa.Table:
    born = pc.and_(pc.equal(rows["change"], ENTERED), pc.equal(rows["cause"], BORN))
    return rows.set_column(1, CHANGES.field("cause"), pc.if_else(born, UNRECORDED, rows["cause"]))


def _first_places(groups: pa.ChunkedArray) -> pa.Array:
    """Return where each group is met first."""
    places = pa.table([groups, pa.array(range(len(groups)), pa.int64())], names=["group", "place"])
    return places.group_by("group").aggregate([("place", "min")])["place_min"].combine_chunks()
