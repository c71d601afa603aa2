"""The judge step reads what was staged, and nothing but a whole refresh gets a verdict."""

from __future__ import annotations

import io

import pyarrow.parquet as pq
import pytest
from checks.staged_refresh import PUBLISHED, SALT, VERSION, Staged, staged

from resift.errors import StagingError
from resift.model import keys
from resift.model.pool import Pool
from resift.model.verdict import Verdict
from resift.steps.judge import judge
from resift.storage import MemoryStore

KEYS = keys.Staging("faces", VERSION, "p1")
NAMES = {"dataset": "faces", "version": VERSION, "plan_id": "p1"}


def parquet(table: object) -> bytes:
    body = io.BytesIO()
    pq.write_table(table, body)
    return body.getvalue()


def stage(case: Staged) -> MemoryStore:
    store = MemoryStore()
    store.put(keys.pool("photos"), Pool(pool="photos", salt=SALT).to_json())
    store.put(KEYS.plan, case.plan.to_json())
    store.put(KEYS.cut, case.cut.to_json())
    store.put(KEYS.tally(0), parquet(case.tally))
    for index, one in zip(case.cut.ranges, case.metrics, strict=True):
        rows = case.sample.filter([path == one.path for path in case.sample["part"].to_pylist()])
        store.put(KEYS.metrics(index), one.to_json())
        store.put(KEYS.sample(index), parquet(rows.drop_columns("part")))
    return store


def names(store: MemoryStore) -> set[str]:
    return {one.key for one in store.list(KEYS.prefix)}


@pytest.fixture(scope="module")
def judged() -> tuple[MemoryStore, Verdict]:
    store = stage(staged())
    return store, judge(store, **NAMES)


def test_verdict_is_staged_as_returned(judged: tuple[MemoryStore, Verdict]) -> None:
    store, verdict = judged

    assert verdict.status == "proceed"
    assert verdict.evaluated > 40
    assert Verdict.from_json(store.get(KEYS.verdict), what="verdict") == verdict


def test_pages_are_staged_beside_the_verdict(judged: tuple[MemoryStore, Verdict]) -> None:
    store, _ = judged

    pages = {key.removeprefix(KEYS.docs) for key in names(store) if key.startswith(KEYS.docs)}
    assert {"index.html", "expectations/parts.html", "expectations/snapshot.html", "expectations/sample.html"} <= pages
    assert len([page for page in pages if page.startswith("validations/")]) == 3


def test_second_run_overwrites_the_first_and_finds_the_same() -> None:
    store = stage(staged())
    first = judge(store, **NAMES)
    before = names(store)
    store.put(KEYS.docs + "validations/of-another-run.html", b"stale")

    second = judge(store, **NAMES)

    assert second == first
    assert names(store) == before


def test_tallies_of_all_ranges_are_summed() -> None:
    case = staged()
    half = case.tally.set_column(3, case.tally.schema.field("deleted"), [[20, 0]])
    store = stage(case)
    store.put(KEYS.tally(0), parquet(half))
    store.put(KEYS.tally(5), parquet(half))

    verdict = judge(store, **NAMES)

    assert verdict.status == "proceed"
    assert "at most 20.0%, of 1 hosts" in [finding.found for finding in verdict.findings]


def test_part_that_was_not_audited_gets_no_verdict() -> None:
    store = stage(staged())
    store.delete(KEYS.metrics(2))

    with pytest.raises(StagingError, match=r"metrics/000002\.json: found nothing, expected what audit stages"):
        judge(store, **NAMES)
    assert store.stat(KEYS.verdict) is None


def test_truncated_sample_gets_no_verdict() -> None:
    store = stage(staged())
    store.put(KEYS.sample(1), store.get(KEYS.sample(1))[:-9])

    with pytest.raises(
        StagingError, match=r"sample/000001.parquet: not readable as Parquet .*Run audit of this refresh"
    ):
        judge(store, **NAMES)


def test_cut_of_another_plan_gets_no_verdict() -> None:
    store = stage(staged().with_cut(plan_id="p2"))

    with pytest.raises(StagingError, match=r"is of faces 2026-01-05 plan p2, expected faces 2026-01-05 plan p1"):
        judge(store, **NAMES)


def test_sample_may_hold_published_columns_too() -> None:
    case = staged()
    store = stage(case)
    wide = staged().sample.slice(0, 20).drop_columns("part")
    store.put(KEYS.sample(0), parquet(wide.append_column(PUBLISHED[1], wide["image_id"])))

    assert judge(store, **NAMES).status == "proceed"
