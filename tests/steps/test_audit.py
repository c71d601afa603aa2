"""The audit finds a row with excluded evidence that was planted behind the sift's back."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import cycle, make_dataset, make_pool, observation, stage
from spoiling import Staged

from resift.checks.rows import rows_due
from resift.model.keys import Staging
from resift.model.refresh import PartMetrics
from resift.steps.audit import audit
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

    metrics = PartMetrics.from_json(store.get(staging.metrics(cut.ranges[0])), what="metrics")
    assert metrics.excluded == 1


@pytest.mark.parametrize(("size", "part_rows"), [(150, 100), (90, 1000)])
def test_every_kth_row_of_the_snapshot_is_picked_for_the_judge(size, part_rows):
    store = MemoryStore()
    make_pool(store, [observation(f"i{n}", cycle(0)) for n in range(200)])
    cut = stage(store, make_dataset(size=size, part_rows=part_rows), cycle(0))
    staging = Staging("sample", cycle(0), cut.plan_id)

    picked = [
        pq.read_table(pa.BufferReader(store.get(staging.sample(index))))["image_id"].to_pylist() for index in cut.ranges
    ]

    # Fewer rows than the judge looks at: it gets them all.
    assert [len(ids) for ids in picked] == [part.rows for part in cut.parts]
    assert len({one for ids in picked for one in ids}) == size


def test_of_more_rows_than_the_judge_looks_at_every_kth_is_picked_counted_through_all_parts():
    store = MemoryStore()
    make_pool(
        store, [observation(f"i{n}", cycle(0), upload_country=("US", "BR", "JP", "AU")[n % 4]) for n in range(20_100)]
    )
    cut = stage(store, make_dataset(size=20_050, part_rows=7_000), cycle(0))
    staging = Staging("sample", cycle(0), cut.plan_id)

    samples = [pq.read_table(pa.BufferReader(store.get(staging.sample(index)))) for index in cut.ranges]

    staged = Staged(store, staging)
    parts = pa.concat_tables(staged.part(number) for number in range(len(samples)))
    evidence = pa.concat_tables(staged.evidence(number) for number in range(len(samples)))
    rows = pa.table({name: (parts if name == "image_id" else evidence)[name] for name in SAID})[::3]
    assert pa.concat_tables(samples).select(SAID).to_pylist() == rows.to_pylist()
    assert [len(sample) for sample in samples] == list(rows_due(cut.parts).values())
    assert len(samples) > 1


SAID = ["image_id", "prn", "observed_at", "state", "upload_country"]
