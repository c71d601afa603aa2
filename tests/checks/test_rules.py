"""Each rule of the judge catches its own spoilt snapshot, and lets an untouched one pass."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pyarrow as pa
import pytest
from checks.staged_refresh import AS_OF, CIRCLE, SALT, Staged, staged

from resift.checks.judge import judge_metrics, status_of, verdict_on
from resift.errors import StagingError
from resift.model.dataset import Limits
from resift.model.verdict import Finding, Verdict

PART = 1
PATH = "data/part-00001-r0.parquet"
SOUND = staged()


def judged(case: Staged) -> tuple[Verdict, str]:
    findings, evaluation = judge_metrics(case.plan, case.cut, case.metrics, case.sample, case.tally, salt=SALT)
    outcome = verdict_on(case.cut, findings, evaluated=len(evaluation.results))
    return outcome, "".join(body.decode() for name, body in evaluation.pages(outcome) if name.endswith(".html"))


def verdict(case: Staged) -> Verdict:
    findings, evaluation = judge_metrics(case.plan, case.cut, case.metrics, case.sample, case.tally, salt=SALT)
    return verdict_on(case.cut, findings, evaluated=len(evaluation.results))


def failed(case: Staged) -> dict[str, Finding]:
    return {finding.rule: finding for finding in verdict(case).findings if finding.status == "fail"}


@pytest.mark.parametrize("first", [True, False])
def test_untouched_snapshot_proceeds(first: bool) -> None:
    outcome = verdict(staged(first=first))

    assert [finding.message() for finding in outcome.failures()] == []
    assert outcome.status == "proceed"
    named = {"dataset": "faces", "version": SOUND.plan.version, "plan_id": "p1", "content_digest": "a" * 64}
    outcome.require(**named, cut_digest=staged(first=first).cut.document_digest())


SPOILT_PARTS = [
    ({"null_ids": 1}, "ids are not null", "null_ids 1", "null_ids = 0"),
    ({"prn_order_breaks": 2}, "rows are in PRN order", "prn_order_breaks 2", "prn_order_breaks = 0"),
    ({"offsets_outside_range": 3}, "rows lie in their range", "offsets_outside_range 3", "offsets_outside_range = 0"),
    ({"prn_differs": 1}, "every PRN is the pool's hash of its id", "prn_differs 1", "prn_differs = 0"),
    ({"nulls": {"prn": 0, "observed_at": 2, "url": 5}}, "PRN and observed_at are not null", "required_nulls 2", "= 0"),
    ({"widest_gap": CIRCLE // 2}, "no stretch of the part lacks its rows", "widest_gap_rows ", "rows at most 2"),
    ({"not_public": 1}, "every item is public", "not_public 1", "not_public = 0"),
    ({"stale": 1}, "no item is stale", "stale 1", "stale = 0"),
    ({"suppressed": 1}, "no item is suppressed", "suppressed 1", "suppressed = 0"),
    ({"excluded": 1}, "no item is excluded by policy", "excluded 1", "excluded = 0"),
    ({"observed_after_as_of": 1}, "no observation is later than as_of", "observed_after_as_of 1", "= 0"),
    ({"evidence_mismatches": 4}, "evidence belongs to its row", "evidence_mismatches 4", "evidence_mismatches = 0"),
    ({"distinct_ids": 7}, "ids are unique", "distinct_ids 7, rows", "distinct_ids = rows"),
    ({"rows": 7}, "rows agree with the cut", "rows 7, cut_rows", "rows = cut_rows"),
    ({"rows": 0}, "no part is empty", "rows 0", "rows at least 1"),
    ({"evidence_rows": 7}, "every row has evidence", "evidence_rows 7, rows", "evidence_rows = rows"),
    ({"sha256": "f" * 64}, "bytes are those of the cut", f"sha256 {'f' * 64}", "sha256 = cut_sha256"),
    ({"size_bytes": 7}, "sizes agree with the cut", "size_bytes 7, cut_size_bytes 10", "= cut_size_bytes"),
    (
        {"columns": ("prn", "url", "image_id", "width")},
        "columns are the published ones, in order",
        "prn, url",
        "= prn, i",
    ),
    ({"column_types": ("int64",) * 4}, "columns have their types", "int64, int64", "int64, string, string, int32"),
    (
        {"observed_max": AS_OF + timedelta(microseconds=1)},
        "newest observation is not after as_of",
        "2026-01-05",
        "as_of",
    ),
    (
        {"observed_min": AS_OF - timedelta(days=91)},
        "oldest observation is within max_age",
        "2025-10-06",
        "oldest_allow",
    ),
    (
        {"prn_mean_offset": 0.2},
        "PRNs are uniform within the part",
        "uniformity_sigmas ",
        "uniformity_sigmas at most 5.",
    ),
    (
        {"prn_mean_offset": float("nan")},
        "PRNs are uniform within the part",
        "1000000000",
        "uniformity_sigmas at most 5.",
    ),
]


@pytest.fixture(scope="module")
def spoilt_parts() -> list[Finding]:
    """Every second part spoilt in one way each: one judgement serves all cases."""
    case = staged(parts=2 * len(SPOILT_PARTS), rows=100)
    for place, (spoilt, *_) in enumerate(SPOILT_PARTS):
        case = case.with_part(2 * place, **spoilt)
    return [finding for finding in verdict(case).findings if finding.status == "fail"]


@pytest.mark.parametrize(
    "place", range(len(SPOILT_PARTS)), ids=[f"{rule} {spoilt}" for spoilt, rule, *_ in SPOILT_PARTS]
)
def test_spoilt_part_is_named_with_rule_value_and_limit(spoilt_parts: list[Finding], place: int) -> None:
    _, rule, found, limit = SPOILT_PARTS[place]
    path = f"data/part-{2 * place:05d}-r0.parquet"

    (message,) = [finding.message() for finding in spoilt_parts if (finding.about, finding.rule) == (path, rule)]

    assert message.startswith(f"{path}: {rule}: found ")
    assert found in message
    assert limit in message.split(", expected ")[-1]


def test_part_that_was_not_spoilt_is_not_blamed(spoilt_parts: list[Finding]) -> None:
    blamed = {finding.about for finding in spoilt_parts}

    assert {f"data/part-{place:05d}-r0.parquet" for place in range(1, 2 * len(SPOILT_PARTS), 2)}.isdisjoint(blamed)


def test_part_whose_rows_lie_in_another_range_stops() -> None:
    findings = failed(SOUND.with_part(PART, first_prn=SOUND.metrics[0].first_prn, last_prn=SOUND.metrics[2].last_prn))

    for rule in (
        "first PRN agrees with the cut",
        "last PRN agrees with the cut",
        "first and last row lie in their range",
    ):
        assert findings[rule].about == PATH
    assert findings["parts are disjoint and ascend"].found.startswith("gap_before -")


def test_part_nobody_audited_stops() -> None:
    findings = failed(replace(SOUND, metrics=SOUND.metrics[:1] + SOUND.metrics[2:]))

    assert findings["each part was audited once"].message() == (
        f"{PATH}: each part was audited once: found audits 0, expected audits = 1."
    )
    assert findings["every part of the cut was audited"].found == "parts 3, parts_of_cut 4"


def test_part_audited_twice_stops() -> None:
    findings = failed(replace(SOUND, metrics=(*SOUND.metrics, SOUND.metrics[PART])))

    assert findings["each part was audited once"].about == PATH


def test_part_of_another_refresh_stops() -> None:
    foreign = SOUND.metrics[0].model_copy(update={"path": "data/part-00099-r0.parquet"})

    findings = failed(replace(SOUND, metrics=(*SOUND.metrics, foreign)))

    assert findings["each audited part belongs to the cut"].about == "data/part-00099-r0.parquet"


def test_two_parts_swapped_stop() -> None:
    first, second, *rest = SOUND.cut.parts

    findings = failed(SOUND.with_cut(parts=(second, first, *rest)))

    assert findings["parts are disjoint and ascend"].about == "data/part-00000-r0.parquet"


def test_no_measurements_stop() -> None:
    outcome = verdict(replace(SOUND, metrics=()))

    assert outcome.status == "stop"
    unaudited = [finding for finding in outcome.findings if finding.rule == "each part was audited once"]
    assert [finding.about for finding in unaudited] == [entry.path for entry in SOUND.cut.parts]


def test_snapshot_without_rows_stops() -> None:
    empty = SOUND.with_cut(parts=(), ranges=(), rows=0, width=CIRCLE, exhausted=True)

    findings = failed(replace(empty, metrics=(), sample=SOUND.sample.slice(0, 0)))

    assert findings["there are parts"].message() == "there are parts: found 0, expected at least 1 part."
    assert findings["the snapshot is large enough"].found == "rows 0"


def test_range_with_a_part_of_its_rows_missing_stops() -> None:
    part, entry = SOUND.metrics[PART], SOUND.cut.parts[PART]
    half = {"rows": part.rows // 2}
    parts = [entry.model_copy(update=half) if one is entry else one for one in SOUND.cut.parts]

    findings = failed(SOUND.with_part(PART, distinct_ids=half["rows"], **half).with_cut(parts=tuple(parts)))

    assert findings["whole ranges hold their share of rows"].about == PATH


SPOILT_CUT = {"observations": 5, "removed": {"stale": 15, "lost": 25}, "superseded": -1, "width": 17, "left": {}}
SPOILT_TOTALS = [
    ("every observation is accounted for", "observations 5, observations_accounted 1439", "= observations_accounted"),
    ("each removed item has a known reason", "unknown_reasons 1", "unknown_reasons = 0"),
    ("no count is negative", "negative_counts 1", "negative_counts = 0"),
    ("the width ends at the last row", "width 17, width_due ", "width = width_due"),
    ("members of the previous snapshot are accounted for", "stayed_of_previous 1400", "= stayed_of_rows"),
]


@pytest.fixture(scope="module")
def spoilt_totals() -> dict[str, Finding]:
    return failed(SOUND.with_cut(**SPOILT_CUT))


@pytest.mark.parametrize(("rule", "found", "limit"), SPOILT_TOTALS)
def test_spoilt_total_is_named_with_value_and_limit(
    spoilt_totals: dict[str, Finding], rule: str, found: str, limit: str
) -> None:
    message = spoilt_totals[rule].message()

    assert found in message
    assert limit in message


def test_rows_of_the_cut_that_no_part_holds_stop() -> None:
    findings = failed(SOUND.with_cut(rows=1500))

    assert findings["rows of all parts are the rows of the cut"].found == "rows 1400, rows_of_cut 1500"
    assert findings["the cut's parts add up"].found == "rows_of_entries 1400, rows_of_cut 1500"


def test_sample_smaller_than_its_size_stops_unless_the_frame_was_exhausted() -> None:
    larger = replace(SOUND, plan=_resized(SOUND, size=5000))

    assert failed(larger)["the sample has its size"].found == "rows 1400, rows_due 5000"
    assert "the sample has its size" not in failed(larger.with_cut(exhausted=True))


@pytest.mark.parametrize(("share", "stops"), [(0.28, False), (0.2802, True)])
def test_snapshot_below_min_size_share_stops(share: float, stops: bool) -> None:
    plan = _resized(SOUND, size=5000, limits=Limits(min_size_share=share))

    findings = failed(replace(SOUND, plan=plan).with_cut(exhausted=True))

    assert ("the snapshot is large enough" in findings) is stops


def test_hole_between_parts_stops() -> None:
    kept = [0, 1, 3]
    rows = sum(SOUND.metrics[at].rows for at in kept)
    holed = SOUND.with_cut(
        parts=tuple(SOUND.cut.parts[at] for at in kept), ranges=tuple(SOUND.cut.ranges[at] for at in kept), rows=rows
    )

    findings = failed(replace(holed, metrics=tuple(SOUND.metrics[at] for at in kept)))

    assert "no stretch of PRNs lacks its rows" in findings


ROWED = staged(parts=12, rows=100)
FIRST = [ROWED.sample["part"].to_pylist().index(one.path) for one in ROWED.metrics]
SPOILT_ROWS = [
    ("image_id", None, "sampled ids are not null"),
    ("image_id", ROWED.sample["image_id"][FIRST[1] + 1].as_py(), "sampled ids are unique"),
    ("image_id", "img-of-another", "PRNs are the pool's hash of the id"),
    ("prn", (ROWED.plan.start - 1) % CIRCLE, "sampled rows lie before the cut"),
    ("state", "private", "sampled items are public"),
    ("newest_state", "deleted", "sampled items are public"),
    ("state", None, "sampled items are public"),
    ("observed_at", AS_OF + timedelta(seconds=1), "no sampled observation is later than as_of"),
    ("observed_at", AS_OF - timedelta(days=90, microseconds=1), "no sampled item is stale"),
    ("observed_at", None, "no sampled item is stale"),
]


@pytest.fixture(scope="module")
def spoilt_rows() -> list[Finding]:
    """One row spoilt in each part: one judgement serves all cases."""
    case = ROWED
    for part, (column, value, _) in enumerate(SPOILT_ROWS):
        case = case.with_sample(column, value, row=FIRST[part])
    return [finding for finding in verdict(case).findings if finding.status == "fail"]


@pytest.mark.parametrize(
    "place", range(len(SPOILT_ROWS)), ids=[f"{column} {value}" for column, value, _ in SPOILT_ROWS]
)
def test_spoilt_row_is_found_in_the_sample_and_its_part_named(spoilt_rows: list[Finding], place: int) -> None:
    rule = SPOILT_ROWS[place][2]

    assert f"data/part-{place:05d}-r0.parquet" in [finding.about for finding in spoilt_rows if finding.rule == rule]


def test_sampled_row_without_evidence_of_origin_stops() -> None:
    case = SOUND.with_sample("owner_country", "  ").with_sample("lat", None)

    assert failed(case)["each sampled item has evidence of origin"].found == "evidence_fields 0"


def test_empty_sample_of_a_snapshot_with_rows_stops() -> None:
    findings = failed(replace(SOUND, sample=SOUND.sample.slice(0, 0)))

    assert findings["rows were sampled"].message() == "rows were sampled: found 0, expected 1400 rows."
    assert findings["sampled ids are unique"].found == "nothing to look at"


def test_part_of_which_fewer_rows_were_sampled_than_every_kth_stops_and_is_named() -> None:
    path, rows = SOUND.metrics[PART].path, SOUND.metrics[PART].rows
    at = SOUND.sample["part"].to_pylist().index(path)
    short = pa.concat_tables([SOUND.sample.slice(0, at), SOUND.sample.slice(at + 1)])

    findings = failed(replace(SOUND, sample=short))

    assert findings["every k-th row of the part was sampled"].message() == (
        f"{path}: every k-th row of the part was sampled: found sampled {rows - 1}, sampled_due {rows}, "
        "expected sampled = sampled_due."
    )


def test_jump_in_exits_holds() -> None:
    case = SOUND.with_cut(left={"deleted": 200}, entered={"born": 200})

    outcome = verdict(case)

    assert outcome.status == "hold"
    assert [finding.rule for finding in outcome.failures()] == ["members deleted or private"]


def test_failure_weighs_more_than_a_hold() -> None:
    case = SOUND.with_cut(left={"deleted": 200}, entered={"born": 200}).with_part(PART, stale=1)

    assert verdict(case).status == "stop"


def test_nothing_evaluated_stops() -> None:
    assert status_of([], evaluated=0) == "stop"
    assert status_of([Finding(rule="r", status="not_applicable", found="", expected="")], evaluated=1) == "stop"


def test_two_judgements_of_one_content_have_one_seal() -> None:
    assert verdict(SOUND).seal == verdict(replace(SOUND, metrics=SOUND.metrics[::-1])).seal


def test_cut_of_another_refresh_is_refused() -> None:
    with pytest.raises(StagingError, match="cut of faces 2020-01-01: found beside the plan of faces 2026-01-05"):
        verdict(SOUND.with_cut(version=SOUND.plan.version.replace(year=2020, day=1)))


def test_pages_show_limits_and_name_no_item_and_no_evidence() -> None:
    case = SOUND.with_sample("state", "deleted").with_sample("owner_country", None).with_part(PART, stale=1)

    outcome, pages = judged(case)

    assert outcome.status == "stop"
    assert "max_age of the dataset is 90d" in pages
    assert PATH in pages
    for private in ("owner-secret", "48.8566-secret", *case.sample["image_id"].to_pylist()[:3]):
        assert private not in pages
        assert private not in outcome.to_json().decode()


def test_pages_name_both_values_that_should_agree() -> None:
    _, pages = judged(SOUND.with_part(PART, rows=7))

    assert f"rows 7, cut_rows {SOUND.cut.parts[PART].rows}" in pages
    assert f"distinct_ids {SOUND.metrics[PART].distinct_ids}, rows 7" in pages


def test_importing_the_judge_does_not_import_great_expectations() -> None:
    code = "import sys, resift.steps.judge; sys.exit('great_expectations' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_judging_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    judged(SOUND)

    assert capfd.readouterr() == ("", "")


def _resized(case: Staged, **fields: object) -> object:
    dataset = case.plan.dataset.model_copy(update=fields)
    return case.plan.model_copy(update={"dataset": dataset})
