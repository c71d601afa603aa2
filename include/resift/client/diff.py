"""Compare two versions: what entered and what left, and why."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from resift.client.members import read_members
from resift.client.snapshots import find_manifest
from resift.core.prn import CIRCLE
from resift.model import keys
from resift.model.manifest import Manifest
from resift.model.observation import CHANGES, PRN
from resift.model.reasons import ENTERED, LEFT, SUPPRESSED
from resift.storage import Store

UNRECORDED = "unrecorded"
"""The cause of a change between versions of which the later was not compared with the earlier when it was published."""


@dataclass(slots=True)
class Difference:
    """Counts of what entered and left between two versions, by cause."""

    older: date
    newer: date
    stayed: int = 0
    entered: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)


def diff(store: Store, older: Manifest, newer: Manifest) -> tuple[Difference, Iterator[pa.Table]]:
    """Compare two versions of a dataset.

    Returns:
        The difference, whose counts are complete when the iterator is exhausted; and the changes in PRN order,
        in the CHANGES schema. What left because it was suppressed is counted and never listed.
    """
    total = Difference(older.version, newer.version)
    return total, _changes(store, older, newer, total)


def _changes(store: Store, older: Manifest, newer: Manifest, total: Difference) -> Iterator[pa.Table]:
    causes, complete = _recorded_causes(store, older, newer)
    for lo, hi in _intervals(older, newer):
        before, after = (read_members(store, manifest, [(lo, hi)]) for manifest in (older, newer))
        left, entered = _without(before, after), _without(after, before)
        total.stayed += len(before) - len(left)
        changes = [
            _with_cause(rows, change, causes[change], SUPPRESSED if complete and change == LEFT else UNRECORDED)
            for change, rows in ((LEFT, left), (ENTERED, entered))
        ]
        for count, rows in zip((total.left, total.entered), changes, strict=True):
            count.update(rows["cause"].to_pylist())
        listed = pa.concat_tables(changes)
        yield listed.filter(pc.not_equal(listed["cause"], SUPPRESSED)).sort_by(PRN)


def _intervals(older: Manifest, newer: Manifest) -> Iterator[tuple[int, int]]:
    """Yield intervals of PRNs that cover the circle, each reaching into one part of each version, or few."""
    bounds = {part.first_prn for manifest in (older, newer) for part in manifest.parts}
    return itertools.pairwise(sorted({0, CIRCLE, *bounds}))


def _without(rows: pa.Table, others: pa.Table) -> pa.Table:
    """Return the rows whose item is not among the others; both ascend by PRN."""
    known = np.isin(rows[PRN].to_numpy(), others[PRN].to_numpy())
    shared = pc.is_in(rows["image_id"].filter(pa.array(known)), value_set=others["image_id"].combine_chunks())
    known[known] = shared.to_numpy()
    return rows.filter(pa.array(~known))


def _with_cause(rows: pa.Table, change: str, causes: pa.Table, otherwise: str) -> pa.Table:
    at = pc.index_in(rows["image_id"], value_set=causes["image_id"].combine_chunks())
    cause = pc.fill_null(causes["cause"].take(at), otherwise) if len(causes) else pa.array([otherwise] * len(rows))
    words = pa.array([change] * len(rows), pa.string())
    return pa.table([words, cause, rows[PRN], rows["image_id"]], schema=CHANGES)


def _recorded_causes(store: Store, older: Manifest, newer: Manifest) -> tuple[dict[str, pa.Table], bool]:
    """Return the last recorded cause per item and kind of change between two versions, and whether none is missing.

    Each version records its changes against the one before, so the records form a chain.
    """
    chain: list[pa.Table] = []
    manifest: Manifest | None = newer
    while manifest is not None and manifest.version > older.version:
        chain.append(read_changes(store, manifest))
        previous = manifest.changes.previous.version if manifest.changes else None
        manifest = find_manifest(store, newer.dataset, previous) if previous else None
    complete = manifest is not None and manifest.version == older.version
    # Newest first, and index_in finds the first: the last change of an item counts.
    changes = pa.concat_tables([CHANGES.empty_table(), *chain])
    return {word: changes.filter(pc.equal(changes["change"], word)) for word in (ENTERED, LEFT)}, complete


def read_changes(store: Store, manifest: Manifest) -> pa.Table:
    """Return all changes a version recorded against the one before it."""
    tables = []
    for extra in manifest.extras:
        if extra.path.startswith("changes/"):
            with store.open(keys.snapshot(manifest.dataset, manifest.version) + extra.path) as body:
                tables.append(pq.read_table(body))
    return pa.concat_tables([CHANGES.empty_table(), *tables])
