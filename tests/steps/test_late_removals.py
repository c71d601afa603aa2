"""What waited for a person is looked at once more: nobody is published whom the pool knows to be gone by then."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import cycle, hand_in, instant, make_dataset, make_pool, observation, snapshot_rows, stage

from resift.client.snapshots import list_versions
from resift.errors import PoolError
from resift.model.manifest import Manifest
from resift.model.verdict import Verdict
from resift.steps.approve import approve
from resift.steps.compact import compact
from resift.steps.publish import publish
from resift.steps.suppress import suppress
from resift.storage import MemoryStore

DATASET = make_dataset(size=40, nominal_width=0.5)
BEFORE = instant(cycle(0), hours=-1)
PLANNED = instant(cycle(0), hours=1)
"""Months ago, so that whatever was planned then has waited."""

LATER = instant(cycle(0), hours=50)


class Watched(MemoryStore):
    """A store that remembers what was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []

    def open(self, key: str) -> BinaryIO:
        self.opened.append(key)
        return super().open(key)


@pytest.fixture
def store() -> Watched:
    return Watched()


def staged(store: MemoryStore, *, status: str = "hold") -> tuple[Verdict, list[str]]:
    """Stage a snapshot with a verdict, approved where it holds. Return it, and the ids in the snapshot."""
    make_pool(store, [observation(f"image-{number}", BEFORE) for number in range(80)])
    cut = stage(store, DATASET, cycle(0), known_at=PLANNED)
    verdict = hand_in(store, cut, status=status)
    if status == "hold":
        approve(store, verdict, by="night shift", why="the archive moved", at=LATER)
    parts = [pq.read_table(pa.BufferReader(store.get(one.key)), columns=["image_id"]) for one in cut.staged_parts]
    return verdict, pa.concat_tables(parts)["image_id"].to_pylist()


def publish_on(store: MemoryStore, verdict: Verdict) -> Manifest:
    return publish(store, dataset=verdict.dataset, version=verdict.version, plan_id=verdict.plan_id, verdict=verdict)


def left_in(store: MemoryStore) -> list[str]:
    return [one.key for one in store.list("datasets/sample/snapshots/")]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({"state": "deleted"}, "deleted"), ({"state": "private"}, "private"), ({"owner_country": "FR"}, "excluded")],
)
def test_item_taken_out_while_its_snapshot_waited_is_not_published(
    store: Watched, fields: dict[str, str], reason: str
) -> None:
    verdict, ids = staged(store)
    make_pool(store, [observation(ids[7], LATER, **fields)])

    with pytest.raises(
        PoolError,
        match=rf"planned, 2026-01-01 01:00 UTC, take out 1 {reason} or more of its items, expected none\. Start",
    ):
        publish_on(store, verdict)
    assert list_versions(store, "sample") == []
    assert left_in(store) == []


def test_item_that_turns_out_to_be_a_suppressed_owners_is_not_published(store: Watched) -> None:
    make_pool(store)
    suppress(store, pool="photos", kind="owner", identifier="ann", request="T-1", requested_at=BEFORE)
    verdict, ids = staged(store)
    make_pool(store, [observation(ids[7], LATER, owner_id="ann")])

    with pytest.raises(PoolError, match="take out 1 suppressed"):
        publish_on(store, verdict)


def test_planned_again_it_is_published_without_them(store: Watched) -> None:
    _, ids = staged(store)
    make_pool(store, [observation(ids[7], LATER, state="deleted")])

    cut = stage(store, DATASET, cycle(0), known_at=LATER)
    manifest = publish_on(store, hand_in(store, cut))

    assert ids[7] not in {row["image_id"] for row in snapshot_rows(store, manifest)}
    assert manifest.rows == 40


@pytest.mark.parametrize(
    "came",
    [
        lambda ids: [observation(one, LATER) for one in ids],
        lambda ids: [observation("nobody", LATER, state="deleted")],
        lambda ids: [observation(ids[3], LATER, state="deleted"), observation(ids[3], instant(cycle(0), hours=60))],
    ],
    ids=["seen again", "of no item of it", "taken back"],
)
def test_drops_that_take_no_item_out_hold_nothing_up(store: Watched, came: Any) -> None:
    verdict, ids = staged(store)
    make_pool(store, came(ids))

    assert publish_on(store, verdict).approval is not None


def test_deletion_that_was_merged_into_other_runs_meanwhile_is_found(store: Watched) -> None:
    verdict, ids = staged(store)
    make_pool(store, [observation(ids[7], LATER, state="deleted")])
    compact(store, pool="photos", datasets=(DATASET,), now=instant(cycle(0), hours=72))

    with pytest.raises(PoolError, match="take out 1 deleted"):
        publish_on(store, verdict)


def test_compaction_alone_holds_nothing_up(store: Watched) -> None:
    verdict, _ = staged(store)
    make_pool(store)
    compact(store, pool="photos", datasets=(DATASET,), now=instant(cycle(0), hours=72))

    assert publish_on(store, verdict).rows == 40


def test_snapshot_nobody_had_to_approve_is_looked_at_too_if_it_waited(store: Watched) -> None:
    verdict, ids = staged(store, status="proceed")
    make_pool(store, [observation(ids[7], LATER, state="deleted")])

    with pytest.raises(PoolError, match="take out 1 deleted"):
        publish_on(store, verdict)


def test_snapshot_that_did_not_wait_speaks_of_its_known_at(store: Watched) -> None:
    now, dataset = datetime.now(UTC), make_dataset(anchor=date(2020, 1, 1))
    as_of = dataset.grid.floor(now)
    make_pool(store, [observation(f"image-{number}", instant(as_of, hours=-1)) for number in range(80)])
    verdict = hand_in(store, stage(store, dataset, as_of, known_at=now))
    make_pool(store, [observation("image-7", instant(as_of), state="deleted")])

    manifest = publish_on(store, verdict)

    assert manifest.known_at == now
    assert "image-7" in {row["image_id"] for row in snapshot_rows(store, manifest)}


def test_only_runs_that_came_since_are_read(store: Watched) -> None:
    verdict, ids = staged(store)
    (known,) = store.list("pool/photos/runs/")
    make_pool(store, [observation(ids[7], LATER)])
    store.opened.clear()

    publish_on(store, verdict)

    runs = {key for key in store.opened if key.startswith("pool/")}
    assert len(runs) == 1
    assert known.key not in runs
