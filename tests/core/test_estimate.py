"""How wide to look, and how many are eligible."""

from math import sqrt

import pytest

from resift.core.estimate import eligible_estimate, width_to_search
from resift.core.prn import CIRCLE


def test_pilot_without_eligible_items_searches_the_whole_circle():
    assert width_to_search(size=10, pilot_eligible=0, pilot_width=5) == CIRCLE


def test_pilot_of_the_whole_circle_searches_the_whole_circle():
    assert width_to_search(size=10, pilot_eligible=5, pilot_width=CIRCLE) == CIRCLE


def test_width_has_a_margin_of_five_sigma_of_pilot_and_sample():
    found = width_to_search(size=10_000, pilot_eligible=400, pilot_width=CIRCLE // 1000)

    assert found == pytest.approx(CIRCLE / 1000 * 25 * (1 + 5 * sqrt(1 / 400 + 1 / 10_000)), rel=1e-12)


def test_width_is_never_more_than_the_circle():
    assert width_to_search(size=10**9, pilot_eligible=1, pilot_width=CIRCLE // 2) == CIRCLE


def test_estimate_is_exact_where_all_were_taken():
    assert eligible_estimate(rows=7, width=CIRCLE, exhausted=True) == 7.0


def test_estimate_counts_the_items_before_the_last_in_the_width():
    assert eligible_estimate(rows=101, width=CIRCLE // 4, exhausted=False) == pytest.approx(400)


def test_one_item_tells_nothing_of_the_density():
    assert eligible_estimate(rows=1, width=10, exhausted=False) == 0.0
