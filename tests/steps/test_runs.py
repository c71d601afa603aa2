"""Reading a pool that lies far away: few requests, ahead of time, and the same observations."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from resift.core.prn import CIRCLE
from resift.model.observation import PRN, run_schema
from resift.steps.parquet import column_chunks
from resift.steps.runs import SLICE_BYTES, SLICE_ROWS, PoolReader, count_slices
from resift.steps.sorted_run import write_run
from resift.storage.memory import MemoryStore
from resift.storage.s3_file import READ_AHEAD_BYTES, RangeReader

ROWS = 60_000
SCHEMA = run_schema(pa.schema([]))
WANTED = pa.schema([SCHEMA.field(name) for name in (PRN, "image_id", "state", "row_number")])


class FarStore(MemoryStore):
    """Objects that are read by ranged requests, each of which is noted."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        super().__init__()
        self._threads, self._noting = threads, threading.Lock()
        self.asked = list[tuple[str, int, int]]()

    def open(self, key):
        def fetch(start: int, length: int) -> bytes:
            with self._noting:
                self.asked.append((key, start, start + length))
            return self.get_range(key, start=start, length=length)

        body = self.get(key)
        return RangeReader(fetch, len(body), tail=body[-READ_AHEAD_BYTES:], threads=self._threads)


@pytest.fixture
def far(tmp_path):
    """Two runs of some row groups in a far store."""
    with ThreadPoolExecutor(4) as threads:
        store = FarStore(threads)
        store.runs = []
        for number in range(2):
            prn = np.sort(np.random.default_rng(number).integers(0, CIRCLE, ROWS, dtype=np.int64))
            columns = {name: pa.nulls(ROWS, SCHEMA.field(name).type) for name in SCHEMA.names}
            columns |= {PRN: pa.array(prn), "row_number": pa.array(np.arange(ROWS))}
            columns |= {name: pa.repeat(name, ROWS) for name in ("state", "source", "drop", "file")}
            columns["image_id"] = pa.array(prn).cast(pa.string())
            columns["observed_at"] = pa.array(np.zeros(ROWS, np.int64)).cast(SCHEMA.field("observed_at").type)
            rows = pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA)
            run = write_run(iter([rows]), tmp_path / f"{number}.parquet", schema=SCHEMA)
            store.put_file(f"run-{number}", run.path)
            store.runs.append(run.entry(f"run-{number}", carried={}))
        yield store


def read_all(store, lo: int, hi: int) -> pa.Table:
    reader = PoolReader(store, store.runs, WANTED)
    return pa.concat_tables([reader.read(first, last) for first, last in reader.slices(lo, hi)])


def test_a_far_pool_gives_the_observations_of_a_near_one(far) -> None:
    near = MemoryStore()
    near.runs = far.runs
    for run in far.runs:
        near.put(run.key, far.get(run.key))

    lo, hi = CIRCLE // 5, CIRCLE // 2

    assert read_all(far, lo, hi).equals(read_all(near, lo, hi))


def test_neighbouring_row_groups_take_one_request_a_run(far) -> None:
    read_all(far, CIRCLE // 5, CIRCLE // 2)

    assert sorted(key for key, _, _ in far.asked) == ["run-0", "run-1"]


def test_no_byte_is_fetched_twice(far) -> None:
    read_all(far, 0, CIRCLE)

    for run in far.runs:
        spans = sorted((start, end) for key, start, end in far.asked if key == run.key)
        assert all(end <= start for (_, end), (start, _) in pairwise(spans))


def test_what_is_counted_of_a_far_pool_are_the_bytes_that_were_fetched(far) -> None:
    reader = PoolReader(far, far.runs, WANTED)
    for first, last in reader.slices(CIRCLE // 5, CIRCLE // 2):
        reader.read(first, last)

    tails = READ_AHEAD_BYTES * len(far.runs)
    assert reader.bytes_read().read == tails + sum(end - start for _, start, end in far.asked)


def test_column_chunks_are_where_the_footer_says(far, tmp_path) -> None:
    metadata = pq.ParquetFile(tmp_path / "0.parquet").metadata

    spans = list(column_chunks(metadata, [1], {PRN}))

    chunk = metadata.row_group(1).column(0)
    assert spans == [(chunk.data_page_offset, chunk.data_page_offset + chunk.total_compressed_size)]
    assert len(list(column_chunks(metadata, [0, 1], WANTED.names))) == 2 * len(WANTED)


@pytest.mark.parametrize(
    ("rows", "size_bytes", "slices"),
    [
        (0, 0, 1),
        (SLICE_ROWS, SLICE_BYTES, 1),
        (SLICE_ROWS + 1, SLICE_BYTES, 2),
        (1, SLICE_BYTES + 1, 2),
        (SLICE_ROWS, 5 * SLICE_BYTES, 5),
    ],
)
def test_a_slice_is_bounded_by_rows_and_by_bytes(rows, size_bytes, slices) -> None:
    assert count_slices(rows, size_bytes) == slices
