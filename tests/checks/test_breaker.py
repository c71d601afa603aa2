"""The breaker holds what only a person can explain, and says so by number."""

from __future__ import annotations

import pyarrow as pa
import pytest
from checks.staged_refresh import staged, tally
from hypothesis import given
from hypothesis import strategies as st

from resift.checks.breaker import find_jumps, merge_tallies
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
    row = {"kind": "host", "key": "a", "members": 100, "deleted": 6, "private": 7, "stale": 6, "excluded": 7}

    (finding,) = held(cut(), pa.Table.from_pylist([row | {"suppressed": 50}], schema=TALLY))

    assert "26.0% (26 of 100 members: deleted 6, private 7, stale 6, excluded 7)" in finding.found


def lost_by_source(**exits: int) -> Finding:
    row = {"kind": "source", "key": "archive", "members": 100, "deleted": 0, "private": 0, "stale": 0, "excluded": 0}
    (finding,) = held(cut(), pa.Table.from_pylist([row | {"suppressed": 0} | exits], schema=TALLY))
    return finding


def test_source_whose_members_were_not_observed_again_is_an_outage_and_not_a_deletion() -> None:
    assert lost_by_source(stale=90, deleted=10).message() == (
        "source archive: members lost by one source: found 100.0% (100 of 100 members: deleted 10, stale 90); "
        "an outage: they were not observed again, not deleted, "
        "expected source_share at most 40.0% of at least 50 members."
    )


def test_source_that_deletes_its_members_is_no_outage() -> None:
    assert "outage" not in lost_by_source(stale=89, deleted=11).message()


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
    assert len(findings) == 7


def test_previous_snapshot_of_which_no_member_was_found_holds() -> None:
    assert {one.found for one in held(cut(members=0))} == {"0 members of the previous snapshot"}


def test_ranges_are_summed_before_members_are_counted() -> None:
    merged = merge_tallies([tally(("host", "a", 30, 10)), tally(("host", "a", 30, 10))], least=50)

    assert merged.to_pylist() == tally(("host", "a", 60, 20)).to_pylist()


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
