"""Mixes are coarse enough to be published, and their distances mean what they say."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from checks.staged_refresh import staged
from hypothesis import given, settings
from hypothesis import strategies as st

from resift.checks.chance import mix_allowance
from resift.checks.mixes import age_distance, counts_of, distance, mixes_of
from resift.model.mixes import WHOLE

MIX = st.dictionaries(st.sampled_from(["US", "JP", "BR", "none", "other"]), st.integers(1, 1000), min_size=1)


def measured(**mixes: dict[str, int]):
    case = staged(parts=1, rows=1000)
    rows = sum(next(iter(mixes.values())).values())
    return replace(case, metrics=(case.metrics[0].model_copy(update={"rows": rows, **mixes}),)).metrics


@given(MIX)
def test_equal_mixes_lie_nothing_apart(mix):
    assert distance(mix, mix) == pytest.approx(0)


@given(MIX, MIX)
def test_distance_lies_between_none_and_all(now, before):
    assert 0 <= distance(now, before) <= 1 + 1e-9


def test_distance_is_the_share_that_would_have_to_change():
    assert distance({"US": 60, "JP": 40}, {"US": 700, "JP": 300}) == pytest.approx(0.1)


def test_value_that_was_not_named_before_counts_as_other():
    assert distance({"US": 50, "JP": 50}, {"US": 500, "other": 500}) == pytest.approx(0)
    assert distance({"US": 50, "JP": 50}, {"US": 1000}) == pytest.approx(0.5)


def test_nothing_on_one_side_is_no_distance():
    assert distance({}, {"US": 1}) is None
    assert distance({"US": 1}, {}) is None
    assert age_distance({}, {"10": 5}) is None


def test_delivery_ten_days_later_moves_ages_by_ten_days():
    assert age_distance({"10": 30, "20": 70}, {"20": 300, "30": 700}) == pytest.approx(10)


def test_age_distance_is_the_mean_number_of_days_moved():
    assert age_distance({"0": 50, "80": 50}, {"0": 1000}) == pytest.approx(40)


def test_value_of_fewer_than_ten_rows_is_not_named():
    mixes = mixes_of(measured(by_host={"big.example": 191, "own.example": 9}))

    assert mixes.host == {"big.example": 950, "other": 50}


def test_one_item_more_or_less_changes_no_published_share_unless_it_crosses_a_step():
    shares = {
        mixes_of(measured(by_host={"a.example": 100_000, "b.example": rows})).host["b.example"]
        for rows in (50_100, 50_101)
    }

    assert shares == {333}


def test_spelling_of_a_country_is_never_published():
    mixes = mixes_of(measured(by_country={"US": 500, "MY HOUSE IN THE HILLS": 400, "none": 100}))

    assert mixes.country == {"US": 500, "none": 100, "other": 400}


def test_shares_of_a_mix_add_up_to_the_whole():
    mixes = mixes_of(measured(by_host={f"h{number}.example": 100 + number for number in range(120)}))

    assert sum(mixes.host.values()) == WHOLE
    assert len(mixes.host) == 51


def test_counts_for_the_judge_are_exact():
    assert counts_of(measured(by_host={"a.example": 3}))["host"] == Counter({"a.example": 3})


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.sampled_from([(200, 200), (2_000, 300)]))
def test_two_samples_of_one_population_stay_within_what_chance_is_given(seed, values, sizes):
    chance = np.random.default_rng(seed)
    population = chance.dirichlet(np.ones(values))
    now, before = (
        {str(value): int(count) for value, count in enumerate(chance.multinomial(size, population)) if count}
        for size in sizes
    )

    assert distance(now, before) <= mix_allowance(values, rows=sizes[0], before=sizes[1])
