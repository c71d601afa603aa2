"""A check that raised, or that looked at nothing, did not pass."""

from __future__ import annotations

from typing import Any

from resift.checks.findings import MOST_NAMED, findings_of


def result(*, success: bool = True, void: bool = False, exception: dict[str, Any] | None = None, **outcome: Any) -> Any:
    meta = {"rule": "no item is stale", "limit": "stale = 0", "may_be_void": void}
    return {
        "success": success,
        "expectation_config": {"meta": meta, "kwargs": {"column": "stale"}},
        "result": outcome,
        "exception_info": exception or {"raised_exception": False, "exception_message": None},
    }


def test_check_that_raised_fails_even_if_it_calls_itself_a_success() -> None:
    raised = {"raised_exception": True, "exception_message": "no such column\nat line 3"}

    for told in (raised, {"a metric": raised}):
        (finding,) = findings_of(result(exception=told, element_count=5))
        assert finding.status == "fail"
        assert finding.message() == "no item is stale: found the check raised: no such column, expected stale = 0."


def test_check_of_nulls_only_fails() -> None:
    (finding,) = findings_of(result(element_count=5, missing_count=5))

    assert (finding.status, finding.found) == ("fail", "nothing to look at")


def test_check_that_may_be_void_is_then_not_applicable() -> None:
    (finding,) = findings_of(result(void=True, element_count=5, missing_count=5))

    assert finding.status == "not_applicable"


def test_one_finding_sums_up_what_passed() -> None:
    (finding,) = findings_of(result(element_count=5, missing_count=1))

    assert (finding.status, finding.found) == ("pass", "holds 4 times out of 4")


def test_parts_beyond_the_first_fifty_are_counted() -> None:
    rows = [{"part": f"p{number}", "stale": 1} for number in range(60)]

    findings = findings_of(result(success=False, unexpected_count=60, unexpected_index_list=rows))

    assert len(findings) == MOST_NAMED + 1
    assert findings[0].about == "p0"
    assert findings[-1].found == "broken 10 times more"
