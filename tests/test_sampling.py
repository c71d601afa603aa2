"""The sample is a valid random sample: equal chances, nested sizes, the promised overlap, disjoint hold-outs."""

from __future__ import annotations

from math import exp, factorial, sqrt

import numpy as np
import pyarrow as pa
import pytest
from builders import NOW, cycle, instant, make_dataset, make_pool, observation, publish_unjudged, snapshot_rows
from reference_model import draw

from resift.core.circle import offsets, start_point
from resift.core.cut import find_cut
from resift.core.estimate import eligible_estimate
from resift.core.prn import CIRCLE, permanent_random_numbers
from resift.storage import MemoryStore

SALTS = [f"{number:016d}" for number in range(2000)]
ITEMS = 41
DRAWN = 10
FIRST = 4
LEAST_P = 1e-4
IDS = pa.array([f"item-{number}" for number in range(ITEMS)])
START = start_point(cycle=3, start=0.15, turnover=0.5, nominal_width=0.4)


def sample_orders() -> np.ndarray:
    """For each salt, the items in the order of their draw: the first n are the sample of size n."""
    order = [np.argsort(offsets(permanent_random_numbers(IDS, salt=salt), start=START)) for salt in SALTS]
    return np.array(order)


@pytest.fixture(scope="module")
def orders():
    return sample_orders()


def p_value(chosen: np.ndarray) -> float:
    """Return how likely inclusion frequencies as unequal as these are where every item has the same chance.

    ``chosen`` holds one sample a row, without replacement. So the indicators of one sample have the covariance
    p(1-p)·N/(N-1) times the centring matrix, and the sum below, scaled by it, is chi-square with N-1 degrees of
    freedom; for an even number of them the tail has a closed form.
    """
    trials, size = chosen.shape
    share = size / ITEMS
    counts = np.bincount(chosen.ravel(), minlength=ITEMS)
    variance = trials * share * (1 - share) * ITEMS / (ITEMS - 1)
    half = float(((counts - trials * share) ** 2).sum() / variance) / 2
    return exp(-half) * sum(half**i / factorial(i) for i in range((ITEMS - 1) // 2))


class TestEqualChances:
    def test_every_eligible_item_is_chosen_equally_often_over_2000_salts(self, orders):
        assert p_value(orders[:, :DRAWN]) > LEAST_P

    def test_first_rows_of_a_sample_are_such_a_sample_themselves(self, orders):
        assert p_value(orders[:, :FIRST]) > LEAST_P

    def test_item_is_as_likely_first_as_last(self, orders):
        assert p_value(orders[:, :1]) > LEAST_P
        assert p_value(orders[:, DRAWN - 1 : DRAWN]) > LEAST_P

    def test_chances_are_equal_too_where_the_sample_wraps_round_the_circle(self, orders):
        last = orders[:, DRAWN - 1]
        prn = np.array([permanent_random_numbers(IDS, salt=salt) for salt in SALTS])
        wraps = prn[np.arange(len(SALTS)), last] < START

        assert 0.1 < wraps.mean() < 0.9
        assert p_value(orders[wraps, :DRAWN]) > LEAST_P
        assert p_value(orders[~wraps, :DRAWN]) > LEAST_P

    def test_biased_draw_is_found_out(self, orders):
        biased = np.where(orders == 0, 1, orders)

        assert p_value(biased[:, :DRAWN]) < LEAST_P

    @pytest.mark.slow
    def test_steps_choose_just_these_items(self, orders):
        dataset = make_dataset(size=DRAWN, start=0.15, turnover=0.5, nominal_width=0.4)
        seen = [observation(image_id, cycle(3)) for image_id in IDS.to_pylist()]

        for number in range(0, len(SALTS), 40):
            store = MemoryStore()
            make_pool(store, seen, salt=SALTS[number])
            chosen = [row["image_id"] for row in snapshot_rows(store, publish_unjudged(store, dataset, cycle(3)))]
            assert chosen == IDS.take(orders[number, :DRAWN]).to_pylist()

    def test_items_that_may_not_be_drawn_do_not_change_the_chances_of_others(self, orders):
        gone = {f"item-{number}" for number in range(0, ITEMS, 2)}
        dataset = make_dataset(size=DRAWN, start=0.15, turnover=0.5, nominal_width=0.4)
        store = MemoryStore()
        seen = [observation(name, cycle(3), state="deleted" if name in gone else "public") for name in IDS.to_pylist()]
        make_pool(store, seen, salt=SALTS[0])

        chosen = [row["image_id"] for row in snapshot_rows(store, publish_unjudged(store, dataset, cycle(3)))]

        assert chosen == [name for name in IDS.take(orders[0]).to_pylist() if name not in gone][:DRAWN]


LARGE = 20_000
SHARE = 0.2


@pytest.fixture(scope="module")
def large():
    """A lake of 20,000 items seen at each of two cycles, and function to draw from it."""
    store = MemoryStore()
    names = [f"item-{number}" for number in range(LARGE)]
    for k in (0, 1):
        make_pool(store, [observation(name, cycle(k)) for name in names], row_group_rows=4096)
    return store


def sample(store, name, k, **fields):
    dataset = make_dataset(name=name, **{"size": LARGE * SHARE, "part_rows": 10_000, "nominal_width": SHARE, **fields})
    manifest = publish_unjudged(store, dataset, cycle(k))
    return {row["image_id"] for row in snapshot_rows(store, manifest)}, manifest


class TestTurnover:
    @pytest.mark.slow
    @pytest.mark.parametrize("turnover", [0.0, 0.25, 1.0])
    def test_turnover_rotates_the_share_it_promises(self, large, turnover):
        name = f"turnover-{int(turnover * 100)}"
        before, _ = sample(large, name, 0, turnover=turnover)
        after, manifest = sample(large, name, 1, turnover=turnover)

        stayed = len(before & after) / len(after)

        # The step is a fixed width, so the number of items in it is binomial; so are the ends of both samples.
        bound = 5 * sqrt(2 * max(turnover, 1 - turnover) / (LARGE * SHARE)) if turnover else 0
        assert stayed == pytest.approx(1 - turnover, abs=bound)
        assert manifest.changes.turnover == pytest.approx(1 - stayed)
        assert sum(manifest.changes.entered.values()) == len(after - before)
        assert sum(manifest.changes.left.values()) == len(before - after)
        assert manifest.changes.previous_rows == len(before)

    def test_fixed_start_keeps_every_item_that_is_still_eligible(self):
        store = MemoryStore()
        names = [f"item-{number}" for number in range(400)]
        silent = set(names[:20])
        make_pool(store, [observation(name, instant(cycle(0), hours=-1)) for name in names])
        make_pool(store, [observation(name, cycle(1)) for name in names[20:]])

        first, _ = sample(store, "fixed", 0, size=100, nominal_width=0.25)
        second, manifest = sample(store, "fixed", 1, size=100, nominal_width=0.25)

        assert first & silent
        assert first - second == first & silent
        assert manifest.changes.left == {"stale": len(first & silent)}


class TestNesting:
    def test_larger_sample_contains_the_smaller_as_its_beginning(self):
        store = MemoryStore()
        make_pool(store, [observation(f"item-{number}", cycle(0)) for number in range(500)])

        rows = {}
        for size in (1, 99, 100, 101, 350, 500):
            manifest = publish_unjudged(store, make_dataset(name=f"s{size}", size=size, start=0.9), cycle(0))
            rows[size] = [row["image_id"] for row in snapshot_rows(store, manifest)]

        for smaller in rows:
            assert len(rows[smaller]) == smaller
            assert rows[500][:smaller] == rows[smaller]

    def test_samples_with_starts_far_apart_never_overlap(self):
        store = MemoryStore()
        names = [f"item-{number}" for number in range(1000)]
        for k in (0, 1, 2):
            make_pool(store, [observation(name, cycle(k)) for name in names])

        held = set().union(*(sample(store, "held", k, size=200, start=0.0)[0] for k in (0, 1, 2)))
        train = set().union(*(sample(store, "train", k, size=200, start=0.5)[0] for k in (0, 1, 2)))

        assert not held & train


class TestProbability:
    @pytest.mark.slow
    @pytest.mark.parametrize("size", [400, 4000, 19_999])
    def test_eligible_pool_is_estimated_within_five_standard_errors(self, large, size):
        _, manifest = sample(large, f"estimate-{size}", 1, size=size, nominal_width=size / LARGE)

        assert manifest.draw.eligible_estimate == pytest.approx(LARGE, rel=5 / sqrt(size))
        assert manifest.draw.inclusion_probability == pytest.approx(size / LARGE, rel=5 / sqrt(size))

    def test_estimate_is_unbiased_over_2000_salts(self, orders):
        estimates = []
        for salt, order in zip(SALTS, orders, strict=True):
            prn = permanent_random_numbers(IDS, salt=salt)
            width = int(offsets(prn[order[DRAWN - 1 : DRAWN]], start=START)[0]) + 1
            estimates.append(eligible_estimate(rows=DRAWN, width=width, exhausted=False))

        # Of N uniform points the n-th lies at a Beta(n, N-n+1) distance, so (n-1)/distance has mean N.
        error = np.std(estimates) / sqrt(len(estimates))
        assert np.mean(estimates) == pytest.approx(ITEMS, abs=5 * error)

    def test_sample_of_all_is_known_exactly(self):
        store = MemoryStore()
        make_pool(store, [observation(f"item-{number}", cycle(0)) for number in range(30)])

        _, manifest = sample(store, "all", 0, size=100, nominal_width=1)

        assert (manifest.draw.eligible_estimate, manifest.draw.inclusion_probability) == (30.0, 1.0)
        assert manifest.draw.width == CIRCLE

    def test_draw_is_that_of_the_reference_model(self):
        store = MemoryStore()
        seen = [observation(f"item-{number}", cycle(0)) for number in range(200)]
        make_pool(store, seen)

        manifest = publish_unjudged(store, make_dataset(size=50, start=0.95), cycle(0))

        expected, _ = draw(
            seen, as_of=instant(cycle(0)), known_at=NOW, start=manifest.draw.start, size=50, salt="0123456789abcdef"
        )
        assert [row["image_id"] for row in snapshot_rows(store, manifest)] == expected
        assert find_cut([50], size=50).rows == 50
