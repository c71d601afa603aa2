"""Ranges are grouped by bytes into tasks: all of them once, in order, balanced, and never too many."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resift.core.circle import range_width
from resift.core.grouping import MAPPABLE_TASKS, MOST_TASKS, TASK_BYTES, bytes_to_read, group_ranges
from resift.core.prn import CIRCLE
from resift.model.pool import RunEntry
from resift.model.refresh import Range


def make_run(firsts: list[int], rows: list[int], *, last: int, size_bytes: int) -> RunEntry:
    return RunEntry(
        key="run",
        rows=sum(rows),
        size_bytes=size_bytes,
        sha256="0" * 64,
        prn_min=firsts[0],
        prn_max=last,
        row_group_first=tuple(firsts),
        row_group_rows=tuple(rows),
    )


def make_range(index: int, lo: int, hi: int) -> Range:
    return Range(index=index, lo=lo, hi=hi, role="draw")


@given(
    sizes=st.lists(st.floats(0, 1e12), min_size=1, max_size=300),
    most=st.integers(1, MAPPABLE_TASKS),
    task_bytes=st.integers(1, 10**12),
)
def test_groups_hold_every_range_once_in_order_and_are_balanced(sizes, most, task_bytes):
    sizes = np.array(sizes)

    groups = group_ranges(sizes, task_bytes=task_bytes, most=most)

    assert [position for group in groups for position in group] == list(range(len(sizes)))
    assert 1 <= len(groups) <= most
    assert all(len(group) for group in groups)
    share = max(task_bytes, sizes.sum() / min(most, len(sizes)))
    assert all(sizes[group].sum() <= (share + sizes.max()) * (1 + 1e-9) for group in groups)


@pytest.mark.parametrize(
    ("size", "tasks"), [(1, 1), (1_000_000, 1), (10_000_000, 11), (100_000_000, 105), (1_000_000_000, MOST_TASKS)]
)
def test_sample_of_up_to_a_billion_stays_below_what_airflow_maps(size, tasks):
    width = range_width(size=size, part_rows=262_144, nominal_width=0.1)
    ranges = -(-int(0.1 * CIRCLE) // width)
    observations_per_range = 2 * size / ranges

    groups = group_ranges(np.full(ranges, 70 * observations_per_range), task_bytes=TASK_BYTES, most=MOST_TASKS)

    assert len(groups) == tasks <= MOST_TASKS < MAPPABLE_TASKS
    assert max(map(len, groups)) - min(map(len, groups)) <= 1 or tasks < MOST_TASKS


def test_small_pool_is_one_task_however_many_ranges_it_has():
    assert group_ranges(np.full(100, 1_000.0), task_bytes=TASK_BYTES, most=MOST_TASKS) == [range(100)]


def test_ranges_in_which_nothing_lies_are_one_group():
    assert group_ranges(np.zeros(5), task_bytes=TASK_BYTES, most=3) == [range(5)]


def test_every_range_is_a_group_of_its_own_where_a_task_may_be_as_small():
    assert group_ranges(np.full(4, 10.0), task_bytes=1, most=256) == [range(n, n + 1) for n in range(4)]


def test_bytes_of_a_range_are_its_share_of_the_row_groups_it_meets():
    run = make_run([0, 1_000], [10, 30], last=1_999, size_bytes=400)

    sizes = bytes_to_read([run, run], [make_range(0, 0, 500), make_range(1, 500, 2_000)], start=0)

    assert sizes == pytest.approx([2 * 50, 2 * 350])


def test_bytes_are_counted_on_both_sides_of_the_top_of_the_circle():
    run = make_run([0], [100], last=CIRCLE - 1, size_bytes=1_000)

    sizes = bytes_to_read([run], [make_range(0, 0, CIRCLE // 2)], start=CIRCLE - CIRCLE // 4)

    assert sizes == pytest.approx([500])
