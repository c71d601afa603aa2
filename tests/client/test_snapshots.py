"""Find published versions: by date, by exact revision, as latest; and what a look-up error tells."""

import pytest
from builders import cycle, make_dataset, make_pool, observation, publish_unjudged

from resift.client.snapshots import (
    find_latest,
    find_manifest,
    find_previous,
    list_datasets,
    list_versions,
    read_manifest,
    read_verdict,
)
from resift.errors import DatasetNotFound, SnapshotDamaged, SnapshotNotFound
from resift.model import keys
from resift.storage import MemoryStore


@pytest.fixture(scope="module")
def store():
    store = MemoryStore()
    make_pool(store, [observation(f"i{n}", cycle(k)) for n in range(5) for k in (0, 2)])
    for name, k in (("faces", 0), ("faces", 2), ("birds", 2)):
        publish_unjudged(store, make_dataset(name=name), cycle(k))
    return store


def test_datasets_are_listed_by_name(store):
    assert list_datasets(store) == ["birds", "faces"]
    assert list_datasets(MemoryStore()) == []


def test_versions_are_listed_oldest_first(store):
    assert list_versions(store, "faces") == [cycle(0), cycle(2)]
    assert list_versions(store, "fishes") == []


def test_object_without_a_manifest_is_no_version():
    store = MemoryStore()
    store.put(keys.snapshot("faces", cycle(0)) + "data/part.parquet", b"left by a crash")

    assert list_versions(store, "faces") == list_datasets(store) == []


def test_a_folder_that_is_no_date_is_no_version():
    store = MemoryStore()
    for name in ("copy of 2026", str(cycle(0)).replace("-", "")):
        store.put(f"{keys.snapshots('faces')}{name}/manifest.json", b"put there by somebody")

    assert list_versions(store, "faces") == []


def test_versions_are_found_without_listing_their_files(monkeypatch):
    store = MemoryStore()
    for k in (0, 1):
        for name in ("manifest.json", *(f"data/{n}.parquet" for n in range(100))):
            store.put(keys.snapshot("faces", cycle(k)) + name, b"")
    looked_at, stat = [], store.stat
    monkeypatch.setattr(store, "stat", lambda key: looked_at.append(key) or stat(key))
    monkeypatch.setattr(store, "list", lambda prefix: pytest.fail(f"listed {prefix}"))
    monkeypatch.setattr(store, "folders", lambda prefix: [str(cycle(1)), str(cycle(0))])

    assert list_versions(store, "faces") == [cycle(0), cycle(1)]
    assert sorted(looked_at) == [keys.manifest("faces", cycle(k)) for k in (0, 1)]


@pytest.mark.parametrize("version", ["latest", str(cycle(2)), f"{cycle(2)}.0", cycle(2)])
def test_version_is_read_by_date_by_revision_and_as_latest(store, version):
    assert read_manifest(store, "faces", version).version == cycle(2)


def test_revision_that_is_not_current_is_refused_with_the_one_that_is(store):
    with pytest.raises(SnapshotNotFound, match=rf"at revision 0, expected 3. Ask for {cycle(2)}.0, or for {cycle(2)}"):
        read_manifest(store, "faces", f"{cycle(2)}.3")


@pytest.mark.parametrize("version", [str(cycle(1)), "2026-13-45", "yesterday", "", "2026-06-3", f"{cycle(1)}.0"])
def test_version_that_is_not_published_is_refused_with_those_that_are(store, version):
    with pytest.raises(SnapshotNotFound, match=rf"not published, expected one of {cycle(0)}, {cycle(2)}. The nearest"):
        read_manifest(store, "faces", version)


def test_nearest_version_is_named(store):
    with pytest.raises(SnapshotNotFound, match=r"The nearest is 2026-06-30\."):
        read_manifest(store, "faces", "2026-06-29")


@pytest.mark.parametrize("version", ["latest", str(cycle(0))])
def test_dataset_that_is_not_published_is_refused_with_the_nearest_name(store, version):
    with pytest.raises(DatasetNotFound, match=r"dataset face: .* expected one of birds, faces. The nearest is faces."):
        read_manifest(store, "face", version)


def test_empty_lake_says_what_to_do():
    with pytest.raises(DatasetNotFound, match=r"expected one of none yet. Check the lake URL, or refresh"):
        read_manifest(MemoryStore(), "faces", "latest")


def test_version_that_is_not_published_has_no_manifest(store):
    assert find_manifest(store, "faces", cycle(1)) is None


def test_previous_is_the_newest_version_before_whether_or_not_the_cycle_between_exists(store):
    assert find_previous(store, "faces", cycle(3)).version == cycle(2)
    assert find_previous(store, "faces", cycle(2)).version == cycle(0)
    assert find_previous(store, "faces", cycle(0)) is None


@pytest.mark.parametrize("body", [b"", b"{}", b"not json", b'{"format":"resift-snapshot/1"}'])
def test_manifest_that_cannot_be_read_is_damage(body):
    store = MemoryStore()
    store.put(keys.manifest("faces", cycle(0)), body)

    with pytest.raises(SnapshotDamaged, match=f"snapshot faces {cycle(0)}: .*manifest.json: .* expected a Manifest"):
        read_manifest(store, "faces", cycle(0))


def test_manifest_with_a_key_nobody_declared_is_damage(store):
    other = MemoryStore()
    body = store.get(keys.manifest("faces", cycle(0)))
    other.put(keys.manifest("faces", cycle(0)), body.replace(b'"rows":', b'"row":', 1))

    with pytest.raises(SnapshotDamaged):
        read_manifest(other, "faces", cycle(0))


def test_manifest_of_another_version_is_damage(store):
    other = MemoryStore()
    other.put(keys.manifest("faces", cycle(0)), store.get(keys.manifest("faces", cycle(2))))

    with pytest.raises(SnapshotDamaged, match=f"is the manifest of faces {cycle(2)}, expected that of this version"):
        read_manifest(other, "faces", cycle(0))


def test_versions_are_listed_where_the_pointer_to_the_latest_is_not_written_yet():
    store = MemoryStore()
    make_pool(store, [observation(f"i{n}", cycle(0)) for n in range(50)])
    publish_unjudged(store, make_dataset(size=20), cycle(0))
    store.delete(keys.latest("sample"))

    assert list_versions(store, "sample") == [cycle(0)]
    assert find_latest(store, "sample") is None


def test_verdict_of_a_version_is_the_one_its_manifest_names(store):
    manifest = read_manifest(store, "faces", cycle(0))

    assert read_verdict(store, manifest).seal == manifest.verdict_seal


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda store, key: store.delete(key), "not found, expected the verdict with seal"),
        (lambda store, key: store.put(key, store.get(key)[:-9]), "expected a Verdict"),
        (lambda store, key: store.put(key, store.get(key).replace(b'"pass"', b'"warn"')), "its content gives"),
    ],
    ids=["gone", "torn", "edited"],
)
def test_verdict_that_is_not_the_one_named_is_damage(spoil, words):
    store = MemoryStore()
    make_pool(store, [observation(f"i{n}", cycle(0)) for n in range(50)])
    manifest = publish_unjudged(store, make_dataset(size=20), cycle(0))
    (extra,) = (one for one in manifest.extras if one.path.endswith("verdict.json"))
    spoil(store, keys.snapshot("sample", cycle(0)) + extra.path)

    with pytest.raises(SnapshotDamaged, match=words):
        read_verdict(store, manifest)
