"""Footers of runs: read once by a process, and never taken for those of other bytes."""

import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import NOW, cycle, make_dataset, make_pool, observation

from resift.errors import PoolError
from resift.model.observation import PRN
from resift.steps.footers import Footers
from resift.steps.plan import plan
from resift.steps.pools import read_state
from resift.steps.runs import PoolReader
from resift.steps.sift import sift
from resift.storage import MemoryStore

COLUMNS = pa.schema([pa.field(PRN, pa.int64(), nullable=False)])


class WatchedStore(MemoryStore):
    """Notes which bytes of runs are read."""

    def __init__(self) -> None:
        super().__init__()
        self.ends_read = list[str]()

    def open(self, key):
        body, size = super().open(key), self.stat(key).size_bytes
        read = body.read

        def noted(count: int = -1) -> bytes:
            if "/runs/" in key and count and body.tell() + count == size:
                self.ends_read.append(key)
            return read(count)

        body.read = noted
        return body


def footer_of(rows: int) -> pq.FileMetaData:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({PRN: range(rows)}), sink)
    return pq.read_metadata(pa.BufferReader(sink.getvalue()))


def test_plan_and_sift_read_the_footer_of_a_run_once() -> None:
    store, dataset = WatchedStore(), make_dataset(size=300, part_rows=100, nominal_width=0.3)
    make_pool(store, [observation(f"footer-{number}", cycle(0)) for number in range(1_000)])

    receipt = plan(store, dataset=dataset, as_of=cycle(0), known_at=NOW, max_tasks=2)
    for group in range(receipt.groups):
        sift(store, dataset=receipt.dataset, version=receipt.version, plan_id=receipt.plan_id, group=group)

    assert receipt.groups == 2
    assert len(store.ends_read) == len(read_state(store, dataset.pool).runs) == 1


def test_footers_used_longest_ago_are_forgotten_where_they_are_too_many() -> None:
    one, other, third = (footer_of(rows) for rows in (1, 2, 3))
    footers = Footers(one.serialized_size + other.serialized_size)

    footers.keep("one", one)
    footers.keep("other", other)
    footers.keep("one", one)
    footers.keep("third", third)

    assert footers.find("one") is one
    assert footers.find("other") is None
    assert footers.find("third") is third


def test_a_run_that_was_replaced_is_refused_though_its_footer_is_remembered() -> None:
    store, dataset = MemoryStore(), make_dataset()
    make_pool(store, [observation(f"replaced-{number}", cycle(0)) for number in range(10)])
    (run,) = read_state(store, dataset.pool).runs
    PoolReader(store, [run], COLUMNS).read(0, 2**63)

    store.put(run.key, store.get(run.key) + b"more")

    with pytest.raises(PoolError, match=r"holds \d+ bytes, its drop recorded \d+\. The run was replaced"):
        PoolReader(store, [run], COLUMNS).read(0, 2**63)


@pytest.mark.parametrize(("chosen", "found"), [({}, "jemalloc"), ({"ARROW_DEFAULT_MEMORY_POOL": "system"}, "system")])
def test_steps_take_memory_from_jemalloc_unless_somebody_chose(chosen, found) -> None:
    program = "import pyarrow, resift.steps.parquet; print(pyarrow.default_memory_pool().backend_name)"

    told = subprocess.run([sys.executable, "-c", program], env=chosen, capture_output=True, text=True, check=True)

    assert told.stdout.strip() == (found if found in pa.supported_memory_backends() else "system")
