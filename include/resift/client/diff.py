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

from resift.client.causes import find_chain, read_last_changes, with_cause
from resift.client.members import read_members, read_part
from resift.core.prn import CIRCLE
from resift.model.manifest import Manifest
from resift.model.observation import CHANGES, PRN
from resift.model.reasons import ENTERED, LEFT, SUPPRESSED
from resift.storage import Store


@dataclass(slots=True)
class Difference:
    """Counts of what entered and left between two versions, by cause."""

    older: date
    newer: date
    stayed: int = 0
    entered: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    erased_from_older: int = 0
    """Rows erased from the older version since it was published. They are in no list: nothing else is known of them."""

    erased_from_newer: int = 0


def diff(store: Store, older: Manifest, newer: Manifest) -> tuple[Difference, Iterator[pa.Table]]:
    """Compare two versions of a dataset, neighbours or not.

    Both are read once, in PRN order, holding what lies between two beginnings of parts. The cause of a change is the
    last one that the versions between recorded.

    Returns:
        The difference, whose counts are complete when the iterator is exhausted; and the changes in PRN order,
        in the CHANGES schema. What left because it was suppressed is counted and never listed.
    """
    total = Difference(older.version, newer.version, erased_from_older=older.erased, erased_from_newer=newer.erased)
    return total, _changes(store, older, newer, total)


def _changes(store: Store, older: Manifest, newer: Manifest, total: Difference) -> Iterator[pa.Table]:
    chain = find_chain(store, older, newer)
    for lo, hi in _intervals(older, newer):
        before, after = (read_members(store, manifest, [(lo, hi)]) for manifest in (older, newer))
        left, entered = _without(before, after), _without(after, before)
        total.stayed += len(before) - len(left)
        last = read_last_changes(store, chain, lo, hi)
        changes = [
            with_cause(rows, change, last, complete=chain.complete)
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


def read_changes(store: Store, manifest: Manifest) -> pa.Table:
    """Return all changes a version recorded against the one before it."""
    paths = [extra.path for extra in manifest.extras if extra.path.startswith("changes/")]
    return pa.concat_tables([CHANGES.empty_table(), *(read_part(store, manifest, path) for path in paths)])
