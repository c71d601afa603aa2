"""What a compaction keeps: answers for the grid dates do not change, and nothing else needs to stay."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from builders import ANCHOR, EVERY, NOW, cycle, instant, observation
from hypothesis import given
from hypothesis import strategies as st
from reference_model import reason_out

from resift.core.compact import (
    EVE_GROWTH,
    EXPIRED,
    GROWTH,
    INTERVAL_ROWS,
    SUPERSEDED,
    Asked,
    choose_layers,
    divide,
    first_observed,
    growth_at,
    keep_observations,
    memory_needed,
    order_of,
    split_circle,
)
from resift.core.frame import microseconds
from resift.core.latest import merge_latest
from resift.core.prn import CIRCLE
from resift.model.compaction import Memory
from resift.model.grid import Grid, last_of_day, midnight
from resift.model.observation import FIRST_OBSERVED, PRN, run_schema

SCHEMA = run_schema(pa.schema([])).append(FIRST_OBSERVED)
DATES = (cycle(0), cycle(1), cycle(2))
FAR_PAST = date(2000, 1, 1)


def memory_of(expired_before, *, dates=DATES, current=DATES[-1:]):
    return Memory(dates=dates, current=current, expired_before=expired_before)


MEMORY = memory_of(FAR_PAST)


def table(observations):
    rows = [
        {"source": "s", "drop": "d", "file": "f", "row_number": number, PRN: ord(row["image_id"][0]), **row}
        for number, row in enumerate(observations)
    ]
    found = pa.Table.from_pylist(rows, schema=SCHEMA)
    return found.take(pa.array(order_of(found)))


def keep(rows, memory):
    return keep_observations(rows, memory.dates, expired_before=memory.expired_before)


def kept(observations, memory=MEMORY):
    """The observations that stay, by their URL."""
    rows = table(observations)
    return sorted(rows["url"].take(pa.array(keep(rows, memory).kept)).to_pylist())


def seen(name, days, *, of="a", **fields):
    """An observation so many days after cycle 0."""
    return observation(of, instant(cycle(0)) + timedelta(days=days), url=name, **fields)


class TestKept:
    def test_last_observation_before_each_date_is_kept_and_those_before_it_are_not(self):
        assert kept([seen("1", -9), seen("2", -8), seen("3", 40), seen("4", 80), seen("5", 100)]) == ["2", "4", "5"]

    def test_observation_at_the_very_instant_of_a_date_is_the_last_before_it(self):
        assert kept([seen("before", -1), seen("at", 0), seen("after", 1)]) == ["after", "at"]

    def test_observation_a_microsecond_after_a_date_is_not(self):
        later = seen("past", 0)
        later["observed_at"] += timedelta(microseconds=1)

        assert kept([seen("before", -1), later, seen("next", 30)]) == ["before", "next"]

    def test_all_observations_of_a_deciding_instant_are_kept(self):
        assert kept([seen("x", -1), seen("y", -1, state="deleted"), seen("z", -2)]) == ["x", "y"]

    def test_everything_after_the_newest_date_is_kept(self):
        assert kept([seen("1", 181), seen("2", 182), seen("3", 400)]) == ["1", "2", "3"]

    def test_items_that_share_a_number_are_kept_apart(self):
        assert kept([seen("1", -1, of="ax"), seen("2", -2, of="ay"), seen("3", -3, of="ax")]) == ["1", "2"]

    def test_no_observations_are_none(self):
        assert kept([]) == []


class TestOwners:
    def test_last_observation_by_an_owner_nobody_else_names_is_kept(self):
        rows = [seen("1", -9, owner_id="ann"), seen("2", -8, owner_id="ann"), seen("3", -1, owner_id="bob")]

        assert kept(rows) == ["2", "3"]

    def test_owner_named_by_a_kept_observation_needs_no_other(self):
        assert kept([seen("1", -9, owner_id="ann"), seen("2", -1, owner_id="ann")]) == ["2"]

    def test_owner_of_another_item_does_not_count(self):
        rows = [seen("1", -9, owner_id="ann"), seen("2", -8, owner_id=None), seen("3", -1, of="b", owner_id="ann")]

        assert kept(rows) == ["1", "2", "3"]

    def test_observation_without_an_owner_names_none(self):
        assert kept([seen("1", -9, owner_id=None), seen("2", -8)]) == ["2"]


class TestExpired:
    MEMORY = memory_of(cycle(0))

    def test_of_an_item_last_observed_before_the_bound_only_its_owners_are_kept(self):
        rows = [seen("1", -9, owner_id="ann"), seen("2", -8, owner_id="bob"), seen("3", -7, owner_id=None)]

        assert kept(rows, self.MEMORY) == ["1", "2"]

    def test_item_last_observed_at_the_bound_keeps_its_last_observations(self):
        assert kept([seen("1", -9, owner_id=None), seen("2", 0, owner_id=None)], self.MEMORY) == ["2"]

    def test_each_removed_observation_has_one_reason(self):
        rows = table([seen("1", -9, owner_id=None), seen("2", -9, of="b"), seen("3", -8, of="b"), seen("4", 9, of="b")])

        split = keep(rows, self.MEMORY)

        assert split.counts() == {EXPIRED: 1, SUPERSEDED: 1}
        assert len(split.kept) + sum(split.counts().values()) == len(rows)


observations = st.builds(
    lambda image_id, days, **fields: observation(image_id, instant(cycle(0)) + timedelta(days=days), **fields),
    st.sampled_from(["a", "ax", "b", "c"]),
    st.sampled_from([-200, -90, -1, 0, 1, 89, 90, 91, 180, 181, 400]) | st.integers(-300, 400),
    state=st.sampled_from(["public"] * 4 + ["private", "deleted"]),
    owner_id=st.sampled_from(["ann", "bob", "cyd", None]),
    owner_country=st.sampled_from(["US", "FR", None]),
    url=st.sampled_from(["u", "v", "w"]),
)
histories = st.lists(observations, max_size=30)
ALL_OWNERS = ("ann", "bob", "cyd")
MAX_AGE = timedelta(days=90)


def answers(history, memory):
    """All a refresh can learn, for every kept date and for later ones, whoever is suppressed."""
    rows, found = table(history), {}
    for day in (*memory.dates, memory.horizon + timedelta(days=1), memory.horizon + timedelta(days=300)):
        known_at = max(midnight(memory.horizon), midnight(day)) + timedelta(days=7)
        known_us = microseconds(last_of_day(known_at))
        items = merge_latest(rows, as_of_us=microseconds(midnight(day)), known_at_us=known_us)
        ids = items.take(items.first[:-1], ["image_id"])["image_id"].to_pylist()
        for at, image_id in enumerate(ids):
            mine = [o for o in history if o["image_id"] == image_id]
            for suppressed in ((), *((owner,) for owner in ALL_OWNERS)):
                reason = reason_out(mine, midnight(day), known_at, MAX_AGE, suppressed)
                seen_then = [o["observed_at"] for o in mine if o["observed_at"] <= midnight(day)]
                if not seen_then or max(seen_then) < midnight(day) - MAX_AGE:
                    continue  # unborn or stale: not in the snapshot, whatever else is said of it
                url = items.take(items.then[at : at + 1], ["url"])["url"][0].as_py()
                found[day, image_id, suppressed] = (reason, url, int(items.state_then[at]), int(items.state_now[at]))
    return found


def compacted(history, memory):
    rows = table(history)
    positions = keep(rows, memory).kept
    first = pa.array(first_observed(rows)).cast(FIRST_OBSERVED.type)
    rows = rows.set_column(len(SCHEMA) - 1, FIRST_OBSERVED, first)
    chosen = rows.take(pa.array(positions)).select(SCHEMA.names).to_pylist()
    return [{name: value for name, value in row.items() if name not in (PRN, "row_number")} for row in chosen]


def births(history):
    """When each item was first observed, in microseconds, by its id."""
    items = merge_latest(table(history), as_of_us=microseconds(midnight(cycle(0))), known_at_us=microseconds(NOW))
    ids = items.take(items.first[:-1], ["image_id"])["image_id"].to_pylist()
    return dict(zip(ids, items.first_observed_at_us.tolist(), strict=True))


class TestLaws:
    @given(histories, histories, histories)
    def test_when_an_item_was_first_observed_is_known_for_as_long_as_anything_of_it_is(self, first, second, third):
        memory = memory_of(FAR_PAST, dates=DATES[-1:])
        delivered = births(first + second + third)

        found = births(compacted(compacted(first, memory) + second, memory) + third)

        assert found == delivered

    @given(histories)
    def test_current_observations_answer_for_current_dates_and_later_ones_without_the_past(self, history):
        memory = memory_of(cycle(0) - MAX_AGE, current=DATES[1:])
        now = memory.model_copy(update={"dates": memory.current})

        assert answers(compacted(history, now), now) == answers(history, now)

    @given(histories)
    def test_every_observation_is_current_or_past_or_counted_as_removed(self, history):
        rows, memory = table(history), memory_of(cycle(0) - MAX_AGE)

        division = divide(rows, memory)

        assert not set(division.current) & set(division.past)
        assert len(division.current) + len(division.past) + sum(division.removed.values()) == len(rows)
        assert set(keep(rows, memory).kept) <= {*division.current, *division.past}

    @given(histories, st.sampled_from([FAR_PAST, cycle(0) - MAX_AGE]))
    def test_answers_for_every_kept_date_and_every_later_one_do_not_change(self, history, expired_before):
        memory = memory_of(expired_before)

        assert answers(compacted(history, memory), memory) == answers(history, memory)

    @given(histories, histories)
    def test_what_is_delivered_afterwards_is_answered_as_if_nothing_had_been_compacted(self, before, after):
        memory = memory_of(cycle(0) - MAX_AGE)

        assert answers(compacted(before, memory) + after, memory) == answers(before + after, memory)

    @given(histories)
    def test_compacted_twice_is_compacted_once(self, history):
        memory = memory_of(cycle(0) - MAX_AGE)
        once = compacted(history, memory)

        assert compacted(once, memory) == once

    @given(histories, st.randoms())
    def test_order_of_the_observations_does_not_matter(self, history, chance):
        rows = [{**row, "row_number": number} for number, row in enumerate(history)]
        shuffled = chance.sample(rows, len(rows))

        assert table(shuffled).equals(table(rows))

    @given(histories)
    def test_every_owner_an_item_ever_had_is_still_known(self, history):
        memory = memory_of(cycle(3))

        def owners(rows):
            return {(row["image_id"], row["owner_id"]) for row in rows if row["owner_id"]}

        assert owners(compacted(history, memory)) == owners(history)


def asked(**changes):
    return Asked(
        **{
            "grid": Grid(ANCHOR, EVERY),
            "max_age": timedelta(days=90),
            "retention": timedelta(days=3650),
            "versions": (),
            **changes,
        }
    )


def needed(*datasets, now=NOW, before=None):
    return memory_needed(datasets, now=now, before=before)


TODAY = NOW.date()


class TestMemory:
    def test_grid_dates_of_versions_promised_to_stay_are_kept_up_to_the_newest(self):
        memory = needed(asked(retention=NOW - midnight(cycle(1))))

        assert memory.dates == (cycle(1), cycle(2), cycle(3), TODAY)
        assert memory.expired_before == cycle(1) - timedelta(days=90)

    def test_clock_that_goes_back_forgets_no_date(self):
        later = needed(asked(retention=NOW - midnight(cycle(1))))

        again = needed(asked(retention=NOW - midnight(cycle(1))), now=midnight(cycle(1)), before=later)

        assert (again.dates, again.current) == (later.dates, later.current)

    def test_version_a_second_past_its_promise_is_not(self):
        assert needed(asked(retention=NOW - midnight(cycle(1)) - timedelta(seconds=1))).dates == (
            cycle(2),
            cycle(3),
            TODAY,
        )

    def test_newest_grid_date_is_kept_however_short_the_promise_is(self):
        assert needed(asked(retention=timedelta(days=1))).dates == (cycle(3), TODAY)

    def test_version_the_oldest_is_compared_with_is_kept_and_all_dates_since(self):
        memory = needed(asked(retention=timedelta(days=60), versions=(cycle(0), cycle(1))))

        assert memory.dates == (cycle(1), cycle(2), cycle(3), TODAY)
        assert memory.expired_before == cycle(1) - timedelta(days=90)

    def test_dates_of_all_datasets_are_kept(self):
        weekly = asked(grid=Grid(ANCHOR, timedelta(days=7)), retention=timedelta(days=14), max_age=timedelta(days=400))

        memory = needed(asked(retention=timedelta(days=60)), weekly)

        assert memory.dates == (cycle(3), date(2026, 11, 12), date(2026, 11, 19), TODAY)
        assert memory.current == (cycle(3), date(2026, 11, 19), TODAY)
        assert memory.expired_before == date(2026, 11, 12) - timedelta(days=400)

    def test_newest_grid_date_is_past_once_its_version_is_there(self):
        memory = needed(asked(versions=(cycle(2),)), asked(versions=(cycle(3),)))
        later = needed(asked(versions=(cycle(3),)))

        assert memory.current == (cycle(3), TODAY)
        assert later.current == (TODAY,)
        assert cycle(3) in later.dates

    def test_date_an_earlier_compaction_did_not_keep_cannot_be_promised(self):
        before = memory_of(FAR_PAST, dates=(cycle(1), cycle(2)), current=(cycle(2),))

        assert needed(asked(retention=NOW - midnight(cycle(0))), before=before).dates == (
            cycle(1),
            cycle(2),
            cycle(3),
            TODAY,
        )

    def test_what_was_forgotten_stays_forgotten_and_the_newest_date_never_moves_back(self):
        before = memory_of(cycle(2), dates=(cycle(3),), current=(cycle(3),))

        memory = needed(asked(), now=instant(cycle(2)), before=before)

        assert (memory.dates, memory.expired_before) == ((cycle(3),), cycle(2))

    def test_date_between_kept_dates_is_not_known_and_a_later_one_is(self):
        day = timedelta(days=1)

        assert [MEMORY.knows(one) for one in (DATES[0], DATES[0] + day, DATES[2], DATES[2] + day)] == [
            True,
            False,
            True,
            True,
        ]


class TestChoice:
    def test_small_runs_are_merged_and_one_too_large_for_them_is_left(self):
        assert choose_layers([10, 10, 10, 90, 91 * 10], [None] * 5, horizon=cycle(0)) == 4

    def test_run_of_exactly_the_growth_is_merged_and_one_row_more_is_not(self):
        assert choose_layers([10, 10 * GROWTH], [None] * 2, horizon=cycle(0)) == 2
        assert choose_layers([10, 10 * GROWTH + 1], [None] * 2, horizon=cycle(0)) == 0

    @pytest.mark.parametrize("rows", [[], [5]])
    def test_one_run_is_few_enough(self, rows):
        assert choose_layers(rows, [None] * len(rows), horizon=cycle(0)) == 0

    def test_in_the_week_before_a_grid_date_even_a_twentieth_is_merged(self):
        grids = [asked(grid=Grid(ANCHOR, timedelta(days=days))) for days in (360, 90)]
        eve = midnight(cycle(1)) - timedelta(days=7)

        assert growth_at(grids, now=eve) == growth_at(grids, now=midnight(cycle(1))) == EVE_GROWTH
        assert growth_at(grids, now=eve - timedelta(seconds=1)) == GROWTH
        assert choose_layers([10, 10 * EVE_GROWTH], [None] * 2, horizon=cycle(0), growth=EVE_GROWTH) == 2
        assert choose_layers([10, 10 * EVE_GROWTH + 1], [None] * 2, horizon=cycle(0), growth=EVE_GROWTH) == 0

    def test_everything_is_merged_when_a_layer_is_90_days_old(self):
        layers = [None, cycle(0)]

        assert choose_layers([1, 1000], layers, horizon=cycle(0) + timedelta(days=89)) == 0
        assert choose_layers([1, 1000], layers, horizon=cycle(0) + timedelta(days=90)) == 2

    @given(st.lists(st.integers(1, 10**6), max_size=400))
    def test_number_of_runs_left_grows_with_the_logarithm_of_the_rows(self, sizes):
        sizes = sorted(sizes)
        while count := choose_layers(sizes, [None] * len(sizes), horizon=cycle(0)):
            sizes = sorted([sum(sizes[:count]), *sizes[count:]])

        assert len(sizes) <= 1 + np.log(max(1, sum(sizes))) / np.log(1 + GROWTH)

    @pytest.mark.parametrize(("rows", "pieces"), [(1, 1), (INTERVAL_ROWS, 1), (INTERVAL_ROWS + 1, 2), (10**8, 32)])
    def test_intervals_cover_the_circle_and_follow_from_the_rows(self, rows, pieces):
        intervals = split_circle(rows)

        assert len(intervals) == pieces
        assert [intervals[0][0], intervals[-1][1]] == [0, CIRCLE]
        assert all(hi == lo for (_, hi), (lo, _) in pairwise(intervals))
