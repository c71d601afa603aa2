"""Offsets and intervals on the circle of PRNs, at its seam too."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resift.core.circle import intervals, offsets, range_width, start_point
from resift.core.prn import CIRCLE

points = st.integers(0, CIRCLE - 1)


def test_cycle_0_begins_at_the_start_of_the_dataset():
    assert start_point(cycle=0, start=0.5, turnover=0.3, nominal_width=0.1) == CIRCLE // 2


def test_start_moves_by_the_same_step_each_cycle():
    starts = [start_point(cycle=k, start=0.0, turnover=0.5, nominal_width=0.5) for k in range(4)]

    assert starts == [0, CIRCLE // 4, CIRCLE // 2, 3 * CIRCLE // 4]


def test_start_goes_round_past_the_top_and_below_zero():
    assert start_point(cycle=5, start=0.0, turnover=0.5, nominal_width=0.5) == CIRCLE // 4
    assert start_point(cycle=-1, start=0.0, turnover=0.5, nominal_width=0.5) == 3 * CIRCLE // 4


def test_no_turnover_means_the_same_start_at_every_cycle():
    assert {start_point(cycle=k, start=0.25, turnover=0.0, nominal_width=1.0) for k in range(-3, 9)} == {CIRCLE // 4}


@pytest.mark.parametrize(
    ("prn", "start", "offset"),
    [
        (0, 0, 0),
        (CIRCLE - 1, 0, CIRCLE - 1),
        (7, 7, 0),
        (8, 7, 1),
        (6, 7, CIRCLE - 1),
        (0, CIRCLE - 1, 1),
        (CIRCLE - 1, CIRCLE - 1, 0),
    ],
)
def test_offset_is_the_way_on_from_the_start(prn, start, offset):
    assert offsets(np.array([prn]), start=start).tolist() == [offset]


def test_no_prns_have_no_offsets():
    assert offsets(np.array([], dtype=np.int64), start=5).tolist() == []


@given(prn=points, start=points)
def test_offset_is_the_difference_modulo_the_circle(prn, start):
    assert offsets(np.array([prn]), start=start)[0] == (prn - start) % CIRCLE


def test_range_that_ends_at_the_top_is_one_interval():
    assert intervals(0, CIRCLE - 10, start=10) == [(10, CIRCLE)]


def test_range_that_passes_the_top_by_one_is_two_intervals():
    assert intervals(0, CIRCLE - 9, start=10) == [(10, CIRCLE), (0, 1)]


def test_range_that_begins_at_the_top_is_the_bottom():
    assert intervals(CIRCLE - 10, CIRCLE - 5, start=10) == [(0, 5)]


@given(bounds=st.tuples(st.integers(0, CIRCLE), st.integers(0, CIRCLE)), start=points, prn=points)
def test_intervals_hold_just_the_prns_whose_offset_lies_in_the_range(bounds, start, prn):
    lo, hi = sorted(bounds)
    if lo == hi:
        return

    pieces = intervals(lo, hi, start=start)

    inside = sum(first <= prn < last for first, last in pieces)
    assert inside == (lo <= (prn - start) % CIRCLE < hi)
    assert all(0 <= first < last <= CIRCLE for first, last in pieces)
    assert sum(last - first for first, last in pieces) == hi - lo


@pytest.mark.parametrize(
    ("size", "part_rows", "parts"), [(1, 100, 1), (100, 100, 1), (101, 100, 2), (200, 100, 2), (1000, 100, 10)]
)
def test_range_is_so_wide_that_the_nominal_sample_fills_its_parts(size, part_rows, parts):
    assert range_width(size=size, part_rows=part_rows, nominal_width=0.5) == CIRCLE // 2 // parts


def test_range_is_never_empty():
    assert range_width(size=10**12, part_rows=100, nominal_width=1e-15) == 1
