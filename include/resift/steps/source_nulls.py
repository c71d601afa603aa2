"""Remember how many fields were empty in the last drops of a source, and say what is usual."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from resift.core.nulls import add_nulls
from resift.errors import KeyNotFound
from resift.model import keys
from resift.model.pool import Drop, DropNulls, Nulls, SourceNulls
from resift.storage import Store

MOST_DROPS = 8
"""Remembered for one source."""


@dataclass(frozen=True, slots=True)
class UsualNulls:
    """What the last drops of a source looked like."""

    rows: int
    """Observations of public images in the smallest of them; 0 if there is none."""

    shares: dict[str, float]
    """Median share of empty values, by field that is known of at least one of them."""


def nulls_of(drop: Drop) -> Nulls:
    """Return how many fields of a drop are empty."""
    return add_nulls([file.nulls for file in drop.files if file.nulls is not None])


def usual_nulls(store: Store, drop: Drop) -> UsualNulls:
    """Return what is usual for the source of a drop, by its last drops but for this one."""
    past = [one.nulls for one in _read(store, drop).drops if one.drop_id != drop.drop_id]
    names = sorted({name for one in past for name in one.by_field})
    shares = {name: median(one.by_field[name] / one.rows for one in past if name in one.by_field) for name in names}
    return UsualNulls(rows=min((one.rows for one in past), default=0), shares=shares)


def remember_nulls(store: Store, drop: Drop) -> None:
    """Put a drop in front of those that are remembered; one that is among them stays where it is.

    Of two drops of a source that are committed at the same moment one may be forgotten: it decides no content.
    """
    known, nulls = _read(store, drop).drops, nulls_of(drop)
    if not nulls.rows or drop.drop_id in {one.drop_id for one in known}:
        return
    drops = (DropNulls(drop_id=drop.drop_id, nulls=nulls), *known)[:MOST_DROPS]
    store.put(keys.source_nulls(drop.pool, drop.source), SourceNulls(source=drop.source, drops=drops).to_json())


def _read(store: Store, drop: Drop) -> SourceNulls:
    key = keys.source_nulls(drop.pool, drop.source)
    try:
        return SourceNulls.from_json(store.get(key), what=f"{store.url}/{key}")
    except KeyNotFound:
        return SourceNulls(source=drop.source)
