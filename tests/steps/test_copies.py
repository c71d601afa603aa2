"""Publish copies as many parts side by side as it may hold."""

import pytest

from resift.steps.judged import copies_at_a_time

MIB = 1 << 20


@pytest.mark.parametrize(
    ("sizes", "copies"),
    [
        ([], 16),  # nothing to hold
        ([11 * MIB, MIB], 16),  # as many as anything that is asked for
        ([12 * MIB + 1], 15),
        ([MIB, 48 * MIB], 4),
        ([1 << 30], 1),
    ],
)
def test_so_many_of_the_largest_are_copied_as_fit_192_mib(sizes, copies):
    assert copies_at_a_time(sizes) == copies
