"""The sampling frame: which items may be drawn, and why the others may not."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
from pandas import factorize

from resift.core.latest import Items
from resift.core.split import Split, has_reason
from resift.model.observation import STATES
from resift.model.reasons import DELETED, EXCLUDED, PRIVATE, STALE, SUPPRESSED, UNBORN

_PRIVATE, _DELETED = STATES.index("private"), STATES.index("deleted")
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def microseconds(instant: datetime) -> int:
    """Return an instant as microseconds since 1970 UTC. Exact.

    Raises:
        ValueError: The instant has no time zone.
    """
    if instant.tzinfo is None:
        raise ValueError(f"instant {instant}: has no time zone, expected one. Pass an aware datetime.")
    return (instant - _EPOCH) // _MICROSECOND


def expire(items: Items, *, as_of: datetime, max_age: timedelta) -> Split:
    """Remove items that were not there as of then, or that may not be shown now.

    In this order: unborn (no observation up to ``as_of``), deleted or private (as of then, or by the newest
    observation of all), stale (last observed before ``as_of - max_age``). The bound is exclusive: an item
    observed exactly ``max_age`` ago is kept.
    """
    observed = items.observed_at_us
    reasons = np.full(len(items), None, dtype=object)
    reasons[observed < microseconds(as_of) - max_age // _MICROSECOND] = STALE
    worst = np.maximum(items.state_then, items.state_now)
    reasons[worst == _PRIVATE] = PRIVATE
    reasons[worst == _DELETED] = DELETED
    reasons[items.then < 0] = UNBORN
    return Split.by_reason(np.arange(len(items)), reasons)


def suppress(kept: np.ndarray, *, suppressed: np.ndarray) -> Split:
    """Remove items whose removal was requested: ``suppressed`` holds one truth value for each kept item."""
    reasons = np.full(len(kept), None, dtype=object)
    reasons[suppressed] = SUPPRESSED
    return Split.by_reason(kept, reasons)


def exclude(kept: np.ndarray, *, speakers: np.ndarray, reasons: np.ndarray) -> Split:
    """Remove items of which any speaking observation is excluded by policy.

    Args:
        kept: Items still in the frame, ascending.
        speakers: The item each judged observation belongs to; every kept item occurs at least once.
        reasons: The policy's reason for each judged observation, or None.

    Raises:
        ValueError: Some kept item has no judged observation: it would pass unjudged.
    """
    position = np.searchsorted(kept, speakers)
    if not np.bincount(position, minlength=len(kept)).all():
        raise ValueError(
            "exclude: some item has no judged observation, expected one for each. Judge all speaking rows."
        )
    verdict = np.full(len(kept), None, dtype=object)
    bad = has_reason(reasons)
    # Of several reasons the first by name counts (inside, no evidence, unreadable): it must not depend on the order of
    # delivery. Written in reverse, so that it is written last.
    why, known = factorize(reasons[bad])
    rank = np.argsort(np.argsort(known.astype(str)))
    order = np.argsort(rank[why], kind="stable")[::-1]
    named = np.array([f"{EXCLUDED}.{reason}" for reason in known], dtype=object)
    verdict[position[bad][order]] = named[why[order]]
    return Split.by_reason(kept, verdict)
