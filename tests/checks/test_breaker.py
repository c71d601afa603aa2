"""The breaker holds what only a person can explain, and says so by number."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from checks.staged_refresh import staged, tallied, tally
from hypothesis import given
from hypothesis import strategies as st

from resift.checks.breaker import find_jumps, merge_tallies
from resift.checks.outage import quiet_since
from resift.checks.past import PastExits, find_unusual_exits
from resift.model.dataset import Limits
from resift.model.observation import TALLY
from resift.model.refresh import CutReceipt
from resift.model.verdict import Finding

NOBODY = TALLY.empty_table()
LIMITS = Limits(size_drift=1)


def cut(*, rows: int = 1000, members: int = 1000, **left: int) -> CutReceipt:
    return staged(parts=1, rows=100).cut.model_copy(update={"rows": rows, "previous_members": members, "left": left})


def held(receipt: CutReceipt, table: pa.Table = NOBODY, limits: Limits = LIMITS) -> list[Finding]:
    return [one for one in find_jumps(receipt, table, limits, first=False) if one.status == "hold"]


@pytest.mark.parametrize(
    ("causes", "rule", "found", "limit"),
    [
        ({"deleted": 60, "private": 41}, "members deleted or private", "10.1% (101 of 1000 members)", "10.0%"),
        ({"stale": 301}, "members gone stale", "30.1% (301 of 1000 members)", "stale_share at most 30.0%"),
        ({"excluded": 51}, "members newly excluded", "5.1% (51 of 1000 members)", "excluded_share at most 5.0%"),
    ],
)
def test_share_above_its_limit_holds(causes: dict[str, int], rule: str, found: str, limit: str) -> None:
    (finding,) = held(cut(**causes))

    assert finding.rule == rule
    assert finding.found == found
    assert limit in finding.expected


def test_share_at_its_limit_passes() -> None:
    assert held(cut(deleted=50, private=50, stale=300, excluded=50)) == []


def test_rotation_and_suppression_never_hold() -> None:
    assert held(cut(rotated=600, suppressed=400)) == []


def test_exclusions_count_together_whatever_the_reason() -> None:
    (finding,) = held(cut(**{"excluded.eu": 30, "excluded.no_evidence": 30}))

    assert finding.found == "6.0% (60 of 1000 members)"


@pytest.mark.parametrize(("rows", "holds"), [(800, False), (799, True), (1200, False), (1201, True)])
def test_size_drift_beyond_its_limit_holds_in_both_directions(rows: int, holds: bool) -> None:
    findings = held(cut(rows=rows), limits=Limits(size_drift=0.2))

    assert [one.rule for one in findings] == ["size against the previous snapshot"] * holds


def test_one_host_losing_more_than_its_share_holds_and_is_named() -> None:
    table = tally(("host", "gone.example", 100, 40), ("host", "fine.example", 900, 9))

    (finding,) = held(cut(deleted=49), table)

    assert finding.message() == (
        "host gone.example: members lost by one host: found 40.0% (40 of 100 members: deleted 40), "
        "expected host_share at most 25.0% of at least 50 members."
    )


def test_owner_is_named_by_its_keyed_hash() -> None:
    (finding,) = held(cut(), tally(("owner", "9f2c41", 50, 13)))

    assert finding.about == "owner 9f2c41"


def test_owner_at_its_share_passes() -> None:
    assert held(cut(), tally(("owner", "9f2c41", 52, 13))) == []


def test_owner_with_fewer_members_than_judged_is_not_applicable() -> None:
    findings = find_jumps(cut(), tally(("owner", "9f2c41", 49, 49)), LIMITS, first=False)

    assert [one.status for one in findings if one.rule == "members lost by one owner"] == ["not_applicable"]


def test_all_judged_exits_of_one_host_count_and_suppressed_do_not() -> None:
    row = tallied("host", "a", members=100, deleted=6, private=7, stale=6, excluded=7, suppressed=50)

    (finding,) = held(cut(), pa.Table.from_pylist([row], schema=TALLY))

    assert "26.0% (26 of 100 members: deleted 6, private 7, stale 6, excluded 7)" in finding.found


QUIET_SINCE = datetime(2025, 10, 7, tzinfo=UTC)
LAST_DAY = datetime(2025, 9, 30, 23, tzinfo=UTC)


def source(key: str, members: int, *, newest: datetime | None = LAST_DAY, **exits: int) -> dict[str, Any]:
    return tallied("source", key, members=members, newest=newest, **exits)


def findings_on(receipt: CutReceipt, *rows: dict[str, Any], limits: Limits = LIMITS) -> list[Finding]:
    table = pa.Table.from_pylist(list(rows), schema=TALLY)
    return find_jumps(receipt, table, limits, first=False, quiet_since=QUIET_SINCE)


def held_by(receipt: CutReceipt, *rows: dict[str, Any], limits: Limits = LIMITS) -> list[Finding]:
    return [one for one in findings_on(receipt, *rows, limits=limits) if one.status == "hold"]


def test_silent_source_holds_as_an_outage_and_as_nothing_else() -> None:
    (finding,) = held_by(
        cut(stale=400, deleted=10), source("archive", 400, stale=400), source("other", 600, deleted=10)
    )

    assert finding.message() == (
        "source archive: sources keep delivering: found it delivered nothing since 2025-09-30: an outage; "
        "400 of its 400 members go stale, expected source_share at most 40.0% of at least 50 members, "
        "stale_share at most 30.0% of all, if it is silent."
    )


def test_stale_members_of_other_sources_are_judged_without_the_outage() -> None:
    heard = datetime(2025, 12, 1, tzinfo=UTC)
    rows = source("archive", 400, stale=400), source("other", 600, newest=heard, stale=181)

    assert [one.rule for one in held_by(cut(stale=580), *rows)] == ["sources keep delivering"]
    assert [(one.rule, one.found) for one in held_by(cut(stale=581), *rows)] == [
        ("members gone stale", "30.2% (181 of 600 members, beside 400 in outages)"),
        (
            "sources keep delivering",
            "it delivered nothing since 2025-09-30: an outage; 400 of its 400 members go stale",
        ),
    ]


def test_deletions_of_a_silent_source_stay_deletions() -> None:
    rules = {one.rule for one in held_by(cut(stale=50, deleted=90), source("archive", 100, stale=50, deleted=50))}

    assert rules == {"sources keep delivering", "members lost by one source"}


def test_hosts_and_owners_of_an_outage_do_not_hold_beside_it() -> None:
    rows = [
        source("archive", 400, stale=400),
        tallied("host", "archive.example", source="archive", members=300, stale=300),
        tallied("owner", "f00d", source="archive", members=80, stale=80),
    ]

    assert [one.about for one in held_by(cut(stale=400), *rows)] == ["source archive"]


def test_host_of_two_sources_is_judged_by_what_is_no_outage() -> None:
    heard = source("feed", 600, newest=datetime(2025, 12, 1, tzinfo=UTC))
    both = [
        tallied("host", "a.example", source="archive", members=300, stale=300),
        tallied("host", "a.example", source="feed", members=100, deleted=26),
    ]

    findings = held_by(cut(stale=400), source("archive", 400, stale=400), heard, *both)

    assert [(one.about, one.found) for one in findings if one.rule == "members lost by one host"] == [
        ("host a.example", "26.0% (26 of 100 members: deleted 26; beside 300 in outages)")
    ]


@pytest.mark.parametrize(("newest", "outage"), [(QUIET_SINCE, True), (QUIET_SINCE + timedelta(microseconds=1), False)])
def test_source_heard_of_after_the_bound_is_not_silent(newest: datetime, outage: bool) -> None:
    (finding,) = held_by(cut(stale=100), source("archive", 100, newest=newest, stale=100))

    assert ("an outage" in finding.found) == outage


def test_source_that_delivered_and_left_items_out_is_told_from_one_that_deleted_them() -> None:
    heard = datetime(2025, 12, 1, tzinfo=UTC)

    assert "not deleted" in held_by(cut(), source("archive", 100, newest=heard, stale=90, deleted=10))[0].found
    assert "not deleted" not in held_by(cut(), source("archive", 100, newest=heard, stale=89, deleted=11))[0].found


def test_small_outage_is_shown_and_stays_counted_in_the_total() -> None:
    findings = findings_on(cut(stale=301), source("archive", 100, stale=40))

    assert [one.status for one in findings if one.about == "source archive"] == ["warn"]
    assert [one.found for one in findings if one.status == "hold"] == ["30.1% (301 of 1000 members)"]


def test_small_source_whose_outage_takes_too_much_of_all_holds() -> None:
    few = Limits(source_min_members=500, size_drift=1)

    assert [one.about for one in held_by(cut(stale=301), source("archive", 400, stale=301), limits=few)] == [
        "source archive"
    ]


def test_silent_source_without_stale_members_passes() -> None:
    findings = findings_on(cut(), source("archive", 100))

    assert [one.status for one in findings if one.rule == "sources keep delivering"] == ["pass"]


def test_outage_of_the_only_source_leaves_no_stale_share_to_judge() -> None:
    findings = findings_on(cut(stale=1000), source("archive", 1000, stale=1000))

    assert [one.status for one in findings if "stale" in one.rule] == ["not_applicable"] * 2
    assert [one.rule for one in findings if one.status == "hold"] == ["sources keep delivering"]


@pytest.mark.parametrize(
    ("max_age", "since"),
    [(90, QUIET_SINCE), (365, QUIET_SINCE), (30, datetime(2025, 12, 5, 23, 59, 59, 999999, tzinfo=UTC))],
)
def test_silence_begins_at_the_previous_version_or_where_items_go_stale(max_age: int, since: datetime) -> None:
    plan = staged(parts=1, rows=100).plan
    aged = plan.dataset.model_copy(update={"max_age": timedelta(days=max_age)})

    assert quiet_since(plan.model_copy(update={"dataset": aged})) == since


def recent(*shares: float) -> list[PastExits]:
    days = [date(2025, 10, 7) - timedelta(days=90 * number) for number in range(len(shares))]
    return [PastExits(day, 10_000, {"deleted": round(10_000 * share)}) for day, share in zip(days, shares, strict=True)]


def unusual(left: dict[str, int], past: list[PastExits], *, outages: int = 0, limits: Limits = LIMITS) -> list[Finding]:
    return list(find_unusual_exits(left, past, limits, members=10_000, outages=outages))


@pytest.mark.parametrize(
    ("deleted", "status"), [(300, "pass"), (300 + 85, "pass"), (300 + 86, "hold")], ids=["limit", "chance", "beyond"]
)
def test_exits_beyond_a_multiple_of_the_median_hold_past_what_chance_allows(deleted: int, status: str) -> None:
    finding = unusual({"deleted": deleted - 20, "private": 20}, recent(0.01, 0.3, 0.01))[0]

    assert finding.status == status
    assert finding.rule == "members deleted or private against recent versions"
    assert finding.expected == (
        "at most jump_factor 3 times the median, and no jump up to jump_floor 2.0%: 3.0% and 0.9% for chance"
    )


def test_versions_compared_are_named() -> None:
    finding = unusual({"deleted": 700}, recent(0.01, 0.02, 0.01))[0]

    assert finding.found == "7.0% (700 of 10000 members), median 1.0% of 2025-10-07, 2025-07-09, 2025-04-10"


def test_few_exits_are_no_jump_however_few_there_were_before() -> None:
    assert unusual({"deleted": 200}, recent(0, 0, 0))[0].status == "pass"
    assert unusual({"deleted": 271}, recent(0, 0, 0))[0].status == "hold"


def test_with_two_versions_nothing_is_usual_yet() -> None:
    findings = unusual({"deleted": 9_000, "stale": 900}, recent(0.01, 0.01))

    assert {one.status for one in findings} == {"not_applicable"}
    assert findings[0].found == "2 earlier versions to compare with (2025-10-07, 2025-07-09)"


def test_versions_older_than_the_eighth_are_not_looked_at() -> None:
    assert unusual({"deleted": 900}, recent(*[0.01] * 8, *[0.9] * 9))[0].status == "hold"


def test_versions_without_members_tell_nothing() -> None:
    empty = PastExits(date(2025, 10, 7), 0, {})

    assert unusual({"deleted": 900}, [empty, *recent(0.01, 0.01)])[0].status == "not_applicable"


def test_exclusions_of_every_reason_count_against_the_past() -> None:
    findings = unusual({"excluded.eu": 200, "excluded.no_evidence": 200}, recent(0, 0, 0))

    assert [one.status for one in findings] == ["pass", "pass", "hold"]


def test_outage_is_no_jump_of_the_stale() -> None:
    past = recent(0, 0, 0)

    assert [one.status for one in unusual({"stale": 4000}, past, outages=4000)] == ["pass"] * 3
    assert [one.status for one in unusual({"stale": 4400}, past, outages=4000)] == ["pass", "hold", "pass"]


def test_source_at_its_share_passes() -> None:
    assert held(cut(), tally(("source", "archive", 100, 40))) == []


def test_items_without_a_host_are_not_one_host() -> None:
    assert held(cut(), tally(("host", "", 100, 100))) == []


def test_hosts_beyond_the_first_fifty_are_counted() -> None:
    findings = held(cut(), tally(*[("host", f"h{number}", 100, 50) for number in range(60)]))

    assert len(findings) == 51
    assert findings[-1].found == "10 more hosts"


def test_first_snapshot_is_not_applicable_never_passed() -> None:
    findings = find_jumps(cut(members=0), NOBODY, LIMITS, first=True)

    assert {one.status for one in findings} == {"not_applicable"}
    assert len(findings) == 11


def test_previous_snapshot_of_which_no_member_was_found_holds() -> None:
    assert {one.found for one in held(cut(members=0))} == {"0 members of the previous snapshot"}


def test_ranges_are_summed_before_members_are_counted() -> None:
    merged = merge_tallies([tally(("host", "a", 30, 10)), tally(("host", "a", 30, 10))], least=50)

    assert merged.to_pylist() == tally(("host", "a", 60, 20)).to_pylist()


def test_newest_instant_of_a_source_is_the_newest_of_all_ranges() -> None:
    later = LAST_DAY + timedelta(days=1)
    tables = [pa.Table.from_pylist([source("a", 30, newest=day)], schema=TALLY) for day in (LAST_DAY, later, None)]

    (row,) = merge_tallies(tables, least=50).to_pylist()

    assert (row["members"], row["newest"]) == (90, later)


def test_no_tally_merges_to_none() -> None:
    assert merge_tallies([]).schema == TALLY


ROWS = st.lists(
    st.tuples(st.sampled_from(["owner", "host"]), st.sampled_from("abcdef"), st.integers(1, 99), st.just(1))
)


@given(st.lists(ROWS.filter(bool), max_size=4), st.integers(1, 5))
def test_shares_and_order_of_tallies_do_not_matter(ranges: list[list[tuple[str, str, int, int]]], shares: int) -> None:
    tables = [tally(*rows) for rows in ranges]

    whole = merge_tallies(tables)
    dealt = [merge_tallies(tables[::-1], share=share, shares=shares) for share in range(shares)]

    together = pa.concat_tables(dealt).sort_by([("kind", "ascending"), ("key", "ascending")])
    assert together.to_pylist() == whole.to_pylist()
    assert sum(whole["members"].to_pylist()) == sum(row[2] for rows in ranges for row in rows)


EXITS = st.fixed_dictionaries({name: st.integers(0, 40) for name in ("stale", "deleted", "private", "excluded")})
KEYED = st.tuples(st.sampled_from(["owner", "host"]), st.sampled_from("abc"), st.sampled_from(["silent", "heard"]))
HISTORY = st.dictionaries(KEYED, st.tuples(EXITS, st.integers(0, 200)), max_size=12)


def of_history(rows: dict[tuple[str, str, str], tuple[dict[str, int], int]]) -> list[dict[str, Any]]:
    """Rows of a tally, each with the members that left and so many that stayed."""
    return [
        tallied(kind, key, source=source, members=sum(exits.values()) + stayed, **exits)
        for (kind, key, source), (exits, stayed) in rows.items()
    ]


def by_key(findings: list[Finding]) -> set[tuple[str, str, str]]:
    """What is said of owners and hosts, without how many of them lie aside in an outage."""
    keyed = ("members lost by one owner", "members lost by one host")
    said = (
        (one.about, one.status, re.sub("; beside [0-9]+ in outages", "", one.found))
        for one in findings
        if one.rule in keyed
    )
    return set(said)


@given(HISTORY)
def test_owners_and_hosts_are_judged_as_if_nobody_had_gone_stale_in_an_outage(history: Any) -> None:
    """The law: with an outage, or without it and without the members it took."""
    silence = source("silent", 1000, stale=900)
    spared = {
        whose: ({**exits, "stale": 0} if whose[2] == "silent" else exits, stayed)
        for whose, (exits, stayed) in history.items()
    }
    receipt = cut(rows=2000, members=2000, stale=900)

    with_outage = findings_on(receipt, silence, *of_history(history))
    without = findings_on(receipt, source("silent", 100), *of_history(spared))

    assert [one.status for one in with_outage if one.about == "source silent"] == ["hold"]
    assert by_key(with_outage) == by_key(without)


@given(HISTORY)
def test_without_an_outage_the_source_of_a_member_does_not_matter(history: Any) -> None:
    heard = {"newest": datetime(2025, 12, 1, tzinfo=UTC)}
    rows = of_history(history)
    merged: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        known = merged.setdefault((row["kind"], row["key"]), tallied(row["kind"], row["key"]))
        known |= {name: known[name] + row[name] for name in TALLY.names[3:-1]}

    findings = findings_on(cut(), source("silent", 100, **heard), *rows)

    assert by_key(findings) == by_key(findings_on(cut(), source("silent", 100, **heard), *merged.values()))
