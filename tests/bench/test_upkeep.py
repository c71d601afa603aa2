"""What the benchmark does to a pool besides refreshing it really happens, and is counted."""

from __future__ import annotations

import shutil

import pytest

from bench.numbers import Results, numbers
from bench.pool import write_pool
from bench.tasks import VERSION, ingest_drops, refresh_dataset
from bench.upkeep import TASKS
from bench.year import daily_rows, first_rows, live_a_year
from resift.client.snapshots import read_manifest
from resift.steps.pools import find_compaction
from resift.storage import open_store

OLDER = "2026-03-17"


@pytest.fixture(scope="module")
def two_versions(tmp_path_factory):
    """A lake with a pool of two runs, and two versions of a sample from it."""
    folder = tmp_path_factory.mktemp("upkeep")
    files = [str(path) for rows in (4_000, 2_000) for path in write_pool(folder / "pool", rows=rows)]
    lake = (folder / "lake").as_uri()
    ingest_drops(lake=lake, files=files, workers=1)()
    answer = refresh_dataset(lake=lake, name="tiny", size=300, width=0.2, workers=1, after=OLDER)()
    return folder, answer


@pytest.fixture
def lake(two_versions, tmp_path):
    shutil.copytree(two_versions[0] / "lake", tmp_path / "lake")
    return (tmp_path / "lake").as_uri()


def test_compaction_merges_the_runs_in_processes_of_its_own(lake):
    answer = TASKS["compact"](lake=lake, workers=1)()

    compaction = find_compaction(open_store(lake), "photos")
    assert (answer["rows"], compaction.kept + sum(compaction.removed.values())) == (6_000, 6_000)
    assert answer["rss_mib"] > 0
    assert TASKS["compact"](lake=lake, workers=1)()["rows"] == 0


def test_erasure_takes_an_item_out_of_each_part_and_counts_what_it_touched(lake):
    answer = TASKS["erase"](lake=lake, name="tiny", parts=1)()

    manifest = read_manifest(open_store(lake), "tiny", str(VERSION))
    assert (manifest.rows, manifest.revision) == (299, 1)
    assert answer["parts"] >= 1
    assert answer["objects_written"] > 0


def test_pull_copies_every_byte_of_a_version(lake, tmp_path):
    answer = TASKS["pull"](lake=lake, name="tiny", target=str(tmp_path / "copy"))()

    manifest = read_manifest(open_store(lake), "tiny", str(VERSION))
    assert answer["bytes"] == sum(file.size_bytes for file in (*manifest.parts, *manifest.extras))


def test_two_versions_are_compared_row_by_row(lake):
    answer = TASKS["diff"](lake=lake, name="tiny", older=OLDER)()

    assert answer["rows"] > 300
    assert answer["parts"] == 2


def test_year_delivers_every_day_and_times_a_refresh_at_every_grid_date(tmp_path):
    answer = live_a_year(folder=str(tmp_path / "year"), items=800, daily=100, size=200, days=8, repeats=1)()

    assert answer["rows"] == 800 + 8 * 100
    assert answer["compactions"] == 1
    assert [one["as_of"] for one in answer["refreshes"]] == ["2026-01-01"]
    assert answer["end_times_start"] == answer["end_times_first_quarter"] == 1


def test_day_observes_the_next_items_in_turn_and_goes_round():
    day = daily_rows(150, 100, 2)["image_id"].to_pylist()

    known = first_rows(150)["image_id"].to_pylist()
    assert len(day) == len(set(day)) == 100
    assert [name for name in day if name in known] == known[99:] + known[:48]


def test_numbers_tell_what_a_part_costs_to_erase_and_to_compare(two_versions):
    results, timed = Results(), {"seconds": 2.0, "cpu_seconds": 2.0, "rss_mib": 500.0}
    for what in ("1000 of 6000", "100 of 6000", "100 of 600", "1000 of 6000 compacted"):
        results.add(f"refresh {what}", {**timed, "steps": two_versions[1]["steps"], "cpu": two_versions[1]["cpu"]})
    results.add("ingest 6000", {**timed, "rows": 6000})
    results.add("compact 6000", {**timed, "rows": 6000})
    results.add("pull 1000 of 6000", {**timed, "bytes": 2**20})
    for kind, parts in (("one", 1), ("many", 4)):
        results.add(f"erase {kind} 1000 of 6000", {**timed, "parts": parts, "rows": parts})
    for size in (100, 1000):
        results.add(f"diff {size} of 6000", {**timed, "rows": size, "parts": 4})

    found = numbers(results, pool=6000, sample=1000, larger=None)

    assert found["compact_6k_rows_per_cpu_second"] == 3_000
    assert found["compact_6k_times_slower"] == 1.0
    assert found["pull_1k_mib_per_second"] == 0.5
    assert found["erase_from_1k_seconds_per_part"] == 0.5
    assert found["erase_from_1k_per_part_times_one_part"] == 0.25
    assert found["diff_seconds_per_part"] == 0.5
    assert found["diff_per_row_times_a_tenth"] == 0.1
