"""What a plan refuses before anything is sifted."""

import pytest
from builders import make_dataset

from resift.core.prn import CIRCLE
from resift.errors import ConfigError
from resift.steps.plan import LARGEST_PART_ROWS, require_bounded_ranges


def test_nominal_width_that_would_fill_memory_is_refused_with_the_one_that_fits():
    dataset = make_dataset(size=1_000_000, part_rows=262_144)

    with pytest.raises(
        ConfigError,
        match=r"nominal_width 1 gives parts of about 250,000,000 rows, expected at most 1,048,576: the pool "
        r"holds about 1,000,000,000 eligible items\. Set nominal_width to about 0\.001",
    ):
        require_bounded_ranges(dataset, density=1e9, range_width=CIRCLE // 4)


@pytest.mark.parametrize(("part_rows", "most"), [(100, LARGEST_PART_ROWS), (1_000_000, 4_000_000)])
def test_part_of_just_the_largest_size_is_allowed(part_rows, most):
    dataset = make_dataset(size=10, part_rows=part_rows)

    require_bounded_ranges(dataset, density=most, range_width=CIRCLE)
    with pytest.raises(ConfigError, match="nominal_width"):
        require_bounded_ranges(dataset, density=most + 1, range_width=CIRCLE)
