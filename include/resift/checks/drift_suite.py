"""Says how far a snapshot may drift from the previous one: a limit that warns, one that holds, and one that may stop.

It stops only where the dataset file says so: whether the world has changed or the pipeline has, only a person can say.
Importing this module imports Great Expectations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from resift.checks.chance import mix_allowance, share_allowance
from resift.checks.expect import Consequence, suite, told
from resift.checks.gx import gxe
from resift.model.dataset import Dataset, Limits
from resift.model.mixes import Mixes

_TV = "The share of items that would have to change: total variation distance."


def drift_suite(dataset: Dataset, *, rows: int, before: int, previous: Mixes | None) -> Any:
    """Return what the measures of drift must satisfy.

    Args:
        dataset: Whose limits hold.
        rows: Rows of this snapshot.
        before: Rows of the previous one.
        previous: Its mixes; more values give chance more room.
    """
    limits = dataset.limits
    kinds: Mapping[str, Mapping[str, int]] = {} if previous is None else previous.model_dump()

    def room(kind: str) -> float:
        return mix_allowance(len(kinds.get(kind, ())) + 1, rows=rows, before=before)

    share = share_allowance(rows=rows, before=before)
    return suite(
        "drift",
        [
            # The breaker holds for size and for each cause; here they are shown before they do.
            *_shown("size", "size drifts little", limits, "size_drift"),
            *_shown("deleted_or_private", "few members were deleted or turned private", limits, "deleted_share"),
            *_shown("stale", "few members went stale", limits, "stale_share"),
            *_shown("excluded", "few members were newly excluded", limits, "excluded_share"),
            *_band("churn", "most members stay or are rotated", limits, "churn", "All exits together but rotation."),
            *_warn(
                "turnover_gap",
                "the share rotated out is the turnover",
                limits,
                "turnover_gap",
                "A nominal_width far from the width covered makes the start move by another share than was meant.",
                room=share,
            ),
            *_band("country", "the mix by country drifts little", limits, "country_drift", _TV, room=room("country")),
            *_band("license", "the mix by licence drifts little", limits, "license_drift", _TV, room=room("license")),
            *_band("host", "the mix by host drifts little", limits, "host_drift", _TV, room=room("host")),
            *_band(
                "age",
                "ages drift little",
                limits,
                "age_drift",
                "Mean days the ages moved, as a share of max_age: earth mover's distance.",
            ),
            *[
                one
                for name in dataset.publish_columns
                for one in _band(
                    f"nulls_{name}",
                    f"nulls in {name} are as many as before",
                    limits,
                    "null_drift",
                    "A column that empties, or is suddenly full, changed its meaning at the source.",
                    room=share,
                )
            ],
        ],
    )


def _band(column: str, rule: str, limits: Limits, key: str, reason: str, *, room: float = 0.0) -> Iterator[Any]:
    """Warn, hold and, where that is wanted, stop."""
    yield from _warn(column, rule, limits, key, reason, room=room)
    yield _at_most(column, rule, key, getattr(limits, key), reason, room=room, on_break="hold")
    yield from _stop(column, rule, limits, key, room=room)


def _shown(column: str, rule: str, limits: Limits, key: str) -> Iterator[Any]:
    """Warn and, where that is wanted, stop: the breaker holds."""
    yield from _warn(column, rule, limits, key, "Shown well before the breaker holds.")
    yield from _stop(column, rule, limits, key)


def _warn(column: str, rule: str, limits: Limits, key: str, reason: str, *, room: float = 0.0) -> Iterator[Any]:
    name = f"{key}_warn"
    yield _at_most(column, rule, name, getattr(limits, name), reason, room=room, on_break="warn")


def _stop(column: str, rule: str, limits: Limits, key: str, *, room: float = 0.0) -> Iterator[Any]:
    name = f"{key}_stop"
    if (value := getattr(limits, name)) is not None:
        reason = "So much that nobody may approve it, by the dataset file."
        yield _at_most(column, rule, name, value, reason, room=room, on_break="fail")


def _at_most(column: str, rule: str, key: str, value: float, reason: str, *, room: float, on_break: Consequence) -> Any:
    high = round(value + room, 4)
    limit = f"{key} at most {value:.1%}" + (f" and {room:.1%} for chance" if room else "")
    words = told(rule, limit, reason, void=True, on_break=on_break)
    return gxe.ExpectColumnValuesToBeBetween(column=column, min_value=0, max_value=high, **words)
