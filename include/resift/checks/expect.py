"""Builds expectations, each with the rule it stands for, its limit and its reason.

Importing this module imports Great Expectations.
"""

from __future__ import annotations

from typing import Any, Literal

from resift.checks.gx import gx, gxe

Consequence = Literal["warn", "hold", "fail"]
"""What a finding becomes whose expectation is broken."""

_SEVERITY = {"warn": "warning", "hold": "critical", "fail": "critical"}


def suite(name: str, expectations: list[Any]) -> Any:
    """Return a suite."""
    return gx.ExpectationSuite(name=name, expectations=expectations)


def told(rule: str, limit: str, reason: str, *, void: bool = False, on_break: Consequence = "fail") -> dict[str, Any]:
    """Return what names an expectation, its limit and its reason, on the pages and in findings.

    Args:
        rule: Short name of what must hold.
        limit: What is allowed.
        reason: Why.
        void: True where there may be nothing to look at, which is then not applicable instead of a failure.
        on_break: What it means if the rule is broken.
    """
    meta = {"rule": rule, "limit": limit, "may_be_void": void, "on_break": on_break}
    return {"description": f"{rule}: {limit}", "notes": reason, "meta": meta, "severity": _SEVERITY[on_break]}


def zero(column: str, rule: str, reason: str) -> Any:
    """Expect a column of zeros."""
    return between(column, 0, 0, rule, reason)


def between(column: str, low: float | None, high: float | None, rule: str, reason: str, *, void: bool = False) -> Any:
    """Expect all values of a column between two bounds, which are allowed themselves."""
    if low == high:
        limit = f"{column} = {low:g}"
    else:
        limit = f"{column} at least {low:.15g}" if high is None else f"{column} at most {high:.15g}"
    words = told(rule, limit, reason, void=void)
    return gxe.ExpectColumnValuesToBeBetween(column=column, min_value=low, max_value=high, **words)


def equal(found: str, due: str, rule: str, reason: str) -> Any:
    """Expect two columns to agree in every row."""
    words = told(rule, f"{found} = {due}", reason)
    return gxe.ExpectColumnPairValuesToBeEqual(column_A=found, column_B=due, **words)


def at_least(larger: str, smaller: str, rule: str, reason: str) -> Any:
    """Expect one column to be at least another in every row."""
    words = told(rule, f"{larger} at least {smaller}", reason)
    return gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A=larger, column_B=smaller, or_equal=True, **words)


def one_of(column: str, value: str, rule: str, reason: str) -> Any:
    """Expect one value in all rows of a column."""
    words = told(rule, f"{column} = {value}", reason)
    return gxe.ExpectColumnValuesToBeInSet(column=column, value_set=[value], **words)


def rows_between(low: int, high: int | None, rule: str, limit: str, reason: str) -> Any:
    """Expect a frame of so many rows."""
    return gxe.ExpectTableRowCountToBeBetween(min_value=low, max_value=high, **told(rule, limit, reason))
