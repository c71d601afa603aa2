"""Drift warns past one limit, holds past the next, never stops, and is not applicable without a version before."""

from __future__ import annotations

import re
from dataclasses import replace

import pandas as pd
import pytest
from checks.staged_refresh import SALT, Staged, staged

from resift.checks.drift import drift_frame
from resift.checks.judge import judge_metrics, status_of
from resift.checks.mixes import mixes_of
from resift.model.dataset import Limits
from resift.model.mixes import Mixes
from resift.model.verdict import Finding

PARTS = 4
BEFORE = Mixes(
    country={"US": 600, "JP": 400},
    host={"a.example": 500, "b.example": 500},
    license={"cc0": 1000},
    age_days={"10": 1000},
    nulls={"image_id": 0, "url": 0, "width": 100},
)
RULES = {
    "country": "the mix by country drifts little",
    "host": "the mix by host drifts little",
    "license": "the mix by licence drifts little",
    "age": "ages drift little",
    "nulls_width": "nulls in width are as many as before",
    "churn": "most members stay or are rotated",
}


def mixed(case: Staged, **shares: dict[str, float]) -> Staged:
    """Give every part the mixes of ``BEFORE``, or the ones stated as shares of its rows."""
    said = {"country": {"US": 0.6, "JP": 0.4}, "host": {"a.example": 0.5, "b.example": 0.5}, "license": {"cc0": 1.0}}
    said |= {"age_days": {"10": 1.0}, "nulls": {"image_id": 0, "url": 0, "width": 0.1}} | shares
    metrics = []
    for part in case.metrics:
        counts = {name: {word: round(share * part.rows) for word, share in mix.items()} for name, mix in said.items()}
        nulls = counts.pop("nulls")
        metrics.append(part.model_copy(update={"nulls": nulls, **{f"by_{name}": mix for name, mix in counts.items()}}))
    return replace(case, metrics=tuple(metrics))


def found(case: Staged, previous: Mixes | None = BEFORE) -> dict[str, Finding]:
    findings, evaluation = judge_metrics(
        case.plan, case.cut, case.metrics, case.sample, case.tally, salt=SALT, previous=previous
    )
    drift = {result["expectation_config"]["meta"]["rule"] for result in evaluation.validations[-1].results()}
    assert status_of(findings, evaluated=1) != "stop"
    return {finding.rule: finding for finding in findings if finding.rule in drift}


SOUND = staged(parts=PARTS, rows=2000)


def test_snapshot_like_the_last_one_passes_all_measures_of_drift() -> None:
    findings = found(mixed(SOUND))

    assert {rule: one.status for rule, one in findings.items() if one.status != "pass"} == {}
    assert findings[RULES["host"]].found == "0.0%"


def test_small_drift_warns_and_names_value_and_limit() -> None:
    findings = found(
        mixed(
            SOUND,
            country={"US": 0.38, "JP": 0.62},
            host={"a.example": 0.72, "b.example": 0.28},
            license={"cc0": 0.78, "by": 0.22},
            age_days={"40": 1.0},
            nulls={"image_id": 0, "url": 0, "width": 0.18},
        )
    )

    assert {name: findings[rule].status for name, rule in RULES.items() if name != "churn"} == dict.fromkeys(
        ("country", "host", "license", "age", "nulls_width"), "warn"
    )
    assert (
        "country drifts little: found 22.0%, expected country_drift_warn at most 10.0% and"
        in findings[RULES["country"]].message()
    )


def test_large_drift_holds_for_a_person() -> None:
    findings = found(
        mixed(
            SOUND.with_cut(left={"rotated": 0, "stale": 2000, "deleted": 2500}, entered={"born": 4500}),
            country={"FR": 1.0},
            host={"c.example": 1.0},
            license={"by": 1.0},
            age_days={"80": 1.0},
            nulls={"image_id": 0, "url": 0, "width": 0.9},
        )
    )

    assert {name: findings[rule].status for name, rule in RULES.items()} == dict.fromkeys(RULES, "hold")
    assert findings[RULES["country"]].found == "100.0%"
    assert findings["few members were deleted or turned private"].status == "warn"


@pytest.mark.parametrize("first", [True, False])
def test_without_something_to_compare_with_drift_is_not_applicable(first: bool) -> None:
    findings = found(mixed(staged(first=first)), previous=None)

    mixes = [findings[rule] for name, rule in RULES.items() if name != "churn"]
    assert {one.status for one in mixes} == {"not_applicable"}
    assert {one.found for one in mixes} == {"no previous snapshot" if first else "the previous version does not tell"}
    assert findings[RULES["churn"]].status == ("not_applicable" if first else "pass")


def test_limit_of_the_dataset_file_decides() -> None:
    strict = staged(parts=PARTS, rows=2000, limits=Limits(host_drift=0, host_drift_warn=0))

    assert found(mixed(strict, host={"a.example": 0.7, "b.example": 0.3}))[RULES["host"]].status == "hold"


def test_mixes_of_one_version_are_what_the_next_is_held_against() -> None:
    case = mixed(SOUND)

    assert found(case, previous=mixes_of(case.metrics))[RULES["country"]].found in ("0.0%", "0.1%")


def test_members_gone_stale_in_an_outage_are_no_churn() -> None:
    case = SOUND.with_cut(previous_members=1000, left={"stale": 700, "deleted": 30, "rotated": 100})

    (row,) = drift_frame(case.plan, case.cut, case.metrics, None, outages=600).to_dict("records")

    shares = {name: row[name] for name in ("deleted_or_private", "stale", "churn")}
    assert shares == {"deleted_or_private": 0.075, "stale": 0.25, "churn": 0.325}


def test_outage_of_all_members_leaves_no_churn_to_measure() -> None:
    case = SOUND.with_cut(previous_members=1000, left={"stale": 999})

    (row,) = drift_frame(case.plan, case.cut, case.metrics, None, outages=1000).to_dict("records")

    assert pd.isna(row["churn"])


def stopping(**limits: float) -> Staged:
    return replace(
        SOUND,
        plan=SOUND.plan.model_copy(
            update={"dataset": SOUND.plan.dataset.model_copy(update={"limits": Limits(**limits)})}
        ),
    )


@pytest.mark.parametrize(
    ("share", "status"), [(0.38, "hold"), (0.42, "hold"), (0.55, "fail")], ids=["below", "at", "beyond"]
)
def test_drift_stops_past_a_limit_the_dataset_sets_for_it(share: float, status: str) -> None:
    case = mixed(stopping(country_drift_stop=0.4), country={"US": 0.6 - share, "JP": 0.4, "BR": share})

    findings, _ = judge_metrics(case.plan, case.cut, case.metrics, case.sample, case.tally, salt=SALT, previous=BEFORE)

    finding = next(one for one in findings if one.rule == RULES["country"])
    assert finding.status == status
    assert finding.found == f"{share:.1%}"
    if status == "fail":
        assert re.fullmatch(r"country_drift_stop at most 40.0% and \d.\d% for chance", finding.expected)
        assert status_of(findings, evaluated=1) == "stop"


def test_limit_that_stops_may_not_lie_below_the_one_that_holds() -> None:
    with pytest.raises(ValueError, match=r"limits.churn_stop at least churn, 0\.5: what stops must not hold first"):
        Limits(churn_stop=0.4)
