"""Who is in the sampling frame: bounds, order of the reasons, and no item unjudged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from builders import observation

from resift.core.frame import exclude, expire, microseconds, suppress
from resift.core.latest import merge_latest
from resift.core.split import Reasons
from resift.model.observation import PRN, run_schema

AS_OF = datetime(2026, 4, 1, tzinfo=UTC)
MAX_AGE = timedelta(days=90)
TICK = timedelta(microseconds=1)


def expired(*rows):
    """The reason for each item, in order of the first time it is named; None is kept."""
    names = list(dict.fromkeys(name for name, _, _ in rows))
    table = pa.Table.from_pylist(
        [
            {"source": "s", "drop": "d", "file": "f", "row_number": 1, PRN: names.index(name)}
            | observation(name, when, state=state)
            for name, when, state in rows
        ],
        schema=run_schema(pa.schema([])),
    )
    items = merge_latest(table, as_of_us=microseconds(AS_OF), known_at_us=2**62)
    return expire(items, as_of=AS_OF, max_age=MAX_AGE).reasons(len(items)).to_arrow().to_pylist()


def reason(*rows):
    (found,) = expired(*(("item", when, state) for when, state in rows))
    return found


def test_item_observed_exactly_max_age_ago_is_kept():
    assert reason((AS_OF - MAX_AGE, "public")) is None


def test_item_observed_one_microsecond_longer_ago_is_stale():
    assert reason((AS_OF - MAX_AGE - TICK, "public")) == "stale"


def test_item_observed_at_as_of_is_kept_and_one_microsecond_later_is_unborn():
    assert reason((AS_OF, "public")) is None
    assert reason((AS_OF + TICK, "public")) == "unborn"


@pytest.mark.parametrize("state", ["deleted", "private"])
def test_item_gone_as_of_then_is_removed(state):
    assert reason((AS_OF - TICK, "public"), (AS_OF, state)) == state


@pytest.mark.parametrize("state", ["deleted", "private"])
def test_item_gone_since_is_removed_too(state):
    assert reason((AS_OF, "public"), (AS_OF + TICK, state)) == state


def test_item_deleted_and_there_again_since_was_not_there_then():
    assert reason((AS_OF, "deleted"), (AS_OF + TICK, "public")) == "deleted"


def test_item_deleted_and_there_again_before_as_of_is_kept():
    assert reason((AS_OF - TICK, "deleted"), (AS_OF, "public")) is None


def test_item_both_private_then_and_deleted_since_is_deleted():
    assert reason((AS_OF, "private"), (AS_OF + TICK, "deleted")) == "deleted"


def test_deleted_outweighs_stale_and_unborn_outweighs_all():
    assert reason((AS_OF - 2 * MAX_AGE, "deleted")) == "deleted"
    assert reason((AS_OF + TICK, "deleted")) == "unborn"


def test_later_observation_does_not_make_a_stale_item_fresh():
    assert reason((AS_OF - MAX_AGE - TICK, "public"), (AS_OF + TICK, "public")) == "stale"


def test_each_item_has_its_own_reason():
    found = expired(("kept", AS_OF, "public"), ("gone", AS_OF, "deleted"), ("old", AS_OF - 2 * MAX_AGE, "public"))

    assert found == [None, "deleted", "stale"]


def test_no_items_leave_no_items():
    items = merge_latest(run_schema(pa.schema([])).empty_table(), as_of_us=0, known_at_us=0)

    split = expire(items, as_of=AS_OF, max_age=MAX_AGE)

    assert (len(split.kept), split.removed) == (0, {})


def test_instant_without_time_zone_is_refused():
    with pytest.raises(ValueError, match=r"has no time zone, expected one. Pass an aware datetime"):
        microseconds(datetime(2026, 4, 1))  # noqa: DTZ001


def test_microseconds_are_exact_before_1970_and_in_2099():
    assert microseconds(datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)) == -1
    assert microseconds(datetime(2099, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)) % 1_000_000 == 999_999


def test_only_the_suppressed_are_suppressed():
    split = suppress(np.array([3, 5, 9]), suppressed=np.array([False, True, False]))

    assert split.kept.tolist() == [3, 9]
    assert split.removed["suppressed"].tolist() == [5]


def excluded(kept, speakers, reasons):
    words = ("second", "inside", "first")
    codes = np.array([0 if reason is None else words.index(reason) + 1 for reason in reasons])
    split = exclude(np.array(kept), speakers=np.array(speakers), reasons=Reasons(codes, words))
    return split.kept.tolist(), {why: items.tolist() for why, items in split.removed.items()}


def test_item_is_excluded_when_any_of_its_observations_is():
    assert excluded([2, 4], [2, 2, 4], [None, "inside", None]) == ([4], {"excluded.inside": [2]})


def test_first_excluded_observation_gives_the_reason():
    assert excluded([2], [2, 2, 2], [None, "first", "second"]) == ([], {"excluded.first": [2]})


def test_each_item_is_excluded_for_its_own_reason():
    assert excluded([1, 2, 3, 4], [1, 2, 2, 3, 4], ["second", None, "inside", None, "first"]) == (
        [3],
        {"excluded.first": [4], "excluded.inside": [2], "excluded.second": [1]},
    )


def test_item_without_a_judged_observation_is_an_error_and_does_not_pass():
    with pytest.raises(ValueError, match="some item has no judged observation"):
        excluded([2, 4], [4], [None])
