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
    DELETES_PER_TASK,
    GETS_PER_PART,
    GETS_PER_TASK,
    PUTS_PER_PART,
    PUTS_PER_TASK,
    Assumed,
    Measured,
    Sample,
    from_bench,
    price,
    refresh,
    table,
)
from resift.model.keys import Staging
from resift.model.refresh import CutReceipt
from resift.steps.audit import audit
from resift.steps.cut import cut, read_cut
from resift.steps.judge import judge
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


def requests_by_step(parts: int, *, tasks: int = 1) -> tuple[CutReceipt, int, dict[str, Counter[str]]]:
    """Refresh a sample of so many parts beside an earlier version, in so many tasks, and count what is asked for.

    Return the receipt of the cut, the number of tasks and the requests.
    """
    store = Asked(MemoryStore())
    numbers = range(parts * 100)
    make_pool(store, [observation(f"p{number}", cycle(number % 4 == 0)) for number in numbers])
    # All that is eligible is taken, so every range becomes a part.
    dataset = make_dataset(size=len(numbers), part_rows=100)
    publish_unjudged(store, dataset, cycle(0))
    receipt = plan(store, dataset=dataset, as_of=cycle(1), known_at=NOW, max_tasks=tasks)
    names = {"dataset": receipt.dataset, "version": receipt.version, "plan_id": receipt.plan_id}
    found = {}
    for name, step in (("sift", sift), ("cut", cut), ("audit", audit), ("judge", judge)):
        store.counts.clear()
        for group in range(receipt.groups) if step in (sift, audit) else [None]:
            step(store, **names, **({} if group is None else {"group": group}))
        found[name] = store.counts.copy()
    made = read_cut(store, Staging(**names))
    verdict = hand_in(store, made)
    store.counts.clear()
    publish(store, **names, verdict=verdict)
    found["publish"] = store.counts.copy()
    return made, receipt.groups, found


def grown(before: Counter[str], after: Counter[str], names: tuple[str, ...]) -> int:
    return sum(after[name] - before[name] for name in names)


@pytest.fixture(scope="module")
def few() -> tuple[CutReceipt, int, dict[str, Counter[str]]]:
    return requests_by_step(3)


@pytest.fixture(scope="module")
def many() -> tuple[CutReceipt, int, dict[str, Counter[str]]]:
    return requests_by_step(13)


def test_requests_are_those_the_steps_make_for_each_further_part(few, many):
    parts, (before, after) = len(many[0].parts) - len(few[0].parts), (few[2], many[2])

    for step in before:
        gets, puts = (grown(before[step], after[step], names) / parts for names in (GETS, PUTS))
        assert gets == pytest.approx(GETS_PER_PART[step], abs=0.4), step
        assert puts == pytest.approx(PUTS_PER_PART[step], abs=0.4), step
    deletes = grown(before["publish"], after["publish"], ("delete",)) / parts
    assert deletes == pytest.approx(DELETES_PER_PART, abs=0.4)


def test_requests_are_those_the_steps_make_for_each_further_task(many):
    made, tasks, after = requests_by_step(13, tasks=7)
    before, further = many[2], tasks - many[1]

    assert made == many[0]
    assert further > 3
    # Without the sift: what it reads of the runs is counted by bytes.
    for step in ("cut", "audit", "judge", "publish"):
        gets, puts = (grown(before[step], after[step], names) for names in (GETS, (*PUTS, "list")))
        assert gets == GETS_PER_TASK[step] * further, step
        assert puts == PUTS_PER_TASK[step] * further, step
    assert grown(before["publish"], after["publish"], ("delete",)) == DELETES_PER_TASK * further


def test_page_shows_the_tables_of_the_model():
    text = PAGE.read_text(encoding="utf-8")

    for sample in (Sample(), Sample(part_rows=1_048_576)):
        assert "\n".join(table(sample, Measured(), Assumed())) in text
    assert price(refresh(Sample(), workers=400, tasks=400), Assumed()) in text


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
