"""Turns results of Great Expectations into findings: what failed, in which part, with value and limit.

A check that raised, or that looked at nothing, did not pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from resift.model.verdict import Finding

MOST_NAMED = 50
"""Parts, owners or hosts named for one rule; how many more there are is said in one further finding."""


def findings_of(result: Mapping[str, Any]) -> list[Finding]:
    """Return the findings of one expectation: one where it holds, one per part where it does not.

    Args:
        result: One result as Great Expectations serialises it, with ``rule`` and ``limit`` in its meta.
    """
    words = result["expectation_config"]["meta"]
    rule, limit, outcome = words["rule"], words["limit"], result["result"]
    if (problem := _exception(result)) is not None:
        return [Finding(rule=rule, status="fail", found=f"the check raised: {problem}", expected=limit)]
    if result["success"]:
        return [_held(rule, limit, outcome, may_be_void=words["may_be_void"])]
    kwargs = result["expectation_config"]["kwargs"]
    columns = [kwargs[name] for name in ("column", "column_A", "column_B") if name in kwargs]
    broken = outcome.get("unexpected_index_list") or outcome.get("partial_unexpected_index_list") or []
    if not broken:
        return [Finding(rule=rule, status="fail", found=_observed(outcome), expected=limit)]
    named = [_broken(rule, limit, row, columns) for row in broken[:MOST_NAMED]]
    return named + _unnamed(rule, limit, outcome.get("unexpected_count", len(named)) - len(named))


def _broken(rule: str, limit: str, row: Mapping[str, Any], columns: list[str]) -> Finding:
    found = ", ".join(f"{column} {_shown(row.get(column))}" for column in columns)
    return Finding(rule=rule, status="fail", found=found, expected=limit, about=str(row.get("part", "")))


def _unnamed(rule: str, limit: str, count: int) -> list[Finding]:
    if count <= 0:
        return []
    return [Finding(rule=rule, status="fail", found=f"broken {count} times more", expected=limit)]


def _held(rule: str, limit: str, outcome: Mapping[str, Any], *, may_be_void: bool) -> Finding:
    looked = outcome.get("element_count", 1) - outcome.get("missing_count", 0)
    if looked > 0:
        found = _observed(outcome) if "observed_value" in outcome else f"holds {looked} times out of {looked}"
        return Finding(rule=rule, status="pass", found=found, expected=limit)
    status: Literal["not_applicable", "fail"] = "not_applicable" if may_be_void else "fail"
    return Finding(rule=rule, status=status, found="nothing to look at", expected=limit)


def _observed(outcome: Mapping[str, Any]) -> str:
    return _shown(outcome.get("observed_value", "no value"))


def _shown(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _exception(result: Mapping[str, Any]) -> str | None:
    """Return what a check raised: Great Expectations says so under one key, or under one key per metric."""
    told = result.get("exception_info") or {}
    for one in (told, *told.values()):
        if isinstance(one, Mapping) and one.get("raised_exception"):
            return str(one.get("exception_message")).strip().splitlines()[0]
    return None
