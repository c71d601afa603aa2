"""Whoever asked for removal is in nothing that is published: not as a row, not as a change, not by a later drop."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import (
    NOW,
    cycle,
    hand_in,
    instant,
    make_dataset,
    make_pool,
    observation,
    publish_unjudged,
    snapshot_rows,
    stage,
)

from resift.client.diff import read_changes
from resift.errors import PoolError
from resift.steps.publish import publish
from resift.steps.suppress import suppress
from resift.storage import MemoryStore


def images(count: int, day: int, **fields):
    return [observation(f"image-{number}", instant(cycle(day), hours=-48), **fields) for number in range(count)]


def ask(store, kind: str, identifier: str) -> None:
    suppress(store, pool="photos", kind=kind, identifier=identifier, request="T-1", requested_at=NOW)


def ids(store, manifest) -> set[str]:
    return {row["image_id"] for row in snapshot_rows(store, manifest)}


def test_suppression_that_comes_after_judging_is_not_passed_over_by_publishing():
    store, dataset = MemoryStore(), make_dataset()
    make_pool(store, images(20, 0))
    cut = stage(store, dataset, cycle(0))
    verdict = hand_in(store, cut)

    ask(store, "image", "image-7")

    with pytest.raises(PoolError, match="suppressions"):
        publish(store, dataset="sample", version=cycle(0), plan_id=cut.plan_id, verdict=verdict)
    assert list(store.list("datasets/sample/snapshots/")) == []
    assert "image-7" not in ids(store, publish_unjudged(store, dataset, cycle(0)))


@pytest.mark.parametrize("state", ["public", "private", "deleted"])
@pytest.mark.parametrize(("kind", "identifier"), [("image", "image-7"), ("owner", "owner-7")])
def test_suppressed_member_is_counted_and_never_listed_whatever_else_became_of_it(state, kind, identifier):
    store, dataset = MemoryStore(), make_dataset()
    make_pool(store, [row | {"owner_id": f"owner-{row['image_id'][6:]}"} for row in images(20, 0)])
    publish_unjudged(store, dataset, cycle(0))
    make_pool(store, images(20, 1, state=state)[7:8], images(6, 1))

    ask(store, kind, identifier)
    manifest = publish_unjudged(store, dataset, cycle(1))

    assert "image-7" not in read_changes(store, manifest)["image_id"].to_pylist()
    assert manifest.changes.left == {"stale": 13, "suppressed": 1}


def test_suppressed_member_that_went_stale_is_not_listed():
    store, dataset = MemoryStore(), make_dataset()
    make_pool(store, images(20, 0))
    publish_unjudged(store, dataset, cycle(0))
    make_pool(store, images(6, 1))

    ask(store, "image", "image-7")
    manifest = publish_unjudged(store, dataset, cycle(1))

    assert "image-7" not in read_changes(store, manifest)["image_id"].to_pylist()
    assert manifest.changes.left == {"stale": 13, "suppressed": 1}


@pytest.mark.parametrize("owner", [None, "somebody else"])
def test_image_of_a_suppressed_owner_does_not_come_back_by_a_drop_that_names_another_owner_or_none(owner):
    store, dataset = MemoryStore(), make_dataset()
    make_pool(store, [*images(5, 0), observation("hers", instant(cycle(0), hours=-48), owner_id="ann")])
    ask(store, "owner", "ann")
    make_pool(store, [*images(5, 1), observation("hers", instant(cycle(1), hours=-48), owner_id=owner)])

    assert "hers" not in ids(store, publish_unjudged(store, dataset, cycle(1)))


def test_no_object_of_a_snapshot_holds_owner_evidence_salt_or_a_suppressed_id():
    store, dataset = MemoryStore(), make_dataset(size=60)
    secret = {"owner_id": "OWNERSECRET", "upload_country": "JPN", "lat": "12.3456789", "lon": "98.7654321"}
    make_pool(store, images(80, 0, **secret))
    publish_unjudged(store, dataset, cycle(0))
    make_pool(store, images(70, 1, **secret))
    ask(store, "image", "image-7")
    published = publish_unjudged(store, dataset, cycle(1))

    for stat in store.list(f"datasets/sample/snapshots/{published.version}/"):
        body = store.get(stat.key)
        if stat.key.endswith(".parquet"):
            body = repr(pq.read_table(pa.BufferReader(body)).to_pydict()).encode() + body
        for word in (b"OWNERSECRET", b"12.3456789", b"98.7654321", b"JPN", b"0123456789abcdef", b"'image-7'"):
            assert word not in body, (stat.key, word)
