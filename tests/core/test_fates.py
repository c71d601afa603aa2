"""What became of previous members, and what entered."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from builders import cycle, instant, observation

from resift.core.fates import (
    Fates,
    entry_causes,
    find_fates,
    find_items,
    last_heard,
    list_changes,
    rotate,
    tally,
)
from resift.core.frame import expire, microseconds
from resift.core.latest import merge_latest
from resift.core.split import Reasons
from resift.model.observation import CHANGES, INSTANT, PRN, TALLY, run_schema
from resift.model.reasons import ENTERED_CAUSES, LEFT_CAUSES

AS_OF = instant(cycle(1))


def items_of(*rows):
    """Items as (id, prn, observed_at, state)."""
    table = pa.Table.from_pylist(
        [
            {"source": "s", "drop": "d", "file": "f", "row_number": 1, PRN: prn} | observation(name, when, state=state)
            for name, prn, when, state in rows
        ],
        schema=run_schema(pa.schema([])),
    )
    return merge_latest(table, as_of_us=microseconds(AS_OF), known_at_us=2**62)


def members_of(*members):
    return pa.table(
        {PRN: pa.array([p for _, p in members], pa.int64()), "image_id": pa.array([n for n, _ in members], pa.string())}
    )


def causes_of(*causes, words=LEFT_CAUSES):
    return Reasons(np.array([0 if cause is None else words.index(cause) + 1 for cause in causes]), words)


def fates_of(members, items):
    return find_fates(members, items, expire(items, as_of=AS_OF, max_age=cycle(1) - cycle(0)))


def test_members_are_found_among_items_by_prn_and_id():
    items = items_of(("a", 1, AS_OF, "public"), ("b", 5, AS_OF, "public"), ("c", 9, AS_OF, "public"))

    assert find_items(members_of(("a", 1), ("c", 9)), items).tolist() == [0, 2]


def test_member_the_pool_no_longer_holds_is_not_found():
    items = items_of(("a", 1, AS_OF, "public"), ("b", 5, AS_OF, "public"))

    assert find_items(members_of(("x", 0), ("y", 5), ("z", 99)), items).tolist() == [-1, -1, -1]


def test_member_that_shares_its_prn_with_others_is_told_from_them():
    items = items_of(*((name, 5, AS_OF, "public") for name in "abcd"))

    assert find_items(members_of(*((name, 5) for name in "bdx")), items).tolist() == [1, 3, -1]


def test_no_members_and_no_items_have_no_fates():
    assert find_items(members_of(), items_of(("a", 1, AS_OF, "public"))).tolist() == []
    assert find_items(members_of(("a", 1)), items_of()).tolist() == [-1]


@pytest.mark.parametrize(
    ("when", "state", "cause"),
    [
        (AS_OF, "public", None),
        (AS_OF, "deleted", "deleted"),
        (AS_OF, "private", "private"),
        (instant(cycle(0), hours=-1), "public", "stale"),
        (instant(cycle(1), hours=1), "public", "stale"),
    ],
)
def test_member_leaves_for_the_reason_its_item_left_the_frame(when, state, cause):
    fates = fates_of(members_of(("a", 1)), items_of(("a", 1, when, state)))

    assert fates.left.to_arrow().to_pylist() == [cause]


def test_member_all_of_whose_observations_were_retired_is_stale():
    assert fates_of(members_of(("a", 1)), items_of()).left.to_arrow().to_pylist() == ["stale"]


def entered(items, members, kept, previous_as_of):
    fates = fates_of(members, items)
    return (
        entry_causes(np.array(kept), items, fates, previous_as_of_us=microseconds(previous_as_of))
        .to_arrow()
        .to_pylist()
    )


def test_item_first_seen_after_the_previous_as_of_was_born_and_at_it_was_drawn():
    tick = 1e-6 / 3600
    items = items_of(
        ("old", 1, instant(cycle(0)), "public"),
        ("new", 2, instant(cycle(0), hours=3600 * tick), "public"),
        ("member", 3, AS_OF, "public"),
    )

    assert entered(items, members_of(("member", 3)), [0, 1, 2], instant(cycle(0))) == ["drawn", "born", None]


def test_first_version_has_no_causes():
    items = items_of(("a", 1, AS_OF, "public"))

    assert entry_causes(np.array([0]), items, None, previous_as_of_us=0).to_arrow().to_pylist() == [None]


def test_members_still_eligible_are_rotated_and_the_others_keep_their_cause():
    assert rotate(causes_of(None, "stale")).to_arrow().to_pylist() == ["rotated", "stale"]


def test_changes_come_in_prn_order_and_never_name_the_suppressed():
    left = members_of(("gone", 9), ("hidden", 2), ("stays", 5))
    came = members_of(("new", 3))
    changes = list_changes(
        left=left,
        causes=causes_of("deleted", "suppressed", None),
        entered=came,
        entered_causes=causes_of("born", words=ENTERED_CAUSES),
    )

    assert changes.schema == CHANGES
    assert [(row["change"], row["cause"], row["image_id"]) for row in changes.to_pylist()] == [
        ("entered", "born", "new"),
        ("left", "deleted", "gone"),
    ]


def test_tally_counts_members_and_exits_of_each_key_and_leaves_null_out():
    owners = pa.array(["a", "b", "a", None])
    sources = pa.array(["x", "x", "x", "x"])
    causes = causes_of("deleted", None, None, "stale")
    found = tally({"owner": owners}, sources, causes, most_keys=10).to_pylist()

    assert [(row["key"], row["members"], row["deleted"], row["stale"]) for row in found] == [
        ("a", 2, 1, 0),
        ("b", 1, 0, 0),
    ]


def test_tally_tells_the_members_of_a_key_apart_by_source():
    causes = causes_of("stale", None, "deleted")

    found = tally({"host": pa.array(["a", "a", "a"])}, pa.array(["x", "y", "y"]), causes, most_keys=10).to_pylist()

    assert [(row["source"], row["members"], row["stale"], row["deleted"]) for row in found] == [
        ("y", 2, 0, 1),
        ("x", 1, 1, 0),
    ]


def test_fates_hold_a_place_for_each_member():
    fates = fates_of(members_of(("a", 1), ("b", 2)), items_of(("b", 2, AS_OF, "public")))

    assert isinstance(fates, Fates)
    assert fates.item.tolist() == [-1, 0]


def test_tally_keeps_the_keys_with_most_members():
    keys = {"owner": pa.array(["a", "b", "b", "c", "c", "c"])}

    kept = tally(keys, pa.array(["x"] * 6), causes_of(*[None] * 6), most_keys=2)

    assert list(zip(kept["key"].to_pylist(), kept["members"].to_pylist(), strict=True)) == [("c", 3), ("b", 2)]


def test_source_was_last_heard_of_at_its_newest_observation_up_to_as_of():
    at = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 3, 5, 2)]
    table = pa.table({"source": ["a", "a", "a", "b"], "observed_at": pa.array(at, INSTANT)})

    found = last_heard(table, as_of=at[1])

    assert found.schema == TALLY
    assert [(row["kind"], row["key"], row["members"], row["newest"]) for row in found.to_pylist()] == [
        ("source", "a", 0, at[1]),
        ("source", "b", 0, at[3]),
    ]
