"""Bytes read of a pool's runs against bytes needed: what an engineer sees of a layout that costs too much."""

import logging
from itertools import pairwise

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import NOW, add_drop, cycle, make_dataset, make_pool, observation

from resift.core.prn import CIRCLE
from resift.model.observation import PRN, run_schema
from resift.model.pool_bytes import PoolBytes
from resift.steps import tasks
from resift.steps.parquet import column_chunks
from resift.steps.plan import plan
from resift.steps.runs import PoolReader
from resift.steps.sift import sift
from resift.storage import LocalStore, MemoryStore

SCHEMA = run_schema(pa.schema([]))
WANTED = pa.schema([SCHEMA.field(name) for name in (PRN, "image_id", "url")])
ITEMS = [observation(f"bytes-{number}", cycle(0)) for number in range(2_000)]
DATASET = make_dataset(size=200, part_rows=100, nominal_width=0.1)


def pool_of(runs: int, store=None):
    """A pool of the same observations in so many runs."""
    store = store or MemoryStore()
    make_pool(store)
    store.runs = [add_drop(store, ITEMS[number::runs]).files[0].run for number in range(runs)]
    return store


def read(store, *intervals: tuple[int, int]) -> PoolBytes:
    """What one reader takes for some intervals, after another has opened every run."""
    PoolReader(store, store.runs, WANTED).read(0, CIRCLE)
    reader = PoolReader(store, store.runs, WANTED)
    for interval in intervals:
        for first, last in reader.slices(*interval):
            reader.read(first, last)
    return reader.bytes_read()


def test_all_that_is_needed_for_the_whole_circle_are_the_chunks_of_the_wanted_columns() -> None:
    store = pool_of(3)
    chunks = 0
    for run in store.runs:
        metadata = pq.ParquetFile(store.open(run.key)).metadata
        chunks += sum(
            end - start for start, end in column_chunks(metadata, range(99)[: metadata.num_row_groups], WANTED.names)
        )

    assert read(store, (0, CIRCLE)) == PoolBytes(read=chunks, needed=chunks)


def test_a_narrow_range_reads_few_bytes() -> None:
    store = pool_of(1)

    narrow, whole = read(store, (0, CIRCLE // 20)), read(store, (0, CIRCLE))

    assert narrow.needed == pytest.approx(whole.needed / 20, rel=0.2)
    assert narrow.needed < narrow.read < whole.read / 8


def test_many_small_runs_need_the_same_and_read_more() -> None:
    one, many = (read(pool_of(runs), (0, CIRCLE // 20)) for runs in (1, 20))

    assert many.needed == pytest.approx(one.needed, rel=0.3)
    assert many.read / many.needed > 5 * one.read / one.needed


def test_what_is_needed_adds_up_however_the_circle_is_shared_out() -> None:
    store, bounds = pool_of(2), [CIRCLE * number // 7 for number in range(8)]

    pieces = [read(store, piece) for piece in pairwise(bounds)]

    assert PoolBytes.total(pieces).needed == pytest.approx(read(store, (0, CIRCLE)).needed, abs=14)


def test_a_directory_is_read_no_further_than_memory(tmp_path) -> None:
    near, local = (read(pool_of(2, store), (0, CIRCLE // 3)) for store in (MemoryStore(), LocalStore(tmp_path)))

    assert near == local


def test_a_finished_group_that_is_sifted_again_reads_nothing_and_hands_on_the_same_digest() -> None:
    store = pool_of(2)
    receipt = plan(store, dataset=DATASET, as_of=cycle(0), known_at=NOW)
    names = {"dataset": "sample", "version": cycle(0), "plan_id": receipt.plan_id, "group": 0}

    first, again = sift(store, **names), sift(store, **names)

    assert first.pool_bytes.read > first.pool_bytes.needed > 0
    assert again == first.model_copy(update={"pool_bytes": PoolBytes()})


def test_a_task_of_the_sift_logs_what_it_read(tmp_path, monkeypatch, caplog) -> None:
    store = pool_of(2, LocalStore(tmp_path))
    monkeypatch.setenv("RESIFT_LAKE", store.url)
    receipt = plan(store, dataset=DATASET, as_of=cycle(0), known_at=NOW)
    caplog.set_level(logging.INFO, logger="resift")

    handed_on = tasks.sift(receipt.model_dump(mode="json"), group=0)

    assert [one.message for one in caplog.records if one.name == tasks.__name__] == [
        f"group 0: {PoolBytes.model_validate(handed_on['pool_bytes']).told()}"
    ]


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (PoolBytes(read=1_500, needed=1_000), "read 1,500 bytes of the pool's runs, 1.5 times the 1,000 needed"),
        (PoolBytes(read=1_500, needed=0), "read 1,500 bytes of the pool's runs, 0 needed"),
        (PoolBytes(), "read nothing of the pool's runs: every range had been sifted"),
    ],
)
def test_bytes_are_told_as_a_ratio(found, told) -> None:
    assert found.told() == told
