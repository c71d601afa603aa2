"""The sampling frame: which items may be drawn, and why the others may not."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from resift.core.latest import Items
from resift.core.split import Reasons, Split
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
    reasons = Reasons.none(len(items), (STALE, PRIVATE, DELETED, UNBORN))
    worst = np.maximum(items.state_then, items.state_now)
    for reason, holds in (
        (STALE, items.observed_at_us < microseconds(as_of) - max_age // _MICROSECOND),
        (PRIVATE, worst == _PRIVATE),
        (DELETED, worst == _DELETED),
        (UNBORN, items.then < 0),
    ):
        reasons.codes[holds] = reasons.code(reason)
    return Split.by_reason(np.arange(len(items)), reasons)


def suppress(kept: np.ndarray, *, suppressed: np.ndarray) -> Split:
    """Remove items whose removal was requested: ``suppressed`` holds one truth value for each kept item."""
    return Split.by_reason(kept, Reasons(suppressed.astype(np.int8), (SUPPRESSED,)))


def exclude(kept: np.ndarray, *, speakers: np.ndarray, reasons: Reasons) -> Split:
    """Remove items of which any speaking observation is excluded by policy.

    Of several reasons the first by name counts (inside, no evidence, unreadable): it must not depend on the order of
    delivery.

    Args:
        kept: Items still in the frame, ascending.
        speakers: The item each judged observation belongs to, ascending; those kept, each at least once.
        reasons: The policy's reason for each judged observation, if any.

    Raises:
        ValueError: Some kept item has no judged observation: it would pass unjudged.
    """
    starts = np.flatnonzero(np.append(True, speakers[1:] != speakers[:-1])) if len(speakers) else speakers
    if not np.array_equal(speakers[starts], kept):
        raise ValueError(
            "exclude: some item has no judged observation, expected one for each. Judge all speaking rows."
        )
    names = tuple(sorted(reasons.words))
    # None counts most, so that it is left only where no observation has a reason.
    rank = np.array([len(names), *(names.index(word) for word in reasons.words)])[reasons.codes]
    first = rank if len(starts) == len(rank) else np.minimum.reduceat(rank, starts)
    verdict = Reasons.none(len(kept), tuple(f"{EXCLUDED}.{name}" for name in names))
    verdict.codes[:] = (first + 1) % (len(names) + 1)
    return Split.by_reason(kept, verdict)
