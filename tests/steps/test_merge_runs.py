"""Merging the runs of one interval: how many are read side by side."""

import pytest

from resift.model.pool import RunEntry
from resift.steps.merge_runs import MOST_BYTES, MOST_RUNS, runs_beside


def run_of(*, group_bytes: int, groups: int = 3) -> RunEntry:
    return RunEntry(
        key="run",
        rows=groups,
        size_bytes=group_bytes * groups,
        sha256="0" * 64,
        prn_min=0,
        prn_max=groups,
        row_group_first=tuple(range(groups)),
        row_group_rows=(1,) * groups,
        carried={},
    )


@pytest.mark.parametrize(
    ("group_bytes", "beside"),
    [
        (1, MOST_RUNS),
        (MOST_BYTES // MOST_RUNS, MOST_RUNS),
        (MOST_BYTES // (MOST_RUNS - 1), MOST_RUNS - 1),
        (MOST_BYTES, 2),
        (10 * MOST_BYTES, 2),
    ],
)
def test_so_many_runs_are_read_side_by_side_that_a_row_group_of_each_is_bounded(group_bytes, beside) -> None:
    runs = [run_of(group_bytes=1)] * 30 + [run_of(group_bytes=group_bytes)]

    assert runs_beside(runs) == beside


def test_no_run_is_read_beside_none() -> None:
    assert runs_beside([]) == MOST_RUNS
