"""How a pool was delivered, and how it lies, decides nothing: bytes, funnel and changes are the same."""

from __future__ import annotations

import random

import pytest
from builders import cycle, instant, make_dataset, make_pool, observation, publish_unjudged

from resift.steps import framing
from resift.storage import MemoryStore

STATES = ["public"] * 9 + ["private", "deleted"]


def history(k: int, seed: int):
    """Observations of one cycle, of which many share item and instant and differ in what they say."""
    chance = random.Random(seed)
    hours = {number: -1 - chance.randrange(2000) for number in range(250)}
    return [
        observation(
            f"image-{number}",
            instant(cycle(k), hours=hours[number]),
            state=chance.choice(STATES),
            url=f"https://host.example/{copy}.jpg",
            owner_country=chance.choice(["US", "JP", None, "FR"]),
        )
        for number in range(250)
        for copy in range(1 + number % 3)
    ]


@pytest.fixture(scope="module")
def layouts():
    """The same two cycles, from pools that were delivered and cut up in ten ways."""
    usual, published = framing.FRAMED_ROWS, []
    try:
        for layout in range(10):
            chance, store = random.Random(layout), MemoryStore()
            framing.FRAMED_ROWS = chance.choice([3, 50, 10**6])
            dataset = make_dataset(size=75, turnover=0.25, nominal_width=0.5)
            for k in (0, 1):
                rows = chance.sample(whole := history(k, seed=k), len(whole))
                drops = chance.choice([1, 2, 7])
                make_pool(
                    store, *[rows[n::drops] for n in range(drops)], row_group_rows=chance.choice([1, 7, 64, 5000])
                )
                manifest = publish_unjudged(store, dataset, cycle(k))
            published.append(manifest)
    finally:
        framing.FRAMED_ROWS = usual
    return published


@pytest.mark.parametrize("fact", ["content_digest", "parts", "funnel", "draw", "rows"])
def test_fact_does_not_depend_on_drops_runs_row_groups_or_slices(layouts, fact):
    assert len({repr(getattr(manifest, fact)) for manifest in layouts}) == 1


def test_changes_do_not_depend_on_drops_runs_row_groups_or_slices(layouts):
    assert len({repr(manifest.changes) for manifest in layouts}) == 1
    assert len({repr([e for e in m.extras if e.path.startswith("changes/")]) for m in layouts}) == 1
