"""The circle of PRNs: offsets from a start point, and the intervals of PRNs a range stands for."""

from __future__ import annotations

import numpy as np

from resift.core.prn import CIRCLE


def start_point(*, cycle: int, start: float, turnover: float, nominal_width: float) -> int:
    """Return where a cycle's sample begins: ``a_k = a_0 + k × turnover × nominal width``, on the circle.

    It depends on the dataset file alone, never on other runs, so cycles can be drawn in any order.
    """
    return (int(start * CIRCLE) + cycle * int(turnover * nominal_width * CIRCLE)) % CIRCLE


def range_width(*, size: int, part_rows: int, nominal_width: float) -> int:
    """Return the width of a range, such that the nominal sample fills parts of about ``part_rows`` rows."""
    return max(1, int(nominal_width * CIRCLE) // max(1, -(-size // part_rows)))


def offsets(prn: np.ndarray, *, start: int) -> np.ndarray:
    """Return how far after the start point each PRN lies, going round: ``int64`` in ``[0, CIRCLE)``."""
    # int64 wraps modulo 2^64, of which 2^63 is a divisor: masking the sign bit leaves the offset.
    return (prn - np.int64(start)) & np.int64(CIRCLE - 1)


def intervals(lo: int, hi: int, *, start: int) -> list[tuple[int, int]]:
    """Return the half-open intervals of PRNs that offsets ``[lo, hi)`` stand for, in offset order.

    One interval, or two where the range passes the top of the circle. ``0 <= lo < hi <= CIRCLE``.
    """
    first, last = start + lo, start + hi
    if first >= CIRCLE:
        return [(first - CIRCLE, last - CIRCLE)]
    if last <= CIRCLE:
        return [(first, last)]
    return [(first, CIRCLE), (0, last - CIRCLE)]
