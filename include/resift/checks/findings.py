"""Turns results of Great Expectations into findings: what failed, in which part, with value and limit.

A check that raised, or that looked at nothing, did not pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from resift.model.verdict import Finding, FindingStatus

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
    status = words.get("on_break", "fail")
    broken = outcome.get("unexpected_index_list") or outcome.get("partial_unexpected_index_list") or []
    if not broken:
        return [Finding(rule=rule, status=status, found=_observed(outcome), expected=limit)]
    named = [_broken(rule, limit, row, columns, status) for row in broken[:MOST_NAMED]]
    return named + _unnamed(rule, limit, outcome.get("unexpected_count", len(named)) - len(named), status)


_SERIOUS = ("not_applicable", "pass", "warn", "hold", "fail")


def worst_of_each(findings: Iterable[Finding]) -> list[Finding]:
    """Return one finding per rule, the most serious: of a limit that warns and one that holds, the one that matters."""
    worst: dict[str, Finding] = {}
    for finding in findings:
        known = worst.get(finding.rule)
        if known is None or _SERIOUS.index(finding.status) > _SERIOUS.index(known.status):
            worst[finding.rule] = finding
    return list(worst.values())


def drift_findings(results: Iterable[Mapping[str, Any]], row: Mapping[str, Any], *, void: str) -> list[Finding]:
    """Return one finding per measure of drift, each with its value.

    Args:
        results: What Great Expectations said: where there are two limits to one measure, both.
        row: The values measured, by column.
        void: What is said of a measure that could not be taken.
    """
    return worst_of_each(
        finding.model_copy(
            update={"found": _drifted(finding, row[result["expectation_config"]["kwargs"]["column"]], void)}
        )
        if _exception(result) is None
        else finding
        for result in results
        for finding in findings_of(result)
    )


def _drifted(finding: Finding, value: float, void: str) -> str:
    return void if finding.status == "not_applicable" else f"{value:.1%}"


def _broken(rule: str, limit: str, row: Mapping[str, Any], columns: list[str], status: FindingStatus) -> Finding:
    found = ", ".join(f"{column} {_shown(row.get(column))}" for column in columns)
    return Finding(rule=rule, status=status, found=found, expected=limit, about=str(row.get("part", "")))


def _unnamed(rule: str, limit: str, count: int, status: FindingStatus) -> list[Finding]:
    if count <= 0:
        return []
    return [Finding(rule=rule, status=status, found=f"broken {count} times more", expected=limit)]


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
