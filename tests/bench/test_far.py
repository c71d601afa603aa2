"""What a refresh asks of an S3 server is counted, and held against what it needed and what a directory took."""

from builders import make_dataset, publish_unjudged
from s3_servers import running

from bench.far import Requests, bytes_needed
from bench.numbers import Results, numbers
from bench.pool import write_pool
from bench.tasks import VERSION, ingest_drops
from resift.steps.pools import read_state
from resift.storage import open_store

BY_STEP = dict.fromkeys(("plan", "sift", "cut", "audit", "judge", "publish"), 0.5)
TIMED = {"seconds": 3.0, "cpu_seconds": 4.0, "rss_mib": 500.0, "steps": BY_STEP, "cpu": BY_STEP}


def test_requests_and_the_bytes_they_answer_are_counted(monkeypatch):
    with running("moto") as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        store = open_store(f"s3://{server.new_bucket()}/lake")
        store.put("pool/p/runs/a", bytes(100_000))
        store.put("b", bytes(500))
        counts = Requests(store)

        store.get("b")
        store.get_range("pool/p/runs/a", start=10, length=1_000)
        list(store.list(""))

    assert counts.told() == {"requests": 3, "bytes_read": 1_500, "pool_bytes_read": 1_000}


def test_a_whole_sample_needs_the_chunks_of_all_row_groups_and_no_others(tmp_path):
    files = [str(path) for path in write_pool(tmp_path / "pool", rows=2_000)]
    lake = (tmp_path / "lake").as_uri()
    ingest_drops(lake=lake, files=files, workers=1)()
    store = open_store(lake)
    publish_unjudged(store, make_dataset(size=2_000, publish_columns=["image_id"]), VERSION)

    [run] = read_state(store, "photos").runs

    assert run.size_bytes / 3 < bytes_needed(store, "sample") < run.size_bytes


def test_the_refresh_on_each_server_is_compared_with_those_measured_in_turn():
    results = Results()
    for what in ("100 of 1000", "10 of 1000", "10 of 100"):
        results.add(f"refresh {what}", TIMED)
    far = {"requests": 200, "bytes_read": 3_000, "pool_bytes_read": 2_000, "bytes_needed": 1_000}
    results.add("versitygw 10 of 100", {**TIMED, "seconds": 4.5, **far})
    results.add("minio 10 of 100", {**TIMED, "seconds": 3.6, **far, "requests": 300})
    for name in ("ingest 1000", "ingest one"):
        results.add(name, {**TIMED, "rows": 1_000})

    found = numbers(results, pool=1_000, sample=100, larger=None)

    assert found["refresh_s3_times_local"] == 1.5
    assert found["refresh_s3_requests"] == 200
    assert found["refresh_minio_times_local"] == 1.2
    assert found["refresh_minio_requests"] == 300
    assert found["refresh_s3_pool_bytes_read_times_needed"] == 2.0
