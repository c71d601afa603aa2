"""What shows a valid random sample: small for a real draw, large for one that prefers some PRNs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from checks.staged_refresh import CIRCLE, Staged, staged
from hypothesis import given
from hypothesis import strategies as st

from resift.checks.chance import uniform_limit
from resift.checks.validity import common_width, validity
from resift.model.refresh import Previous

SOUND = staged(parts=4, rows=2000)


def shown(case: Staged, sample: pa.Table | None = None):
    return validity(case.plan, case.cut, case.sample if sample is None else sample)


def previous(*, start: int, width: int) -> Previous:
    return Previous.model_validate({**SOUND.plan.previous.model_dump(), "start": start, "width": width})


def rows_at(places: np.ndarray) -> pa.Table:
    offsets = (places * SOUND.cut.width).astype(np.int64)
    return pa.table({"prn": (offsets + SOUND.plan.start) & np.int64(CIRCLE - 1)})


def test_uniform_rows_are_close_to_uniform():
    places = np.random.default_rng(5).random(10_000)

    assert shown(SOUND, rows_at(places))["prn_distance"] < uniform_limit(10_000)


def test_sample_that_prefers_low_prns_is_far_from_uniform():
    places = np.random.default_rng(5).random(10_000) ** 1.2

    assert shown(SOUND, rows_at(places))["prn_distance"] > uniform_limit(10_000)


def test_no_sampled_row_says_nothing_about_uniformity():
    assert shown(SOUND, SOUND.sample.slice(0, 0))["prn_distance"] is None


def test_honest_count_agrees_with_the_width():
    assert shown(SOUND)["width_sigmas"] < 5


def test_items_kept_back_before_the_cut_disagree_with_the_width():
    fewer = SOUND.with_cut(removed={"not_drawn": SOUND.cut.removed["not_drawn"] // 2})

    assert shown(fewer)["width_sigmas"] > 5


def test_exhausted_pool_has_nothing_beyond_to_count():
    assert shown(SOUND.with_cut(exhausted=True))["width_sigmas"] is None


def rotating(rotated: int, *, by: float) -> Staged:
    width = SOUND.cut.width
    earlier = previous(start=(SOUND.plan.start - int(by * width)) % CIRCLE, width=width)
    case = replace(SOUND, plan=SOUND.plan.model_copy(update={"previous": earlier}))
    return case.with_cut(previous_members=8000, left={"deleted": 800, "rotated": rotated})


@pytest.mark.parametrize(("rotated", "sound"), [(1800, True), (1620, True), (1200, False), (2400, False)])
def test_members_rotate_by_the_width_the_start_moved(rotated, sound):
    assert (shown(rotating(rotated, by=0.25))["rotation_sigmas"] < 5) == sound


def test_nobody_may_rotate_out_where_the_start_stays():
    stays = replace(SOUND, plan=SOUND.plan.model_copy(update={"previous": previous(start=SOUND.plan.start, width=10)}))

    assert shown(stays.with_cut(left={"rotated": 0}))["rotation_sigmas"] == 0
    assert shown(stays.with_cut(left={"rotated": 1}))["rotation_sigmas"] > 5


POINT = st.integers(0, CIRCLE - 1)
WIDTH = st.integers(1, CIRCLE)


@given(POINT, WIDTH, POINT, WIDTH)
def test_two_intervals_have_the_same_in_common_from_either_side(one, its_width, other, other_width):
    ahead = common_width(previous(start=one, width=its_width), start=other, width=other_width)
    behind = common_width(previous(start=other, width=other_width), start=one, width=its_width)

    assert ahead == behind
    assert max(0, its_width + other_width - CIRCLE) <= ahead <= min(its_width, other_width)


@given(st.integers(0, 15), st.integers(1, 16), st.integers(0, 15), st.integers(1, 16))
def test_common_width_is_what_counting_points_gives(one, its_width, other, other_width):
    step = CIRCLE // 16
    covered = [{(start + at) % 16 for at in range(width)} for start, width in ((one, its_width), (other, other_width))]

    common = common_width(
        previous(start=one * step, width=its_width * step), start=other * step, width=other_width * step
    )

    assert common == len(covered[0] & covered[1]) * step
