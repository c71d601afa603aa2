"""The page on scaling shows what the model says, and the model counts the requests that the steps make."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from threading import Lock
from typing import Any

import pytest
from builders import NOW, cycle, hand_in, make_dataset, make_pool, observation, publish_unjudged

from bench.scaling import (
    DELETES_PER_PART,
    GETS_PER_PART,
    PUTS_PER_PART,
    Assumed,
    Measured,
    Sample,
    from_bench,
    price,
    refresh,
    table,
)
from resift.steps.audit import audit
from resift.steps.cut import cut
from resift.steps.plan import plan
from resift.steps.publish import publish
from resift.steps.sift import sift
from resift.storage import MemoryStore

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scaling.md"
GETS, PUTS = ("get", "get_range", "stream", "open", "stat"), ("put", "put_file", "create", "copy")


class Asked:
    """Passes everything on to a store, and counts what it is asked."""

    def __init__(self, store: MemoryStore) -> None:
        self._store, self.counts, self._lock = store, Counter[str](), Lock()

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self._store, name)

        def counted(*arguments: Any, **named: Any) -> Any:
            with self._lock:
                self.counts[name] += 1
            return asked(*arguments, **named)

        return counted if callable(asked) else asked


def requests_by_step(parts: int) -> tuple[int, dict[str, Counter[str]]]:
    """Refresh a sample of so many parts beside an earlier version, one task a step, and count what is asked for."""
    store = Asked(MemoryStore())
    numbers = range(parts * 100)
    make_pool(store, [observation(f"p{number}", cycle(number % 4 == 0)) for number in numbers])
    # All that is eligible is taken, so every range becomes a part.
    dataset = make_dataset(size=len(numbers), part_rows=100)
    publish_unjudged(store, dataset, cycle(0))
    receipt = plan(store, dataset=dataset, as_of=cycle(1), known_at=NOW, max_tasks=1)
    names = {"dataset": receipt.dataset, "version": receipt.version, "plan_id": receipt.plan_id}
    found = {}
    for name, step in (("sift", sift), ("cut", cut), ("audit", audit)):
        store.counts.clear()
        result = step(store, **names, **({} if step is cut else {"group": 0}))
        found[name] = store.counts.copy()
        if step is cut:
            made = result
    verdict = hand_in(store, made)
    store.counts.clear()
    publish(store, **names, verdict=verdict)
    found["publish"] = store.counts.copy()
    return len(made.parts), found


def test_requests_are_those_the_steps_make_for_each_further_part():
    (few, before), (many, after) = requests_by_step(3), requests_by_step(13)

    def grown(step: str, names: tuple[str, ...]) -> float:
        return sum(after[step][name] - before[step][name] for name in names) / (many - few)

    for step in before:
        assert grown(step, GETS) == pytest.approx(GETS_PER_PART[step], abs=0.4), step
        assert grown(step, PUTS) == pytest.approx(PUTS_PER_PART[step], abs=0.4), step
    assert grown("publish", ("delete",)) == pytest.approx(DELETES_PER_PART, abs=0.4)


def test_page_shows_the_tables_of_the_model():
    text = PAGE.read_text(encoding="utf-8")

    for sample in (Sample(), Sample(part_rows=1_048_576)):
        assert "\n".join(table(sample, Measured(), Assumed())) in text
    assert price(refresh(Sample(), workers=400, tasks=400), Sample(), Assumed()) in text


def test_more_workers_never_make_a_refresh_slower():
    totals = [refresh(Sample(), workers=workers, tasks=256).total for workers in (1, 4, 40, 400)]

    assert totals == sorted(totals, reverse=True)


def test_more_tasks_than_workers_cost_a_step_more_and_never_less_than_airflow_takes_to_start_them():
    few, many = (refresh(Sample(), workers=400, tasks=tasks) for tasks in (400, 1_000))

    assert many.seconds["audit"] > few.seconds["audit"]
    assert all(one.seconds["audit"] >= one.control_seconds for one in (few, many))


def test_cost_of_a_refresh_does_not_grow_with_the_pool_but_for_the_plan_that_tasks_read():
    small, large = (refresh(Sample(items=items), workers=40, tasks=256) for items in (10**9, 10**10))

    turns, request = 7, Measured().request_seconds + Assumed().latency_seconds
    further = (large.gets - small.gets) / (2 * 256)  # of each task of sift and audit
    for step in ("sift", "audit"):
        assert large.seconds[step] - small.seconds[step] == pytest.approx(turns * further * request)
    for step in ("cut", "judge", "publish"):
        assert large.seconds[step] == small.seconds[step]
    assert large.gets < 1.05 * small.gets


def test_rates_are_those_of_the_benchmark_where_it_has_run(tmp_path):
    assert from_bench(tmp_path / "bench.json") == Measured()
    (tmp_path / "bench.json").write_text(json.dumps({"refresh_sift_further_rows_per_cpu_second": 5}))

    assert from_bench(tmp_path / "bench.json") == Measured(sift_rows=5)
