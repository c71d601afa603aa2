"""``kill -9`` at any moment, start again: the same content, and nothing half-published in between."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from builders import NOW, cycle, draw, make_pool
from crashing import DATASET, Victims
from drops import row, write
from rolling import rolling_drops

from resift.client.snapshots import find_manifest, list_versions, read_manifest
from resift.client.verify import verify
from resift.model import keys
from resift.steps.pools import read_state
from resift.steps.sweep import plan_sweep
from resift.storage import LocalStore

SEED = 20261123


@pytest.fixture(scope="module")
def victims():
    with Victims() as victims:
        yield victims


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, victims):
    """A lake with cycle 0 published; and the digest and operations of cycle 1 where nothing kills it."""
    root = tmp_path_factory.mktemp("crash") / "lake"
    make_pool(LocalStore(root), *rolling_drops(items=200, births=20))
    victims.run(root, "refresh", 0)
    whole = shutil.copytree(root, root.with_name("whole"))
    operations = victims.run(whole, "refresh", 1)
    return root, read_manifest(LocalStore(whole), "sample", cycle(1)), operations


def check_nothing_half_published(store: LocalStore) -> None:
    """Whatever has a manifest verifies, and latest names something that has one."""
    for version in list_versions(store, "sample"):
        manifest = read_manifest(store, "sample", version)
        assert verify(store, manifest).problems == ()
    assert read_manifest(store, "sample", "latest").version in list_versions(store, "sample")


def data(store: LocalStore, version) -> dict[str, bytes]:
    return {stat.key: store.get(stat.key) for stat in store.list(keys.snapshot("sample", version) + "data/")}


class TestRefresh:
    @pytest.mark.slow
    def test_refresh_killed_at_50_moments_and_run_again_gives_the_same_content(self, undisturbed, victims, tmp_path):
        root, expected, operations = undisturbed

        for moment in random.Random(SEED).sample(range(1, operations + 1), 50):
            lake = shutil.copytree(root, tmp_path / str(moment))
            store = LocalStore(lake)
            assert victims.run(lake, "refresh", 1, kill_before=moment) is None
            check_nothing_half_published(store)

            victims.run(lake, "refresh", 1)

            check_nothing_half_published(store)
            assert read_manifest(store, "sample", "latest").content_digest == expected.content_digest
            assert find_manifest(store, "sample", cycle(1)).parts == expected.parts
            assert list(store.list("datasets/sample/staging/")) == []
            shutil.rmtree(lake)

    @pytest.mark.slow
    def test_refresh_killed_again_and_again_gets_done_and_gives_the_same_content(self, undisturbed, victims, tmp_path):
        root, expected, operations = undisturbed
        lake = shutil.copytree(root, tmp_path / "lake")
        chance = random.Random(SEED)

        for _ in range(12):
            victims.run(lake, "refresh", 1, kill_before=chance.randrange(1, operations))
            check_nothing_half_published(LocalStore(lake))
        victims.run(lake, "refresh", 1)

        assert find_manifest(LocalStore(lake), "sample", cycle(1)).content_digest == expected.content_digest
        assert list(LocalStore(lake).list("datasets/sample/staging/")) == []

    def test_unfinished_files_of_a_killed_writer_are_not_objects(self, undisturbed, victims, tmp_path):
        root, _, operations = undisturbed
        lake = shutil.copytree(root, tmp_path / "lake")

        victims.run(lake, "refresh", 1, kill_before=operations // 2)

        assert all(stat.key.startswith(("pool/", "datasets/")) for stat in LocalStore(lake).list(""))


COMMAND = [sys.executable, "-c", "from resift.cli.main import main; main()"]


class TestCommand:
    """The real command, the judge included, killed by the clock."""

    @pytest.mark.slow
    def test_command_killed_by_the_clock_and_run_again_gives_the_same_content(self, undisturbed, tmp_path):
        root, expected, _ = undisturbed
        lake, dataset = shutil.copytree(root, tmp_path / "lake"), tmp_path / "sample.yaml"
        dataset.write_bytes(expected.config.to_json())
        command = [*COMMAND, "refresh", str(dataset), "--lake", lake.as_uri(), "--as-of", str(cycle(1))]
        command += ["--known-at", expected.known_at.isoformat()]

        began = time.monotonic()
        subprocess.run(command, check=True, capture_output=True)
        lasts = time.monotonic() - began
        shutil.rmtree(lake)
        shutil.copytree(root, lake)
        for share in (0.5, 0.9):
            kill_after(command, lasts * share)
            check_nothing_half_published(LocalStore(lake))
        subprocess.run(command, check=True, capture_output=True)

        check_nothing_half_published(LocalStore(lake))
        assert read_manifest(LocalStore(lake), "sample", "latest").content_digest == expected.content_digest
        assert list(LocalStore(lake).list("datasets/sample/staging/")) == []


def kill_after(command: list[str], seconds: float) -> None:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class TestIngest:
    @pytest.mark.slow
    def test_ingest_killed_before_any_operation_and_run_again_gives_the_same_pool(self, victims, tmp_path):
        drop = tmp_path / "drop"
        for file in range(6):
            write(drop / f"{file}.csv", [row(100 * file + n, state="odd" if n == 7 else "public") for n in range(50)])
        operations = victims.run(tmp_path / "whole", "ingest", drop)
        expected = pool_of(LocalStore(tmp_path / "whole"))
        assert operations >= 20

        for moment in range(1, operations + 1):
            store = LocalStore(tmp_path / str(moment))
            assert victims.run(tmp_path / str(moment), "ingest", drop, kill_before=moment) is None
            assert drops_in(store) in ([], expected_drops(expected))

            victims.run(tmp_path / str(moment), "ingest", drop)

            assert pool_of(store) == expected


class TestCompact:
    @pytest.fixture(scope="class")
    def pool(self, tmp_path_factory, victims):
        """A lake with a pool of three runs; the same compacted into four; and the operations that took."""
        root = tmp_path_factory.mktemp("compact") / "lake"
        make_pool(LocalStore(root), *rolling_drops(items=200, births=20))
        whole = shutil.copytree(root, root.with_name("whole"))
        operations = victims.run(whole, "compact", "")
        return root, whole, operations

    @pytest.mark.slow
    def test_compaction_killed_before_any_operation_and_run_again_gives_the_same_runs(self, pool, victims, tmp_path):
        root, whole, operations = pool
        before, expected = (read_state(LocalStore(lake), "photos").runs for lake in (root, whole))
        content = draw(LocalStore(whole), DATASET, cycle(1)).content_digest
        assert operations >= 30
        assert len(expected) >= 4

        for moment in range(1, operations + 1):
            lake = shutil.copytree(root, tmp_path / str(moment))
            store = LocalStore(lake)
            assert victims.run(lake, "compact", "", kill_before=moment) is None
            left = read_state(store, "photos").runs
            assert left in (before, expected)
            if moment % 10 == 0:
                assert draw(store, DATASET, cycle(1)).content_digest == content

            victims.run(lake, "compact", "")

            assert read_state(store, "photos").runs == expected
            shutil.rmtree(lake)

    @pytest.mark.slow
    def test_sweep_killed_before_any_operation_and_run_again_leaves_only_what_is_needed(self, pool, victims, tmp_path):
        _, whole, _ = pool
        later = NOW + timedelta(days=30)
        digest = plan_sweep(LocalStore(whole), pool="photos", now=later).digest
        done = shutil.copytree(whole, tmp_path / "done")
        operations = victims.run(done, "sweep", digest)
        expected = [stat.key for stat in LocalStore(done).list("pool/")]

        for moment in range(1, operations + 1):
            lake = shutil.copytree(whole, tmp_path / str(moment))
            assert victims.run(lake, "sweep", digest, kill_before=moment) is None

            left = plan_sweep(LocalStore(lake), pool="photos", now=later)
            begun = LocalStore(lake).stat(keys.sweep("photos", digest)) is not None
            victims.run(lake, "sweep", digest if begun else left.digest)

            assert [stat.key for stat in LocalStore(lake).list("pool/")] == expected


def drops_in(store: LocalStore) -> list[str]:
    return [stat.key for stat in store.list("pool/photos/drops/")]


def expected_drops(pool: dict[str, bytes]) -> list[str]:
    return [key for key in pool if key.startswith("pool/photos/drops/")]


def pool_of(store: LocalStore) -> dict[str, object]:
    """Every object of the pool; of a drop, all but the moment it came."""
    pool: dict[str, object] = {}
    for stat in store.list("pool/"):
        body = store.get(stat.key)
        pool[stat.key] = without_moment(stat.key, body) if "/drops/" in stat.key else body
    return pool


def without_moment(key: str, body: bytes) -> object:
    from resift.model.pool import Drop

    return Drop.from_json(body, what=key).model_dump(exclude={"received_at"})
