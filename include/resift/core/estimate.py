"""What the draw says about the pool: how wide to look, how many are eligible, with what probability."""

from __future__ import annotations

from math import ceil, sqrt

from resift.core.prn import CIRCLE

SIGMAS = 5


def width_to_search(*, size: int, pilot_eligible: int, pilot_width: int) -> int:
    """Return how far from the start point ``size`` eligible items reach, with a margin of five sigma.

    The pilot counted ``pilot_eligible`` items in ``pilot_width``; counts of eligible PRNs in an interval are
    Poisson, so both the pilot and the sample add their relative error of ``1/sqrt(count)``.
    """
    if pilot_eligible == 0 or pilot_width >= CIRCLE:
        return CIRCLE
    margin = 1 + SIGMAS * sqrt(1 / pilot_eligible + 1 / size)
    return min(CIRCLE, ceil(pilot_width * (size / pilot_eligible) * margin))


def eligible_estimate(*, rows: int, width: int, exhausted: bool) -> float:
    """Estimate the eligible items in the pool: exact when all were taken, else to a relative error of ``1/sqrt(rows)``.

    With the n-th item at the end of the interval, ``(n - 1) / width`` is the unbiased estimate of the density
    of a Poisson process.
    """
    if exhausted:
        return float(rows)
    return (rows - 1) / (width / CIRCLE)
