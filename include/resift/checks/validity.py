"""Computes what shows that a snapshot is a valid random sample: uniform, of the size its width says, rotated as due."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa

from resift.model.observation import PRN
from resift.model.reasons import NOT_DRAWN, ROTATED
from resift.model.refresh import CutReceipt, Plan, Previous

CIRCLE = 2**63
"""Written again here, so that the judge does not lean on the code it judges."""

LEAST_EXPECTED = 30
"""Counts expected to be smaller are not compared by a normal approximation."""


def validity(plan: Plan, cut: CutReceipt, sample: pa.Table) -> dict[str, Any]:
    """Return the columns of the snapshot's frame that speak of sample validity; None where one cannot be said.

    Args:
        plan: Where the sample starts, and where the previous one started.
        cut: Where it ends, and the counts.
        sample: The rows sampled from all parts.
    """
    return {
        "prn_distance": _prn_distance(sample, start=plan.start, width=cut.width),
        "width_sigmas": _width_sigmas(cut),
        "rotation_sigmas": _rotation_sigmas(plan, cut),
    }


def _prn_distance(sample: pa.Table, *, start: int, width: int) -> float | None:
    """Return the Kolmogorov-Smirnov distance between the sampled rows' places before the cut and the uniform law."""
    rows = sample.num_rows
    if not rows or width < 1:
        return None
    places = np.sort((sample[PRN].to_numpy() - np.int64(start)) & np.int64(CIRCLE - 1)) / width
    steps = np.arange(rows + 1) / rows
    return float(max((steps[1:] - places).max(), (places - steps[:-1]).max()))


def _width_sigmas(cut: CutReceipt) -> float | None:
    """Return how far the eligible items counted beyond the cut lie from what the width before it says.

    Up to where it was searched all eligible items were counted. If the first n take the width w, the number in the
    width v beyond has mean m = n v / w and variance m (1 + v / w). So the pool's size by width is checked by counting.
    """
    if cut.exhausted or cut.width < 1:
        return None
    ratio = max(0, cut.searched - cut.width) / cut.width
    mean = cut.rows * ratio
    if mean < LEAST_EXPECTED or cut.rows < LEAST_EXPECTED:
        return None
    return abs(cut.removed.get(NOT_DRAWN, 0) - mean) / math.sqrt(mean * (1 + ratio))


def rotated_share(cut: CutReceipt) -> float | None:
    """Return which share of the previous members that are still eligible was rotated out; None if there are none."""
    eligible = _still_eligible(cut)
    return cut.left.get(ROTATED, 0) / eligible if eligible > 0 else None


def _still_eligible(cut: CutReceipt) -> int:
    return cut.previous_members - sum(count for cause, count in cut.left.items() if cause != ROTATED)


def _rotation_sigmas(plan: Plan, cut: CutReceipt) -> float | None:
    """Return how far the members rotated out lie from what the two intervals of PRNs say, in standard errors.

    A member that is still eligible was rotated out exactly if its PRN lies outside the interval covered now.
    """
    share, eligible = rotated_share(cut), _still_eligible(cut)
    if plan.previous is None or share is None:
        return None
    due = 1 - common_width(plan.previous, start=plan.start, width=cut.width) / plan.previous.width
    if due in (0, 1):
        return 0.0 if share == due else 1e9
    if min(due, 1 - due) * eligible < LEAST_EXPECTED:
        return None
    return abs(share - due) / math.sqrt(due * (1 - due) / eligible)


def common_width(previous: Previous, *, start: int, width: int) -> int:
    """Return how much of the circle two intervals of PRNs have in common, each going round from its start."""
    ahead = (start - previous.start) % CIRCLE
    after = min(width, max(0, previous.width - ahead))
    round_again = min(previous.width, max(0, ahead + width - CIRCLE))
    return min(after + round_again, previous.width)
