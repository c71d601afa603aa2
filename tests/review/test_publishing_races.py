"""What is published stays what its manifest says, whoever else publishes, and wherever a publisher dies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from builders import cycle, hand_in, instant, make_dataset, make_pool, observation, publish_unjudged, stage

from resift.client.describe import describe
from resift.client.snapshots import find_manifest, read_manifest
from resift.client.verify import verify
from resift.errors import SnapshotConflict
from resift.model import keys
from resift.model.manifest import Revision
from resift.steps.publish import publish
from resift.storage import MemoryStore


class Interrupted(Exception):
    """The process died here."""


class Watched:
    """A store that calls back before one operation."""

    def __init__(self, store: MemoryStore, operation: str, call: Callable[[str], None]) -> None:
        self._store, self._operation, self._call = store, operation, call

    def __getattr__(self, name: str) -> Any:
        plain = getattr(self._store, name)
        if name != self._operation:
            return plain

        def called(key: str, *rest: Any, **named: Any) -> Any:
            self._call(key)
            return plain(key, *rest, **named)

        return called


def images(first: int, end: int):
    return [observation(f"image-{number}", instant(cycle(0), hours=-48)) for number in range(first, end)]


def staged(store):
    """Stage cycle 0, and return what publishes it on another view of the store."""
    cut = stage(store, make_dataset(), cycle(0))
    verdict = hand_in(store, cut)
    return lambda view: publish(view, dataset="sample", version=cycle(0), plan_id=cut.plan_id, verdict=verdict)


def once(act: Callable[[], None]) -> Callable[[str], None]:
    acts = [act]
    return lambda key: acts.pop()() if acts else None


def listed(manifest) -> set[str]:
    prefix = f"datasets/sample/snapshots/{manifest.version}/"
    files = [file.path for file in (*manifest.parts, *manifest.extras)]
    return {prefix + path for path in (*files, *describe(manifest), "manifest.json", "revisions/0.json")}


@pytest.mark.parametrize("operation", ["copy", "put", "create"])
def test_publisher_of_other_content_that_comes_late_spoils_nothing_and_leaves_nothing(operation):
    store = MemoryStore()
    make_pool(store, images(0, 250))
    loser = staged(store)
    make_pool(store, images(250, 300))
    winner = staged(store)

    with pytest.raises(SnapshotConflict):
        loser(Watched(store, operation, once(lambda: winner(store))))

    manifest = read_manifest(store, "sample", cycle(0))
    assert verify(store, manifest).problems == ()
    assert store.get(f"datasets/sample/snapshots/{cycle(0)}/revisions/0.json") == Revision.of(manifest).to_json()
    assert {stat.key for stat in store.list("datasets/sample/snapshots/")} == listed(manifest)


@pytest.mark.parametrize("operation", ["copy", "put", "create"])
def test_publisher_of_equal_content_by_another_plan_spoils_nothing(operation):
    store = MemoryStore()
    make_pool(store, images(0, 250))
    loser = staged(store)
    make_pool(store, [observation("unborn", instant(cycle(0), hours=48))])
    winner = staged(store)

    published = loser(Watched(store, operation, once(lambda: winner(store))))

    assert published == read_manifest(store, "sample", cycle(0))
    assert verify(store, published).problems == ()
    assert {stat.key for stat in store.list("datasets/sample/snapshots/")} == listed(published)


def test_what_a_dead_publisher_left_is_removed_when_other_content_is_published():
    store = MemoryStore()
    make_pool(store, images(0, 250))

    def die(key: str) -> None:
        if key.endswith("manifest.json"):
            raise Interrupted

    with pytest.raises(Interrupted):
        staged(store)(Watched(store, "create", die))
    assert find_manifest(store, "sample", cycle(0)) is None
    make_pool(store, images(250, 300))

    manifest = publish_unjudged(store, make_dataset(), cycle(0))

    assert {stat.key for stat in store.list("datasets/sample/snapshots/")} == listed(manifest)
    assert verify(store, manifest).problems == ()


def test_refresh_whose_cleaning_up_was_cut_short_anywhere_can_be_run_again():
    for deletes in range(60):
        store, left = MemoryStore(), [deletes]
        make_pool(store, images(0, 250))

        def die(key: str, left: list[int] = left) -> None:
            if not left[0]:
                raise Interrupted
            left[0] -= 1

        try:
            staged(store)(Watched(store, "delete", die))
        except Interrupted:
            assert publish_unjudged(store, make_dataset(), cycle(0)) == read_manifest(store, "sample", cycle(0))
            assert list(store.list("datasets/sample/staging/")) == []
        else:
            assert deletes >= 8
            return
    raise AssertionError("cleaning up took more deletes than expected")


def test_what_a_dead_publisher_left_beside_the_parts_is_swept_by_the_next():
    store = MemoryStore()
    make_pool(store, [observation(f"i{n}", cycle(0)) for n in range(50)])
    manifest = publish_unjudged(store, make_dataset(size=20), cycle(0))
    left_behind = keys.snapshot("sample", cycle(0)) + "data/part-00009-r0-left.parquet"
    store.put(left_behind, b"rows of a publisher that died before sweeping")

    again = publish_unjudged(store, make_dataset(size=20), cycle(0))

    assert again == manifest
    assert store.stat(left_behind) is None
