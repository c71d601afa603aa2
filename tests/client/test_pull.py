"""A copy is what the manifest says or there is none; nothing is fetched twice and nothing written elsewhere."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from builders import cycle, make_dataset, make_pool, observation, publish_unjudged, snapshot_rows
from crashing import Victims

from resift.client.describe import describe
from resift.client.desk import Desk, read_copy
from resift.client.fetch import digest_of
from resift.client.pull import pull
from resift.client.snapshots import read_manifest
from resift.errors import ConfigError, SnapshotDamaged, SnapshotNotFound, StorageError
from resift.model import keys
from resift.model.pin import Target
from resift.storage import LocalStore, MemoryStore

PREFIX = keys.snapshot("sample", cycle(1))


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A lake with two versions; not to be changed."""
    store = LocalStore(tmp_path_factory.mktemp("pull") / "lake")
    make_pool(store, *([observation(f"i{n}", cycle(k)) for n in range(50 * k, 400)] for k in (0, 1)))
    for k in (0, 1):
        publish_unjudged(store, make_dataset(size=250, nominal_width=0.6, turnover=0.25), cycle(k))
    return store


@pytest.fixture(scope="module")
def manifest(lake):
    return read_manifest(lake, "sample", cycle(1))


@pytest.fixture
def store(lake):
    """The same lake in memory, to be changed."""
    store = MemoryStore()
    for stat in lake.list(keys.snapshots("sample")):
        store.put(stat.key, lake.get(stat.key))
    return store


@pytest.fixture
def dest(tmp_path):
    return tmp_path / "copy"


def files(dest):
    return {path.relative_to(dest).as_posix(): path.read_bytes() for path in dest.rglob("*") if path.is_file()}


def assert_whole(dest, store, manifest):
    """The copy holds every file of the version, byte for byte, and says so, and nothing is left under way."""
    listed = {file.path: store.get(keys.snapshot("sample", manifest.version) + file.path) for file in all_of(manifest)}
    found = files(dest)
    assert found.pop("manifest.json") == manifest.to_json()
    assert found.pop("copy.json") == read_copy(dest).to_json()
    assert {name: found.pop(name) for name in describe(manifest)} == describe(manifest)
    assert found == listed
    assert {file.path for file in read_copy(dest).files} == set(listed)


def all_of(manifest):
    return [*manifest.parts, *manifest.extras]


def test_copy_holds_every_file_byte_for_byte(lake, manifest, dest):
    pulled = pull(lake, manifest, dest)

    assert_whole(dest, lake, manifest)
    assert pulled.fetched == len(all_of(manifest))
    assert pulled.fetched_bytes == sum(file.size_bytes for file in all_of(manifest))
    assert pq.read_table(dest / "data").to_pylist() == snapshot_rows(lake, manifest)


def test_second_pull_fetches_nothing(lake, manifest, dest):
    pull(lake, manifest, dest)

    pulled = pull(LocalStore(dest / "no lake at all"), manifest, dest)

    assert (pulled.fetched, pulled.fetched_bytes) == (0, 0)
    assert_whole(dest, lake, manifest)


def test_progress_ends_at_the_total(lake, manifest, dest):
    seen = []
    pull(lake, manifest, dest, told=lambda done, total: seen.append((done, total)))

    total = sum(file.size_bytes for file in all_of(manifest))
    assert max(seen) == (total, total)
    assert len(seen) >= len(all_of(manifest))


def test_pull_of_another_version_replaces_the_parts_and_leaves_other_files_alone(lake, manifest, dest):
    older = read_manifest(lake, "sample", cycle(0))
    pull(lake, older, dest)
    (dest / "data" / "notes.txt").write_text("mine")

    pull(lake, manifest, dest)

    assert {path.name for path in (dest / "data").iterdir()} == {
        "notes.txt",
        *(part.path.removeprefix("data/") for part in manifest.parts),
    }


class TestPart:
    @pytest.mark.parametrize("rows", [1, 99, 100, 101, 250, 1000])
    def test_first_rows_are_copied_from_the_first_parts_alone(self, store, manifest, dest, rows):
        for part in manifest.parts:
            if sum(p.rows for p in manifest.parts if p.path < part.path) >= rows:
                store.delete(PREFIX + part.path)  # whoever asked for it would fail

        pull(store, manifest, dest, rows=rows)

        assert pq.read_table(dest / "data").num_rows == min(rows, 250)
        assert {path.rpartition("/")[0] for path in files(dest)} <= {"", "data"}

    def test_rows_are_those_the_snapshot_begins_with(self, lake, manifest, dest):
        pull(lake, manifest, dest, rows=130)

        assert pq.read_table(dest / "data").to_pylist() == snapshot_rows(lake, manifest)[:130]

    def test_columns_alone_are_kept(self, lake, manifest, dest):
        pull(lake, manifest, dest, columns=["url", "image_id"])

        rows = [{"url": row["url"], "image_id": row["image_id"]} for row in snapshot_rows(lake, manifest)]
        assert pq.read_table(dest / "data").to_pylist() == rows

    def test_second_pull_of_the_same_part_fetches_nothing(self, lake, manifest, dest):
        pull(lake, manifest, dest, rows=130, columns=["image_id"])
        before = files(dest)

        assert pull(lake, manifest, dest, rows=130, columns=["image_id"]).fetched == 0
        assert files(dest) == before

    def test_whole_copy_after_a_part_keeps_the_parts_that_are_whole(self, lake, manifest, dest):
        pull(lake, manifest, dest, rows=130)

        pulled = pull(lake, manifest, dest)

        assert_whole(dest, lake, manifest)
        assert pulled.fetched == len(all_of(manifest)) - 1

    def test_smaller_part_after_a_whole_copy_leaves_no_other_rows(self, lake, manifest, dest):
        pull(lake, manifest, dest)

        pull(lake, manifest, dest, rows=10)

        assert pq.read_table(dest / "data").num_rows == 10

    @pytest.mark.parametrize(
        ("ask", "told"), [({"rows": 0}, "rows: found 0"), ({"columns": ["uri"]}, "no column 'uri'")]
    )
    def test_what_cannot_be_is_refused_before_anything_is_written(self, lake, manifest, dest, ask, told):
        with pytest.raises(ConfigError, match=told):
            pull(lake, manifest, dest, **ask)
        assert not dest.exists()


class TestPlace:
    def test_directory_with_other_files_is_refused_and_left_alone(self, lake, manifest, dest):
        dest.mkdir()
        (dest / "thesis.tex").write_text("years of work")

        with pytest.raises(ConfigError, match=r"found thesis\.tex and no copy, expected an empty directory or a copy"):
            pull(lake, manifest, dest)
        assert files(dest) == {"thesis.tex": b"years of work"}

    def test_file_in_place_of_the_directory_is_refused(self, lake, manifest, dest):
        dest.write_text("a file")

        with pytest.raises(ConfigError, match="found a file, expected a directory or nothing"):
            pull(lake, manifest, dest)

    @pytest.mark.parametrize("folder", ["data", "quality", ".resift"])
    def test_no_link_is_followed_out_of_the_directory(self, lake, manifest, dest, tmp_path, folder):
        pull(lake, manifest, dest, rows=1)
        outside = tmp_path / "outside"
        outside.mkdir()
        if (dest / folder).exists():
            (dest / folder).rename(tmp_path / "away")
        (dest / folder).symlink_to(outside)

        with pytest.raises(ConfigError, match=rf"{folder}: found a link, expected a directory"):
            pull(lake, manifest, dest)
        assert list(outside.iterdir()) == []

    def test_altered_file_of_a_whole_copy_is_refused_and_fetched_again_with_repair(self, lake, manifest, dest):
        pull(lake, manifest, dest)
        (dest / manifest.parts[1].path).write_bytes(b"edited")

        with pytest.raises(SnapshotDamaged, match=r"part-00001.* is gone or was altered.*with --repair"):
            pull(lake, manifest, dest)
        assert pull(lake, manifest, dest, repair=True).fetched == 1
        assert_whole(dest, lake, manifest)

    def test_two_pulls_at_once_are_refused(self, lake, manifest, dest):
        target = Target(dataset="sample", version=manifest.version, revision=0, content_digest="")

        with Desk(dest, target), pytest.raises(ConfigError, match="another pull is at work there"):
            pull(lake, manifest, dest)

    def test_what_the_disk_cannot_hold_is_refused_before_the_first_byte(self, store, manifest, dest):
        huge = manifest.extras[0].model_copy(update={"size_bytes": 2**62})

        with pytest.raises(ConfigError, match=r"found room for .* bytes, expected 4,611,"):
            pull(store, manifest.model_copy(update={"extras": (huge,)}), dest)
        assert set(files(dest)) <= {".resift/lock"}

    @pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
    def test_directory_that_may_not_be_written_is_told_in_words(self, lake, manifest, dest):
        dest.mkdir(mode=0o500)

        with pytest.raises(StorageError, match="expected to write there"):
            pull(lake, manifest, dest)


class TestHostile:
    """What is not as listed is refused, no copy is left that says it is whole, and nothing is in its place."""

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            (lambda body: body[:-1], "ends after"),
            (lambda body: b"", "ends after 0 bytes"),
            (lambda body: body[:50] + bytes([body[50] ^ 1]) + body[51:], "arrived with sha256"),
        ],
        ids=["shorter", "empty", "flipped"],
    )
    @pytest.mark.parametrize("which", [0, -1])
    def test_file_with_other_bytes(self, store, manifest, dest, change, told, which):
        file = all_of(manifest)[which]
        store.put(PREFIX + file.path, change(store.get(PREFIX + file.path)))

        with pytest.raises(SnapshotDamaged, match=rf"{file.path} {told}"):
            pull(store, manifest, dest)
        assert read_copy(dest) is None
        assert not (dest / file.path).exists()

    def test_parts_swapped(self, store, manifest, dest):
        one, two = (PREFIX + part.path for part in manifest.parts[:2])
        bodies = store.get(one), store.get(two)
        store.put(one, bodies[1])
        store.put(two, bodies[0])

        with pytest.raises(SnapshotDamaged, match=r"arrived with sha256|ends after"):
            pull(store, manifest, dest)
        assert not any((dest / part.path).exists() for part in manifest.parts[:2])

    def test_file_missing(self, store, manifest, dest):
        store.delete(PREFIX + manifest.parts[0].path)

        with pytest.raises(SnapshotDamaged, match=r"part-00000.* is missing, the manifest lists it"):
            pull(store, manifest, dest)

    def test_version_revised_under_the_reader(self, store, manifest, dest):
        """An erasure writes a new manifest and removes the old parts."""
        store.put(keys.manifest("sample", cycle(1)), manifest.model_copy(update={"revision": 1}).to_json())
        store.delete(PREFIX + manifest.parts[0].path)

        with pytest.raises(SnapshotNotFound, match=rf"was revised to {cycle(1)}.1 while it was read. Pull again"):
            pull(store, manifest, dest)
        assert read_copy(dest) is None

    def test_version_gone_under_the_reader(self, store, manifest, dest):
        for stat in list(store.list(PREFIX)):
            store.delete(stat.key)

        with pytest.raises(SnapshotNotFound, match="is no longer published while it was read"):
            pull(store, manifest, dest)

    def test_manifest_whose_entries_do_not_give_its_digest(self, store, manifest, dest):
        with pytest.raises(SnapshotDamaged, match="its entries give content digest"):
            pull(store, manifest.model_copy(update={"content_digest": "0" * 64}), dest)
        assert not dest.exists()

    def test_failure_after_others_arrived_keeps_them_for_the_next_time(self, store, lake, manifest, dest):
        store.delete(PREFIX + manifest.parts[-1].path)
        with pytest.raises(SnapshotDamaged):
            pull(store, manifest, dest)
        arrived = [file for file in all_of(manifest) if (dest / file.path).exists()]

        pulled = pull(lake, manifest, dest)

        assert pulled.fetched == len(all_of(manifest)) - len(arrived)
        assert_whole(dest, lake, manifest)

    def test_beginning_of_a_file_that_is_another_s_is_thrown_away(self, lake, manifest, dest):
        part = manifest.parts[0]
        target = Target(dataset="sample", version=manifest.version, revision=0, content_digest="")
        with Desk(dest, target) as desk:
            desk.arriving(part).write_bytes(b"not how it begins")

        pull(lake, manifest, dest)

        assert_whole(dest, lake, manifest)


class TestKilled:
    @pytest.fixture(scope="class")
    def victims(self):
        with Victims() as victims:
            yield victims

    @pytest.mark.parametrize("part", range(4))
    def test_pull_killed_at_any_moment_ends_in_a_verified_copy_and_fetches_no_verified_file_twice(
        self, victims, lake, manifest, tmp_path, part
    ):
        moments = int(os.environ.get("PULL_MOMENTS", "52")) // 4
        root = lake._root
        touched = victims.run(root, "pull", tmp_path / "whole")

        for moment in random.Random(part).sample(range(1, touched + 1), moments):
            dest = tmp_path / str(moment)
            log = dest.with_name(f"{dest.name}.fetched")
            log.touch()
            kill(victims, root, dest, moment=moment)
            verified = {
                file.path
                for file in all_of(manifest)
                for path in (dest / file.path, dest / ".resift" / arriving_name(file))
                if path.exists() and digest_of(path) == file.sha256
            }
            before = len(log.read_text().splitlines())

            assert victims.run(root, "pull", dest) is not None

            assert_whole(dest, lake, manifest)
            assert verified.isdisjoint(log.read_text().splitlines()[before:])


def kill(victims, root, dest, *, moment):
    """Kill a pull before a moment, or before the last of one that ended sooner: threads do not always do as much."""
    while (survived := victims.run(root, "pull", dest, kill_before=moment)) is not None:
        assert survived < moment
        shutil.rmtree(dest)
        moment = survived


def arriving_name(file):
    target = Target(dataset="sample", version=cycle(1), revision=0, content_digest="")
    return Desk(Path(), target).arriving(file).name
