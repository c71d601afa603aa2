"""The benchmark runs at a tiny size, its peers choose what resift chooses, and its answer is plain numbers."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from bench.counting import CountingStore
from bench.numbers import Results, numbers, ratio
from bench.pool import SALT, write_pool
from bench.report import write_table
from bench.tasks import VERSION, floor, ingest_drops, refresh_dataset, verify_snapshot
from resift.client.snapshots import read_manifest
from resift.core.prn import permanent_random_numbers
from resift.storage import MemoryStore, open_store

ROWS, SIZE, WIDTH = 6_000, 1_000, 0.34


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    files = [str(path) for path in write_pool(folder / "pool", rows=ROWS)]
    lake = (folder / "lake").as_uri()
    ingest_drops(lake=lake, files=files, workers=1)()
    answer = refresh_dataset(lake=lake, name="tiny", size=SIZE, width=WIDTH, workers=1, counted=True)()
    return folder, files, lake, answer


def published(lake):
    manifest = read_manifest(open_store(lake), "tiny", str(VERSION))
    root = lake.removeprefix("file://")
    return np.concatenate(
        [
            pq.read_table(f"{root}/datasets/tiny/snapshots/{VERSION}/{part.path}", columns=["prn"])["prn"].to_numpy()
            for part in manifest.parts
        ]
    )


def test_a_pool_is_the_same_at_every_run_and_carries_its_random_numbers(measured, tmp_path):
    _, files, _, _ = measured
    again = write_pool(tmp_path, rows=ROWS)

    rows = pq.read_table(again[0])
    assert rows.equals(pq.read_table(files[0]))
    assert (rows["prn"].to_numpy() == permanent_random_numbers(rows["image_id"], salt=SALT)).all()
    assert len(rows.column_names) == 15 + 1


def test_every_step_is_timed_and_bytes_are_counted(measured):
    _, _, _, answer = measured

    assert list(answer["steps"]) == ["plan", "sift", "cut", "audit", "judge", "publish"]
    assert answer["rows"] == SIZE
    assert answer["bytes_read"] > 0
    assert answer["bytes_written"] > 0
    assert answer["objects_read"] > 0


@pytest.mark.parametrize("peer", ["pandas", "duckdb", "polars"])
def test_a_peer_chooses_the_images_that_resift_chooses(measured, tmp_path, peer):
    pytest.importorskip(peer)
    from bench.peers import TASKS

    _, files, lake, _ = measured
    target = str(tmp_path / "drawn.parquet")

    TASKS[peer](files=files, size=SIZE, target=target, threads=1)()

    assert sorted(pq.read_table(target)["prn"].to_pylist()) == sorted(published(lake).tolist())


def test_the_floor_reads_the_row_groups_of_the_sample_and_writes_its_rows(measured, tmp_path):
    _, _, lake, _ = measured

    answer = floor(lake=lake, name="tiny", target=str(tmp_path / "floor"), workers=2)()

    assert answer["rows_read"] >= SIZE
    written = pq.read_table(tmp_path / "floor", columns=["prn"])["prn"].to_numpy()
    assert (np.sort(written) == np.sort(published(lake))).all()


def test_a_counting_store_counts_what_is_read_through_an_open_object():
    store = CountingStore(MemoryStore())
    store.put("runs/a", b"0123456789")

    with store.open("runs/a") as body:
        body.seek(4)
        body.read(3)

    assert store.counts()["bytes_read"] == 3
    assert store.counts()["bytes_written"] == 10
    assert store.counts()["objects_read"] == 1


def test_a_ratio_is_the_median_of_the_rounds_and_not_of_the_times():
    assert ratio([2.0, 20.0, 4.0], [1.0, 10.0, 1.0]) == 2.0
    assert ratio([], [1.0]) is None


def test_the_answer_is_plain_numbers_under_the_promised_names(measured):
    _, _, lake, answer = measured
    results = Results()
    timed = {**answer, "seconds": 3.0, "cpu_seconds": 4.0, "rss_mib": 500.0}
    for what in ("1000 of 6000", "100 of 6000", "100 of 600"):
        results.add(f"refresh {what}", timed)
    results.add("counted 1000 of 6000", timed)
    for name in ("ingest 6000", "ingest one", "duckdb_sort", "duckdb 1000 of 6000", "floor 1000 of 6000"):
        results.add(name, {"seconds": 2.0, "cpu_seconds": 2.0, "rss_mib": 900.0, "rows": 6000})

    found = numbers(results, pool=6000, sample=1000, larger=None)

    assert json.loads(json.dumps(found)) == found
    promised = {"pool_x10_times_slower", "sample_x10_times_slower", "ingest_times_duckdb_speed", "peak_rss_mib"}
    assert promised | {"refresh_1k_of_6k_times_faster_than_duckdb", "refresh_1k_of_6k_times_floor"} <= found.keys()
    assert found["peak_rss_mib"] == 900
    assert verify_snapshot(lake=lake, name="tiny")()["rows"] == SIZE


def test_the_rate_of_further_rows_leaves_out_what_a_process_pays_once(measured):
    _, _, _, answer = measured
    results = Results()
    for rows, seconds in ((1_000, 2.0), (100, 1.1)):
        cpu = dict.fromkeys(answer["cpu"], seconds)
        results.add(
            f"refresh {rows} of 6000", {**answer, "cpu": cpu, "seconds": 3.0, "cpu_seconds": 4.0, "rss_mib": 500.0}
        )
    results.add("refresh 100 of 600", results.found["refresh 100 of 6000"][0])
    for name in ("ingest 6000", "ingest one"):
        results.add(name, {"seconds": 2.0, "cpu_seconds": 2.0, "rss_mib": 900.0, "rows": 6000})

    found = numbers(results, pool=6000, sample=1000, larger=None)

    # 900 rows more in 0.9 s more.
    assert found["refresh_sift_further_rows_per_cpu_second"] == 1_000
    assert found["refresh_audit_further_rows_per_cpu_second"] == 1_000


def test_a_table_replaces_what_stands_between_its_marks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n")

    write_table(page, "new")

    assert page.read_text() == "before\n<!-- bench -->\nnew\n<!-- /bench -->\nafter\n"
