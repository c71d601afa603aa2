"""Suppressing by id: whether the pool holds it."""

from builders import cycle, make_pool, observation

from resift.steps.suppress import count_observations
from resift.storage import MemoryStore


def test_observations_of_an_image_are_counted_over_all_drops():
    store = MemoryStore()
    make_pool(store, [observation("a", cycle(0)), observation("b", cycle(0))], [observation("a", cycle(1))])

    assert count_observations(store, "photos", "a") == 2


def test_an_id_that_differs_by_a_blank_is_another_image():
    store = MemoryStore()
    make_pool(store, [observation("a", cycle(0))])

    assert count_observations(store, "photos", "a ") == 0
