"""The observation that decides, of each item: ties, shared PRNs, order of delivery."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from builders import observation
from hypothesis import given
from hypothesis import strategies as st

from resift.core.frame import microseconds
from resift.core.latest import merge_latest
from resift.model.observation import PRN, STATES, run_schema

AS_OF = 10
KNOWN_AT = 1_000_000
SCHEMA = run_schema(pa.schema([]))


def at(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def seen(image_id, second, *, prn=None, **fields):
    origin = {"source": "s", "drop": "d", "file": "f", "row_number": 1}
    number = sum(map(ord, image_id)) if prn is None else prn
    return {**origin, **observation(image_id, at(second), **fields), PRN: number}


def merge(*rows, as_of=AS_OF):
    return merge_latest(
        pa.Table.from_pylist(list(rows), schema=SCHEMA),
        as_of_us=microseconds(at(as_of)),
        known_at_us=microseconds(at(KNOWN_AT)),
    )


def ids(items):
    return items.take(items.first[:-1], ["image_id"])["image_id"].to_pylist()


def url_then(items):
    seen = items.take(items.then[items.then >= 0], ["url"])["url"].to_pylist()
    return [seen.pop(0) if row >= 0 else None for row in items.then]


def states(codes):
    return [STATES[code] if code >= 0 else None for code in codes]


def test_no_observations_are_no_items():
    items = merge()

    assert len(items) == 0
    assert items.prn.tolist() == items.observed_at_us.tolist() == items.item_of_row.tolist() == []


def test_latest_observation_at_or_before_as_of_decides():
    items = merge(seen("a", 9, url="9"), seen("a", 10, url="10"), seen("a", 11, url="11"))

    assert url_then(items) == ["10"]


def test_item_seen_only_one_microsecond_after_as_of_was_not_there_yet():
    row = seen("a", 10)
    items = merge(row | {"observed_at": row["observed_at"].replace(microsecond=1)})

    assert items.then.tolist() == [-1]
    assert states(items.state_then) == [None]
    assert states(items.state_now) == ["public"]
    assert items.observed_at_us[0] < 0


def test_state_is_told_as_of_then_and_as_of_now():
    items = merge(seen("a", 5, state="private"), seen("a", 6), seen("a", 12, state="deleted"))

    assert states(items.state_then) == ["public"]
    assert states(items.state_now) == ["deleted"]


@pytest.mark.parametrize("told", [("public", "deleted", "private"), ("deleted", "public"), ("private", "deleted")])
def test_most_restrictive_state_of_one_instant_holds(told):
    items = merge(*(seen("a", 5, state=state) for state in told))

    assert states(items.state_then) == states(items.state_now) == ["deleted"]


def test_all_observations_of_the_deciding_instants_speak_and_no_others():
    rows = [seen("a", s, url=str(n)) for n, s in enumerate([4, 5, 5, 7 + AS_OF, 8 + AS_OF, 8 + AS_OF])]
    items = merge(*rows)

    spoken = items.instants_us[items.speaks].tolist()
    assert spoken == [microseconds(at(second)) for second in (5, 5, 18, 18)]


def test_every_item_has_a_row_that_speaks():
    items = merge(seen("a", 5), seen("b", 50), seen("c", 1), seen("c", 99))

    assert set(items.item_of_row[items.speaks]) == {0, 1, 2}


def test_items_come_in_order_of_prn_then_id():
    items = merge(seen("a", 1, prn=9), seen("b", 1, prn=3), seen("c", 1, prn=5))

    assert ids(items) == ["b", "c", "a"]
    assert items.prn.tolist() == [3, 5, 9]


def test_two_ids_that_share_a_prn_stay_two_items():
    rows = [seen("b", 3, prn=7), seen("a", 2, prn=7), seen("b", 1, prn=7), seen("a", 4, prn=7, state="deleted")]
    items = merge(*rows)

    assert ids(items) == ["a", "b"]
    assert states(items.state_then) == ["deleted", "public"]
    assert items.observed_at_us.tolist() == [4_000_000, 3_000_000]


def test_ids_that_share_a_prn_and_interleave_in_time_are_not_confused():
    rows = [seen(name, second, prn=7, url=f"{name}{second}") for second in range(4) for name in ("x", "a", "m")]
    items = merge(*rows, as_of=2)

    assert ids(items) == ["a", "m", "x"]
    assert url_then(items) == ["a2", "m2", "x2"]
    assert items.first.tolist() == [0, 4, 8, 12]


def test_one_id_with_two_spellings_is_two_items():
    assert ids(merge(seen("a", 1, prn=7), seen("A", 1, prn=7), seen("a ", 1, prn=7))) == ["A", "a", "a "]


def test_first_by_content_is_published_of_several_at_one_instant():
    items = merge(seen("a", 5, url="https://b"), seen("a", 5, url="https://a"), seen("a", 5, url=None))

    assert url_then(items) == ["https://a"]


def test_where_a_row_lay_decides_nothing():
    rows = [
        seen("a", 5, url="https://b") | {"drop": "1", "row_number": 1},
        seen("a", 5, url="https://a") | {"drop": "2", "row_number": 9},
    ]

    assert url_then(merge(*rows)) == url_then(merge(*reversed(rows))) == ["https://a"]


def test_unknown_state_is_an_error_and_not_a_guess():
    with pytest.raises(ValueError, match=r"state: found \['gone'\], expected one of public, private, deleted"):
        merge(seen("a", 5, state="gone"))


histories = st.lists(
    st.builds(
        seen,
        st.sampled_from("abcd"),
        st.integers(8, 12),
        prn=st.sampled_from([1]),
        state=st.sampled_from(STATES),
        url=st.sampled_from(["u", "v", None]),
    ),
    max_size=20,
)


@given(rows=histories, seed=st.integers(0, 9))
def test_order_of_the_observations_does_not_matter(rows, seed):
    shuffled = random.Random(seed).sample(rows, len(rows))

    one, two = merge(*rows), merge(*shuffled)

    assert ids(one) == ids(two)
    assert url_then(one) == url_then(two)
    assert one.state_then.tolist() == two.state_then.tolist()
    assert one.state_now.tolist() == two.state_now.tolist()


@given(rows=histories)
def test_observations_told_twice_change_nothing(rows):
    one, two = merge(*rows), merge(*rows, *rows)

    assert ids(one) == ids(two)
    assert url_then(one) == url_then(two)
    assert len(two.order) == 2 * len(one.order)


@given(rows=histories)
def test_no_observation_is_lost(rows):
    items = merge(*rows)

    assert len(items.order) == len(rows)
    assert items.first[-1] == len(rows)
    assert len(items.item_of_row) == len(rows)
    assert sorted(set(ids(items))) == sorted({row["image_id"] for row in rows})


def test_public_row_dated_after_known_at_does_not_undo_a_deletion():
    items = merge(seen("a", 1), seen("a", KNOWN_AT, state="deleted"), seen("a", KNOWN_AT + 1), as_of=1)

    assert items.state_now.tolist() == [STATES.index("deleted")]


def test_deletion_dated_after_known_at_counts_all_the_same():
    items = merge(seen("a", 1), seen("a", KNOWN_AT + 1, state="deleted"), as_of=1)

    assert items.state_now.tolist() == [STATES.index("deleted")]
