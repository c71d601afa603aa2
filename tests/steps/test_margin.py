"""Sifting beyond the sample: no further than the margin, and further where the margin was too small."""

from __future__ import annotations

from typing import Any

import pytest
from builders import NOW, cycle, draw, instant, make_dataset, make_pool, observation, publish_unjudged, snapshot_rows

from resift.core.prn import CIRCLE
from resift.model.keys import Staging
from resift.model.refresh import Previous
from resift.steps.cut import cut
from resift.steps.plan import plan, range_at, ranges_within, read_plan
from resift.steps.sift import sift
from resift.storage import MemoryStore

DATASET = make_dataset(size=500, part_rows=100)
"""Five ranges of a fifth of the circle, and what rounding leaves as a sixth."""

FIFTH = -(-CIRCLE // 5)


@pytest.fixture
def store():
    store = MemoryStore()
    make_pool(store, [observation(f"item-{n}", instant(cycle(0), hours=-24)) for n in range(1000)])
    return store


def planned(store, k=0) -> tuple[dict[str, Any], Any]:
    receipt = plan(store, dataset=DATASET, as_of=cycle(k), known_at=NOW)
    names = {"dataset": receipt.dataset, "version": receipt.version, "plan_id": receipt.plan_id}
    return names, read_plan(store, Staging(**names))


def sift_only(store, names, frozen, *, hi):
    """Sift as if the plan had ended at an offset."""
    ranges = tuple(ranges_within(frozen, hi))
    short = frozen.model_copy(update={"ranges": ranges, "groups": tuple((one.index,) for one in ranges)})
    store.put(Staging(**names).plan, short.to_json())
    for group in range(len(ranges)):
        sift(store, **names, group=group)


def before(frozen, *, start, width):
    previous = Previous(version=cycle(0), revision=0, content_digest="0" * 64, start=start, width=width)
    return frozen.model_copy(update={"previous": previous})


def ends(ranges):
    return [(one.index, one.role, one.hi) for one in ranges]


def test_last_range_ends_with_the_margin(store):
    _, frozen = planned(store)
    width = range_at(frozen, 2, role="draw").lo + 7

    *whole, last = ranges_within(frozen, width)

    assert whole == [range_at(frozen, index, role="draw") for index in (0, 1)]
    assert (last.index, last.role, last.lo, last.hi) == (2, "draw", width - 7, width)


def test_margin_that_ends_with_a_range_takes_it_whole(store):
    _, frozen = planned(store)
    whole = [range_at(frozen, index, role="draw") for index in range(6)]

    assert list(ranges_within(frozen, whole[2].hi)) == whole[:3]
    assert list(ranges_within(frozen, CIRCLE)) == whole


def test_every_previous_member_lies_in_a_range(store):
    _, frozen = planned(store)
    width, whole = 2 * frozen.range_width + 7, [range_at(frozen, index, role="draw").hi for index in range(5)]
    drawn = [(0, "draw", whole[0]), (1, "draw", whole[1])]

    def found(**fields):
        return ends(ranges_within(before(frozen, **fields), width))

    assert found(start=0, width=width - 1) == [*drawn, (2, "draw", width)]
    assert found(start=0, width=width + 5) == [*drawn, (2, "draw", width + 5)]
    assert found(start=0, width=whole[2] + 1) == [*drawn, (2, "draw", whole[2]), (3, "fates", whole[3])]
    assert found(start=whole[2], width=9) == [*drawn, (2, "draw", width), (3, "fates", whole[3])]
    beyond = [(4, "fates", whole[4]), (5, "fates", CIRCLE)]
    assert found(start=CIRCLE - 5, width=width + 20) == [*drawn, (2, "draw", width + 15), *beyond]


@pytest.mark.parametrize("hi", [1, FIFTH // 3, FIFTH, FIFTH * 5 // 2, FIFTH * 11 // 4, FIFTH * 4])
def test_sample_is_the_same_however_far_was_sifted_at_first(store, hi):
    whole = draw(store, DATASET, cycle(0))
    other = MemoryStore()
    make_pool(other, [observation(f"item-{n}", instant(cycle(0), hours=-24)) for n in range(1000)])
    names, frozen = planned(other)

    sift_only(other, names, frozen, hi=hi)
    found, again = cut(other, **names), cut(other, **names)

    assert (found.content_digest, found.rows) == (whole.content_digest, 500)
    assert found == again
    assert found.searched >= found.width
    assert found.observations == found.superseded + sum(found.removed.values()) + found.rows


def test_fates_are_the_same_however_far_was_sifted_at_first(store):
    publish_unjudged(store, DATASET, cycle(0))
    make_pool(store, [observation(f"item-{n}", instant(cycle(1), hours=-24)) for n in range(0, 1000, 2)])
    names, frozen = planned(store, 1)
    store_whole, whole_names = MemoryStore(), names
    for stat in list(store.list("")):
        store_whole.put(stat.key, store.get(stat.key))
    for group in range(len(frozen.groups)):
        sift(store_whole, **whole_names, group=group)
    whole = cut(store_whole, **whole_names)

    sift_only(store, names, frozen, hi=FIFTH)
    found = cut(store, **names)

    assert found.content_digest == whole.content_digest
    assert (found.entered, found.left, found.previous_members) == (whole.entered, whole.left, whole.previous_members)
    assert len(snapshot_rows(store, publish_unjudged(store, DATASET, cycle(1)))) == found.rows
