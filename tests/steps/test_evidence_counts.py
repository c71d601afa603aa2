"""A manifest tells what the evidence of the judged items said, and its counts agree with the funnel."""

from __future__ import annotations

from builders import add_drop, cycle, instant, make_dataset, make_pool, observation, publish_unjudged

from resift.storage import MemoryStore

SWISS = {"owner_country": "CH", "upload_country": "CH", "lat": "47.4941", "lon": "7.6901"}


def test_evidence_of_a_manifest_adds_up_to_its_funnel_and_tells_what_the_buffer_took():
    store = MemoryStore()
    make_pool(store)
    day = instant(cycle(0), hours=-48)
    kinds = [
        {"owner_country": "US", "upload_country": "US"},
        {"owner_country": "FR", "upload_country": "US"},
        SWISS,
        {"owner_country": None},
        {"owner_country": "US", "state": "deleted"},
    ]
    rows = [observation(f"item-{n}", day, **kinds[n % 5]) for n in range(200)]
    add_drop(store, [*rows, observation("item-0", instant(cycle(0), hours=-24), owner_country="FR")])

    manifest = publish_unjudged(store, make_dataset(size=30), cycle(0))

    evidence, funnel = manifest.evidence, manifest.funnel
    excluded = sum(count for reason, count in funnel.removed.items() if reason.startswith("excluded."))
    assert evidence.items == funnel.kept + funnel.removed.get("not_drawn", 0) + excluded
    assert sum(one.items for one in evidence.readings) == evidence.items
    assert sum(one.items for one in evidence.countries.values()) == evidence.items
    assert evidence.countries["CH"].buffer_only == evidence.countries["CH"].items == evidence.buffer_only
    assert evidence.buffer_only == funnel.removed["excluded.inside.gps"]
    assert evidence.compare("owner_country", "upload_country")["inside", "outside"] >= 10


def test_evidence_does_not_depend_on_the_groups_that_counted_it():
    counted = []
    for part_rows in (100, 1000):
        store = MemoryStore()
        make_pool(store)
        add_drop(store, [observation(f"i{n}", cycle(0), **(SWISS if n % 3 else {})) for n in range(900)])
        counted.append(publish_unjudged(store, make_dataset(size=900, part_rows=part_rows), cycle(0)).evidence)

    assert counted[0] == counted[1]
