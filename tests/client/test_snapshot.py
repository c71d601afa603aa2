"""A snapshot is opened by any of its names, read in bounded memory, and dealt out without a row lost or doubled."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from builders import cycle, make_dataset, make_pool, observation, publish_unjudged, snapshot_rows
from hypothesis import given, settings
from hypothesis import strategies as st

import resift
from resift.client.shards import deal, shuffled
from resift.client.snapshot import open_snapshot
from resift.client.snapshots import find_manifest
from resift.errors import ConfigError, SnapshotDamaged, SnapshotNotFound
from resift.model import keys
from resift.storage import LocalStore, MemoryStore


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = LocalStore(tmp_path_factory.mktemp("snapshot") / "lake")
    make_pool(store, *([observation(f"i{n}", cycle(k)) for n in range(50 * k, 400)] for k in (0, 1)))
    for k in (0, 1):
        publish_unjudged(store, make_dataset(size=250, nominal_width=0.6, turnover=0.25), cycle(k))
    return store


@pytest.fixture(scope="module")
def snapshot(store):
    return open_snapshot(store, "sample", cycle(1))


def names(snapshot):
    m = snapshot.manifest
    return [str(m.version), f"{m.version}.0", "latest", m.content_digest, m.content_digest[:8].upper()]


@pytest.mark.parametrize("which", range(5))
def test_version_is_opened_by_each_of_its_names(store, snapshot, which):
    assert resift.open(store.url, "sample", names(snapshot)[which]).manifest == snapshot.manifest


def test_digits_of_no_digest_are_refused_with_those_there_are(store, snapshot):
    digits = f"{int(snapshot.manifest.content_digest[:8], 16) ^ 0xFFFFFFFF:08x}"

    with pytest.raises(SnapshotNotFound, match=rf"{digits}: found no version .*{cycle(0)} \(.*{cycle(1)} \("):
        open_snapshot(store, "sample", digits)


def test_too_few_digits_are_refused_though_they_fit(store, snapshot):
    with pytest.raises(SnapshotNotFound, match="found 7 digits of a content digest, expected at least 8"):
        open_snapshot(store, "sample", snapshot.manifest.content_digest[:7])


def test_digits_that_fit_two_versions_are_refused_with_both(store, snapshot):
    other, body = MemoryStore(), store.get(keys.manifest("sample", cycle(1)))
    second = find_manifest(store, "sample", cycle(0)).model_copy(
        update={"content_digest": snapshot.manifest.content_digest[:-1] + "0"}
    )
    other.put(keys.manifest("sample", cycle(1)), body)
    other.put(keys.manifest("sample", cycle(0)), second.to_json())

    with pytest.raises(SnapshotNotFound, match=rf"found 2 versions .*{cycle(0)}.0 \(.*{cycle(1)}.0 \("):
        open_snapshot(other, "sample", snapshot.manifest.content_digest[:9])


def test_table_frame_dataset_and_scan_hold_the_same_rows_in_the_same_order(store, snapshot):
    rows = snapshot_rows(store, snapshot.manifest)

    assert snapshot.to_table().to_pylist() == rows
    assert [row for batch in snapshot.scan(batch_rows=7) for row in batch.to_pylist()] == rows
    assert snapshot.dataset().to_table().to_pylist() == rows
    assert list(snapshot.to_pandas()["image_id"]) == [row["image_id"] for row in rows]
    assert len(snapshot) == len(rows) == 250


def test_dataset_takes_filters(snapshot):
    wanted = pc.field("image_id") == snapshot.to_table()["image_id"][17]

    assert snapshot.dataset().to_table(filter=wanted)["image_id"].to_pylist() == [
        snapshot.to_table()["image_id"][17].as_py()
    ]


@pytest.mark.parametrize("rows", [1, 99, 100, 249, 250, 251])
def test_first_rows_are_read_and_no_part_after_them(snapshot, rows):
    store = Counting(snapshot.store)

    table = open_snapshot(store, "sample", cycle(1)).to_table(rows=rows)

    assert table.equals(snapshot.to_table().slice(0, rows))
    ends = np.cumsum([part.rows for part in snapshot.manifest.parts])
    assert len([key for key in store.read if "/data/" in key]) == 1 + int(np.sum(ends < min(rows, 250)))


def test_columns_come_in_the_order_asked_for(snapshot):
    table = snapshot.to_table(columns=["url", "image_id"], rows=3)

    assert table.column_names == ["url", "image_id"]
    assert table["url"].to_pylist() == snapshot.to_table()["url"].to_pylist()[:3]


@pytest.mark.parametrize("ask", [{"columns": ["uri"]}, {"rows": 0}, {"rows": -1}, {"batch_rows": 0}])
def test_column_or_count_that_cannot_be_is_refused(snapshot, ask):
    with pytest.raises(
        ConfigError, match=r"found no column 'uri', expected one of prn, image_id|found -?\d, expected 1"
    ):
        list(snapshot.scan(**ask))


def test_part_with_other_bytes_is_not_read(store, snapshot):
    other = copy_of(store)
    key = keys.snapshot("sample", cycle(1)) + snapshot.manifest.parts[1].path
    body = bytearray(other.get(key))
    body[len(body) // 2] ^= 1
    other.put(key, bytes(body))

    with pytest.raises(SnapshotDamaged, match=r"part-00001.* with sha256 .*the manifest says"):
        open_snapshot(other, "sample", cycle(1)).to_table()


def test_part_of_other_rows_is_not_read_even_for_one_column(store, snapshot):
    other = copy_of(store)
    key = keys.snapshot("sample", cycle(1)) + snapshot.manifest.parts[1].path
    sink = io.BytesIO()
    pq.write_table(pq.read_table(io.BytesIO(other.get(key))).slice(1), sink)
    other.put(key, sink.getvalue())

    with pytest.raises(SnapshotDamaged, match=r"part-00001.* has \d+ rows of .*the manifest says"):
        open_snapshot(other, "sample", cycle(1)).to_table(columns=["image_id"])


def test_snapshot_verifies_and_compares_itself_with_another_in_either_order(store, snapshot):
    older = open_snapshot(store, "sample", cycle(0))

    (there, changes), (back, same) = snapshot.diff(older), older.diff(snapshot)

    assert pa.concat_tables(changes).equals(pa.concat_tables(same))
    assert there == back
    assert there.entered.total() > 0
    assert snapshot.verify().problems == ()


class TestShards:
    @given(
        st.lists(st.integers(0, 40), max_size=8),
        st.integers(1, 9),
        st.integers(0, 3),
        st.integers(0, 3),
    )
    @settings(max_examples=60)
    def test_every_row_goes_to_one_worker_and_lengths_differ_by_at_most_one(self, rows, world_size, seed, epoch):
        dealt = [deal(rows, rank=rank, world_size=world_size, seed=seed, epoch=epoch) for rank in range(world_size)]

        got = sorted((s.part, row) for slices in dealt for s in slices for row in range(s.start, s.stop))
        assert got == [(part, row) for part, count in enumerate(rows) for row in range(count)]
        lengths = [sum(s.stop - s.start for s in slices) for slices in dealt]
        assert max(lengths) - min(lengths) <= 1

    @pytest.mark.parametrize(("rank", "world_size"), [(-1, 2), (2, 2), (0, 0)])
    def test_rank_outside_the_world_is_refused(self, snapshot, rank, world_size):
        with pytest.raises(ConfigError, match=f"rank {rank} of {world_size}: expected a rank from 0"):
            snapshot.shards(rank, world_size)

    def test_workers_together_hold_each_row_once(self, snapshot):
        rows = [row for rank in range(3) for batch in snapshot.shards(rank, 3, seed=1) for row in batch.to_pylist()]

        assert sorted(row["image_id"] for row in rows) == sorted(snapshot.to_table()["image_id"].to_pylist())

    def test_same_seed_and_epoch_give_the_same_order_and_others_another(self, snapshot):
        first, again, next_epoch, other_seed = (
            [row for batch in snapshot.shards(0, 2, seed=seed, epoch=epoch) for row in batch["image_id"].to_pylist()]
            for seed, epoch in ((1, 0), (1, 0), (1, 1), (2, 0))
        )

        assert first == again
        assert first not in (next_epoch, other_seed)
        assert first != snapshot.to_table()["image_id"].to_pylist()[: len(first)]

    def test_order_is_the_same_on_every_machine(self):
        assert shuffled(100, key=42).tolist() == sorted(range(100), key=lambda at: split_mix(42, at))
        assert sorted(shuffled(1000, key=2**64 - 1)) == list(range(1000))

    def test_columns_are_dealt_too(self, snapshot):
        assert next(snapshot.shards(0, 1, columns=["url"])).schema.names == ["url"]


def split_mix(seed, at):
    """The number SplitMix64 gives at a place, after the reference code in C."""
    whole = 2**64 - 1
    z = (seed + (at + 1) * 0x9E3779B97F4A7C15) & whole
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & whole
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & whole
    return z ^ (z >> 31)


class Counting:
    """A store that notes which objects were read."""

    def __init__(self, store):
        self.store = store
        self.read = []

    def __getattr__(self, name):
        return getattr(self.store, name)

    def get_range(self, key, **span):
        self.read.append(key)
        return self.store.get_range(key, **span)

    def open(self, key):
        self.read.append(key)
        return self.store.open(key)


def copy_of(store):
    other = MemoryStore()
    for stat in store.list(keys.snapshots("sample")):
        other.put(stat.key, store.get(stat.key))
    return other
