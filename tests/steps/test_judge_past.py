"""Judging a real cycle compares its exits with those of the versions before, and tells an outage from deletions."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from builders import NOW, cycle, draw, make_dataset, make_pool, observation, publish_unjudged, stage

from resift.model import keys
from resift.model.dataset import Dataset, Limits
from resift.model.keys import Staging
from resift.model.refresh import Plan
from resift.model.verdict import Verdict
from resift.steps.end import end, plan_ending
from resift.steps.judge import judge, read_past
from resift.steps.plan import read_plan
from resift.storage import MemoryStore

ITEMS = 1500


def day(k: int) -> date:
    """The grid date of the k-th version; the fifth is not later than now."""
    return cycle(k - 1)


def judged(store: MemoryStore, dataset: Dataset, k: int) -> Verdict:
    cut = stage(store, dataset, day(k))
    return judge(store, dataset=dataset.name, version=day(k), plan_id=cut.plan_id)


def deliver(store: MemoryStore, k: int, *, deleted: int = 0, silent: str = "") -> None:
    """Observe every item a day before a cycle; a third of them belong to ``archive``, which may be silent."""
    rows = []
    for number in range(ITEMS):
        source = "archive" if number % 3 == 0 else "other"
        if source != silent:
            state = "deleted" if number < deleted else "public"
            fields: dict[str, Any] = {"source": source, "owner_id": f"o{number}", "state": state}
            url = f"https://h{number % 50}.example/{number}"
            rows.append(observation(f"i{number}", day(k) - timedelta(days=1), url=url, **fields))
    make_pool(store, rows)


def history(limits: Limits) -> tuple[MemoryStore, Dataset]:
    """Publish four versions, of which the first has nothing before it; ten members leave each time."""
    store = MemoryStore()
    dataset = make_dataset(anchor=day(0), size=ITEMS, part_rows=500, limits=limits.model_dump(mode="json"))
    for k in range(4):
        deliver(store, k, deleted=10 * k)
        publish_unjudged(store, dataset, day(k))
    return store, dataset


def planned(store: MemoryStore, dataset: Dataset, k: int) -> Plan:
    cut = draw(store, dataset, day(k))
    return read_plan(store, Staging(dataset.name, day(k), cut.plan_id))


def withdraw(store: MemoryStore, dataset: Dataset, k: int) -> None:
    names: dict[str, Any] = {"dataset": dataset.name, "version": day(k), "act": "withdraw"}
    names |= {"why": "wrong", "follows": None, "now": NOW}
    end(store, **names, plan_digest=plan_ending(store, **names).document_digest())


@pytest.fixture(scope="module")
def jumped() -> tuple[MemoryStore, Dataset]:
    store, dataset = history(Limits(deleted_share=0.5))
    deliver(store, 4, deleted=130)
    return store, dataset


def test_cycle_that_loses_more_than_its_forerunners_is_held_and_they_are_named(
    jumped: tuple[MemoryStore, Dataset],
) -> None:
    verdict = judged(*jumped, 4)

    (finding,) = verdict.failures()
    assert verdict.status == "hold"
    assert finding.rule == "members deleted or private against recent versions"
    assert finding.found == f"6.8% (100 of 1470 members), median 0.7% of {day(3)}, {day(2)}, {day(1)}"


def test_withdrawn_and_missing_versions_are_passed_over(jumped: tuple[MemoryStore, Dataset]) -> None:
    store, dataset = jumped
    plan = planned(store, dataset, 4)
    assert [one.version for one in read_past(store, plan)] == [day(3), day(2), day(1)]

    withdraw(store, dataset, 2)
    assert [one.version for one in read_past(store, plan)] == [day(3), day(1)]
    store.delete(keys.manifest(dataset.name, day(2)))
    assert [one.version for one in read_past(store, plan)] == [day(3), day(1)]


def test_source_that_stopped_delivering_is_held_as_an_outage_and_as_no_deletion() -> None:
    store = MemoryStore()
    limits = Limits(owner_min_members=1, host_min_members=10, stale_share=0.2, size_drift=1, churn=0.3)
    dataset = make_dataset(anchor=day(0), size=ITEMS, part_rows=500, limits=limits.model_dump(mode="json"))
    deliver(store, 0)
    publish_unjudged(store, dataset, day(0))
    deliver(store, 1, silent="archive")

    verdict = judged(store, dataset, 1)

    said = [one.message() for one in verdict.failures() if "drift" not in one.rule]
    assert len(said) == 1
    last = day(0) - timedelta(days=1)
    assert said[0].startswith(
        "source archive: sources keep delivering: "
        f"found it delivered nothing since {last}: an outage; 500 of its 500 members go stale"
    )
