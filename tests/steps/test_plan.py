"""What a plan refuses before anything is sifted, and how it groups ranges into tasks."""

import pytest
from builders import NOW, cycle, make_dataset, make_pool, observation

from resift.core.prn import CIRCLE
from resift.errors import ConfigError
from resift.model.keys import Staging
from resift.steps.plan import LARGEST_PART_ROWS, plan, read_plan, require_bounded_ranges
from resift.storage import MemoryStore


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


@pytest.mark.parametrize(("asked", "groups"), [({}, 6), ({"max_tasks": 2}, 2), ({"task_bytes": 1 << 30}, 1)])
def test_ranges_are_grouped_by_what_a_task_may_hold_and_a_plan_keeps_its_groups(asked, groups):
    store, dataset = MemoryStore(), make_dataset(size=600, part_rows=100)
    make_pool(store, [observation(f"p{number}", cycle(0)) for number in range(600)])

    receipt = plan(store, dataset=dataset, as_of=cycle(0), known_at=NOW, **asked)

    planned = read_plan(store, Staging(receipt.dataset, receipt.version, receipt.plan_id))
    assert receipt.groups == groups
    assert [index for group in planned.groups for index in group] == [one.index for one in planned.ranges]
    assert plan(store, dataset=dataset, as_of=cycle(0), known_at=NOW) == receipt
