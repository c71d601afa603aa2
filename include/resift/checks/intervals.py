"""An expectation of our own: the intervals of consecutive rows are disjoint and ascend.

None of Great Expectations' compares a row with the one before over two columns. Importing this module imports it.
"""

from __future__ import annotations

from typing import Any

from resift.checks.expect import told
from resift.checks.gx import (
    ColumnPairMapExpectation,
    ColumnPairMapMetricProvider,
    PandasExecutionEngine,
    column_pair_condition_partial,
)


class ColumnPairIntervalsDisjoint(ColumnPairMapMetricProvider):  # type: ignore[misc]
    """True where a row's interval does not end before it begins, and begins after the end of the row before."""

    condition_metric_name = "column_pair_values.intervals_disjoint"
    condition_domain_keys = (
        "batch_id",
        "table",
        "column_A",
        "column_B",
        "row_condition",
        "condition_parser",
        "ignore_row_if",
    )
    condition_value_keys = ()

    @column_pair_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column_A: Any, column_B: Any, **_: Any) -> Any:
        # Shifting in integers: in floating point, offsets near 2^63 that differ would be equal.
        return (column_A > column_B.shift(fill_value=-1)) & (column_A <= column_B)


class ExpectColumnPairIntervalsToBeDisjoint(ColumnPairMapExpectation):  # type: ignore[misc]
    """Expect each interval [column_A, column_B] to begin after the one of the row before has ended."""

    # "neither": a row with nothing in it must not be skipped, or its neighbours would be compared instead.
    ignore_row_if: str = "neither"
    map_metric = "column_pair_values.intervals_disjoint"
    success_keys = ("column_A", "column_B", "ignore_row_if", "mostly")
    args_keys = ("column_A", "column_B")


def disjoint(first: str, last: str, rule: str, reason: str) -> Any:
    """Expect the intervals from ``first`` to ``last`` to be disjoint and to ascend, row by row."""
    words = told(rule, f"{first} after {last} of the row before", reason)
    return ExpectColumnPairIntervalsToBeDisjoint(column_A=first, column_B=last, **words)
