"""Intervals of consecutive rows are disjoint: at the bound, one past it, and where floating point is too coarse."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest

TOP = 2**63 - 1


@pytest.mark.parametrize(
    ("intervals", "broken"),
    [
        ([(0, 4), (5, 5), (6, 9)], []),
        ([(0, 4), (4, 9)], ["row 1"]),
        ([(5, 9), (0, 4)], ["row 1"]),
        ([(0, 4), (9, 5)], ["row 1"]),
        ([(-1, -1)], ["row 0"]),
        ([(0, TOP - 1), (TOP, TOP)], []),
        ([(0, TOP), (TOP, TOP)], ["row 1"]),
    ],
)
def test_interval_begins_after_the_one_before_has_ended(intervals: list[tuple[int, int]], broken: list[str]) -> None:
    from resift.checks.expect import suite
    from resift.checks.findings import findings_of
    from resift.checks.gx import new_context, validate
    from resift.checks.intervals import disjoint

    rows = [{"part": f"row {n}", "first": first, "last": last} for n, (first, last) in enumerate(intervals)]
    kept = {"result_format": "COMPLETE", "unexpected_index_column_names": ["part"]}
    rule = suite("intervals", [disjoint("first", "last", "intervals are disjoint", "A reason.")])
    at = datetime(2026, 3, 1, tzinfo=UTC)

    [result] = validate(new_context(), rule, pd.DataFrame(rows), at=at, result_format=kept).results()

    assert [one.about for one in findings_of(result) if one.status == "fail"] == broken
