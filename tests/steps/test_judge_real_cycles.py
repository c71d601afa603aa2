"""The judge lets real cycles pass: what the steps count, and what the judge expects of the counts, is one thing."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from builders import cycle, make_dataset, make_pool, observation, publish_unjudged, stage

from resift.model.dataset import Dataset, Limits
from resift.model.verdict import Verdict
from resift.steps.judge import judge
from resift.storage import MemoryStore


def pool(store: MemoryStore, *, items: int, days: list[date], **fields: Any) -> None:
    """Observe every item on each day; on later days a tenth is new, some are deleted, excluded, or not seen."""
    for k, day in enumerate(days):
        rows = []
        for number in range(items * k // 10, items + items * k // 10):
            state = "deleted" if k and number % 23 == k else "public"
            country = "FR" if k and number % 29 == k else "US"
            host = f"https://host{number % 3}.example/{number}.jpg"
            if not (k and number % 31 == k):
                rows.append(observation(f"i{number}", day, state=state, owner_country=country, url=host, **fields))
        make_pool(store, rows)


def judged(store: MemoryStore, dataset: Dataset, as_of: date) -> Verdict:
    cut = stage(store, dataset, as_of)
    return judge(store, dataset=dataset.name, version=as_of, plan_id=cut.plan_id)


CASES = {
    "sample smaller than the pool": {"size": 500, "nominal_width": 0.25, "part_rows": 100},
    "sample larger than the pool": {"size": 5000, "part_rows": 300},
    "sample that rotates, wraps round the circle and finds a denser pool": {
        "size": 600,
        "nominal_width": 0.4,
        "turnover": 0.5,
        "start": 0.7,
        "part_rows": 100,
    },
}


@pytest.mark.parametrize("fields", CASES.values(), ids=CASES.keys())
def test_real_cycles_proceed(fields: dict[str, Any]) -> None:
    store, dataset = MemoryStore(), make_dataset(**fields)
    days = [cycle(k) - timedelta(days=1) for k in range(2)]
    pool(store, items=2000, days=days)
    publish_unjudged(store, dataset, cycle(0))

    verdict = judged(store, dataset, cycle(1))

    assert [finding.message() for finding in verdict.failures()] == []
    assert verdict.status == "proceed"
    assert "not_applicable" not in {one.status for one in verdict.findings if one.rule == "members gone stale"}


def test_first_cycle_proceeds_and_its_jumps_are_not_applicable() -> None:
    store, dataset = MemoryStore(), make_dataset(size=300, nominal_width=0.5)
    pool(store, items=600, days=[cycle(0)])

    verdict = judged(store, dataset, cycle(0))

    assert verdict.status == "proceed"
    assert {one.status for one in verdict.findings if "members" in one.rule} == {"not_applicable"}


def test_host_whose_items_vanish_is_held_and_named() -> None:
    limits = Limits(deleted_share=0.5, host_min_members=20, owner_share=1)
    store, dataset = MemoryStore(), make_dataset(size=300, nominal_width=0.5, limits=limits.model_dump(mode="json"))
    pool(store, items=600, days=[cycle(0)])
    publish_unjudged(store, dataset, cycle(0))
    make_pool(
        store,
        [
            observation(
                f"i{number}",
                cycle(1) - timedelta(days=1),
                url=f"https://host{number % 3}.example/{number}.jpg",
                state="deleted" if number % 3 == 1 and number % 5 < 2 else "public",
            )
            for number in range(600)
        ],
    )

    verdict = judged(store, dataset, cycle(1))

    assert verdict.status == "hold"
    (finding,) = verdict.failures()
    assert finding.about == "host host1.example"
    assert "of at least 20 members" in finding.expected
