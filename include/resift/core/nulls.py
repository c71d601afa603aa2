"""Counts the observations of public images in which a field is empty."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from resift.model.pool import Nulls


def count_nulls(observations: pa.Table) -> Nulls:
    """Return how many observations say public, and in how many of these each field is null.

    Others are left out: of what is deleted a source may tell no more than the id.
    """
    public = pc.equal(observations["state"], "public")
    rows = pc.sum(public).as_py() or 0
    counts = {}
    for name in observations.column_names:
        column = observations[name]
        if not column.null_count:
            counts[name] = 0
        elif rows == len(observations):
            counts[name] = column.null_count
        else:
            counts[name] = pc.sum(pc.and_(pc.is_null(column), public)).as_py() or 0
    return Nulls(rows=rows, by_field=counts)


def add_nulls(parts: list[Nulls]) -> Nulls:
    """Return the counts of all parts together."""
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part.by_field)
    return Nulls(rows=sum(part.rows for part in parts), by_field=dict(sorted(total.items())))
