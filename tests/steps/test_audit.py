"""The audit finds a row with excluded evidence that was planted behind the sift's back."""

from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import cycle, make_dataset, make_pool, observation, stage
from checks.staged_refresh import staged
from spoiling import Staged

from resift.checks.rows import rows_due
from resift.model.keys import Staging
from resift.model.refresh import PartMetrics
from resift.steps.audit import audit
from resift.steps.measured import parts_by_group
from resift.steps.plan import read_plan
from resift.storage import MemoryStore


@pytest.mark.parametrize(
    "planted",
    [
        {"owner_country": "FR"},
        {"newest_owner_country": "Deutschland"},
        {"upload_country": "EL"},
        {"lat": "48.85", "lon": "2.35"},
        {"host": "pictures.example.de"},
        {"subdivision": "FR-974"},
    ],
    ids=lambda planted: next(iter(planted)),
)
def test_planted_row_with_excluded_evidence_is_counted(planted):
    store = MemoryStore()
    make_pool(store, [observation(f"i{n}", cycle(0)) for n in range(200)])
    cut = stage(store, make_dataset(size=100, part_rows=1000), cycle(0))
    staging = Staging("sample", cycle(0), cut.plan_id)
    Staged(store, staging).change(0, lambda rows: rows[17]["evidence"].update(planted))

    audit(store, dataset="sample", version=cycle(0), plan_id=cut.plan_id, group=0)

    metrics = PartMetrics.from_json(store.get(staging.metrics(0)), what="metrics")
    assert metrics.excluded == 1


@pytest.mark.parametrize(("size", "part_rows"), [(150, 100), (90, 1000)])
def test_every_kth_row_of_the_snapshot_is_picked_for_the_judge(size, part_rows):
    store = MemoryStore()
    make_pool(store, [observation(f"i{n}", cycle(0)) for n in range(200)])
    cut = stage(store, make_dataset(size=size, part_rows=part_rows), cycle(0), max_tasks=1)

    picked = picked_rows(store, cut)

    # Fewer rows than the judge looks at: it gets them all.
    assert Counter(picked["part"].to_pylist()) == {part.path: part.rows for part in cut.parts}
    assert len(set(picked["image_id"].to_pylist())) == size


def test_of_more_rows_than_the_judge_looks_at_every_kth_is_picked_counted_through_all_parts():
    store = MemoryStore()
    make_pool(
        store, [observation(f"i{n}", cycle(0), upload_country=("US", "BR", "JP", "AU")[n % 4]) for n in range(20_100)]
    )
    cut = stage(store, make_dataset(size=20_050, part_rows=7_000), cycle(0))
    picked = picked_rows(store, cut)

    staged, many = Staged(store, Staging("sample", cycle(0), cut.plan_id)), len(cut.parts)
    parts = pa.concat_tables(staged.part(number) for number in range(many))
    evidence = pa.concat_tables(staged.evidence(number) for number in range(many))
    rows = pa.table({name: (parts if name == "image_id" else evidence)[name] for name in SAID})[::3]
    assert picked.select(SAID).to_pylist() == rows.to_pylist()
    assert Counter(picked["part"].to_pylist()) == rows_due(cut.parts)
    assert many > 1


def picked_rows(store, cut):
    """All rows picked, in the order of the groups."""
    staging = Staging("sample", cycle(0), cut.plan_id)
    groups = parts_by_group(read_plan(store, staging), cut)
    return pa.concat_tables(pq.read_table(pa.BufferReader(store.get(staging.sample(group)))) for group in groups)


@pytest.mark.parametrize("max_tasks", [1, 4, 100])
def test_each_group_writes_one_object_of_measurements_and_one_of_rows_however_many_parts_it_has(max_tasks):
    store = MemoryStore()
    make_pool(store, [observation(f"i{n}", cycle(0)) for n in range(2000)])
    cut = stage(store, make_dataset(size=1000, part_rows=100), cycle(0), max_tasks=max_tasks)
    staging = Staging("sample", cycle(0), cut.plan_id)

    groups = parts_by_group(read_plan(store, staging), cut)
    written = {one.key for folder in ("metrics/", "sample/") for one in store.list(staging.prefix + folder)}
    lines = [line for group in groups for line in store.get(staging.metrics(group)).splitlines()]

    assert written == {key(group) for group in groups for key in (staging.metrics, staging.sample)}
    assert [PartMetrics.from_json(line, what="line").path for line in lines] == [part.path for part in cut.parts]
    assert len(groups) <= max_tasks


def test_parts_sifted_beyond_the_plan_go_with_those_before_them_and_groups_stay_in_order():
    case = staged(parts=8)  # of sixteen ranges
    plan = case.plan.model_copy(update={"groups": ((0, 1), (2, 3, 6), (7,))})

    assert parts_by_group(plan, case.cut) == {0: [0, 1], 1: [2, 3, 4, 5, 6], 2: [7]}
    assert parts_by_group(plan, case.with_cut(ranges=(0, 2, 9)).cut) == {0: [0], 1: [1], 2: [2]}


SAID = ["image_id", "prn", "observed_at", "state", "upload_country"]
