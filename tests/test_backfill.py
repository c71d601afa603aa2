"""Cycles may be computed in any order, and what is published stays as it is."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from builders import (
    NOW,
    cycle,
    instant,
    make_dataset,
    make_pool,
    observation,
    publish_unjudged,
    snapshot_rows,
    stage,
)
from rolling import SIZE, rolling_drops

from resift.client.snapshots import list_versions, read_manifest
from resift.client.verify import verify
from resift.errors import GridError, SnapshotConflict, StagingError
from resift.model import keys
from resift.model.keys import Staging
from resift.steps.erase import wanted
from resift.steps.plan import name_of_plan, read_plan
from resift.steps.suppress import write_suppression
from resift.storage import MemoryStore

DATASET = make_dataset(size=SIZE, turnover=0.25, nominal_width=0.4)


@pytest.fixture(scope="module")
def rolling():
    """Return a function that opens another lake with the rolling pool in it."""
    drops = rolling_drops()

    def lake():
        store = MemoryStore()
        make_pool(store, *drops)
        return store

    return lake


def published_bytes(store, version):
    prefix = keys.snapshot("sample", version)
    return {stat.key: store.get(stat.key) for stat in store.list(prefix)}


def ids(store, manifest):
    return [row["image_id"] for row in snapshot_rows(store, manifest)]


class TestOrder:
    def test_cycles_newest_first_have_the_content_of_cycles_oldest_first(self, rolling):
        upward, downward = rolling(), rolling()

        rising = {k: publish_unjudged(upward, DATASET, cycle(k)).content_digest for k in (0, 1, 2)}
        falling = {k: publish_unjudged(downward, DATASET, cycle(k)).content_digest for k in (2, 1, 0)}

        assert rising == falling
        assert len(set(rising.values())) == 3

    def test_data_has_the_same_bytes_in_either_order(self, rolling):
        upward, downward = rolling(), rolling()

        for k in (0, 1, 2):
            publish_unjudged(upward, DATASET, cycle(k))
        for k in (1, 2, 0):
            publish_unjudged(downward, DATASET, cycle(k))

        for k in (0, 1, 2):
            first, second = (
                {key: body for key, body in published_bytes(store, cycle(k)).items() if "/data/" in key}
                for store in (upward, downward)
            )
            assert first == second

    def test_latest_never_moves_back(self, rolling):
        store = rolling()

        latest = []
        for k in (1, 0, 2, 1):
            publish_unjudged(store, make_dataset(size=20), cycle(k))
            latest.append(read_manifest(store, "sample", "latest").version)

        assert latest == [cycle(1), cycle(1), cycle(2), cycle(2)]

    def test_versions_are_listed_oldest_first_whatever_the_order_of_publishing(self, rolling):
        store = rolling()

        for k in (2, 0, 1):
            publish_unjudged(store, make_dataset(size=20), cycle(k))

        assert list_versions(store, "sample") == [cycle(0), cycle(1), cycle(2)]


class TestPast:
    def test_past_cycle_does_not_see_later_observations(self):
        then = [observation(f"i{n}", cycle(0), url=f"https://a.example/{n}") for n in range(50)]
        later = [observation(f"i{n}", cycle(1), url=f"https://b.example/{n}") for n in range(80)]
        blind, seeing = MemoryStore(), MemoryStore()
        make_pool(blind, then)
        make_pool(seeing, then, later)

        before = publish_unjudged(blind, make_dataset(), cycle(0))
        after = publish_unjudged(seeing, make_dataset(), cycle(0))

        assert after.content_digest == before.content_digest
        assert after.funnel.removed == {"unborn": 30}

    def test_observation_at_the_very_as_of_is_seen_and_one_microsecond_later_is_not(self):
        store = MemoryStore()
        at = instant(cycle(1))
        make_pool(store, [observation("at", at), observation("past", at + timedelta(microseconds=1))])

        manifest = publish_unjudged(store, make_dataset(), cycle(1))

        assert ids(store, manifest) == ["at"]

    @pytest.mark.parametrize("state", ["deleted", "private"])
    def test_item_gone_since_does_not_come_back_in_a_backfill(self, state):
        store = MemoryStore()
        make_pool(
            store,
            [observation("gone", cycle(0)), observation("there", cycle(0))],
            [observation("gone", cycle(1), state=state)],
        )

        manifest = publish_unjudged(store, make_dataset(), cycle(0))

        assert ids(store, manifest) == ["there"]
        assert manifest.funnel.removed == {state: 1}

    def test_item_excluded_by_evidence_found_since_does_not_come_back_in_a_backfill(self):
        store = MemoryStore()
        make_pool(
            store,
            [observation("moved", cycle(0)), observation("there", cycle(0))],
            [observation("moved", cycle(1), owner_country="FR")],
        )

        manifest = publish_unjudged(store, make_dataset(), cycle(0))

        assert ids(store, manifest) == ["there"]

    def test_undeleted_item_is_there_again_and_its_time_of_absence_stays_without_it(self):
        store = MemoryStore()
        make_pool(
            store,
            [observation("back", cycle(0)), *(observation("other", cycle(k)) for k in range(3))],
            [observation("back", instant(cycle(0), hours=24), state="deleted")],
            [observation("back", instant(cycle(1), hours=24))],
        )

        seen = {k: ids(store, publish_unjudged(store, make_dataset(), cycle(k))) for k in (0, 1, 2)}

        assert ["back" in seen[k] for k in (0, 1, 2)] == [True, False, True]


class TestDates:
    def test_date_off_the_grid_is_refused_with_both_nearest_dates(self, rolling):
        with pytest.raises(GridError, match=f"nearest grid dates are {cycle(0)} and {cycle(1)}; use one of them"):
            stage(rolling(), DATASET, cycle(0) + timedelta(days=1))

    def test_date_before_the_anchor_is_on_the_grid_too(self):
        store = MemoryStore()
        make_pool(store, [observation("old", cycle(-1))])

        assert publish_unjudged(store, make_dataset(), cycle(-1)).draw.cycle == -1

    def test_cycle_later_than_known_at_is_refused_with_the_latest_there_is(self, rolling):
        with pytest.raises(GridError, match=f"later than known_at .* can be refreshed is {cycle(3)}"):
            stage(rolling(), DATASET, cycle(4))

    def test_cycle_at_the_very_instant_of_known_at_is_refreshed(self, rolling):
        assert stage(rolling(), DATASET, cycle(1), known_at=instant(cycle(1))).rows == SIZE

    def test_refused_date_leaves_nothing_in_the_lake(self, rolling):
        store = rolling()

        with pytest.raises(GridError):
            stage(store, DATASET, cycle(4))
        assert list(store.list("datasets/")) == []


class TestAgain:
    def test_publishing_twice_changes_not_one_byte(self, rolling):
        store = rolling()
        first = publish_unjudged(store, DATASET, cycle(1))
        before = published_bytes(store, cycle(1))

        second = publish_unjudged(store, DATASET, cycle(1), known_at=NOW + timedelta(days=1))

        assert second == first
        assert published_bytes(store, cycle(1)) == before

    def test_publishing_again_leaves_nothing_staged(self, rolling):
        store = rolling()

        for _ in range(2):
            publish_unjudged(store, DATASET, cycle(1))

        assert not list(store.list("datasets/sample/staging/"))

    def test_other_content_is_a_conflict_that_names_what_differs_and_since_when(self, rolling):
        store = rolling()
        published = publish_unjudged(store, DATASET, cycle(1))
        make_pool(store, [observation(f"late-{n}", cycle(1)) for n in range(400)])

        since = re.escape(f"published on {published.published_at:%Y-%m-%d %H:%M} UTC")
        what = f"{since} with content {published.content_digest[:12]}…, refreshed now it is .*pool is .*, published"
        with pytest.raises(SnapshotConflict, match=what) as caught:
            publish_unjudged(store, DATASET, cycle(1))
        assert "suppressions is" not in str(caught.value)
        assert "A published version never changes; refresh a later cycle instead." in str(caught.value)

    def test_conflict_leaves_the_published_version_untouched_and_verifying(self, rolling):
        store = rolling()
        published = publish_unjudged(store, DATASET, cycle(1))
        before = published_bytes(store, cycle(1))
        make_pool(store, [observation(f"late-{n}", cycle(1)) for n in range(400)])

        with pytest.raises(SnapshotConflict):
            publish_unjudged(store, DATASET, cycle(1))

        assert published_bytes(store, cycle(1)) == before
        assert verify(store, published).problems == ()
        assert read_manifest(store, "sample", "latest") == published

    def test_conflict_over_a_new_suppression_erases_nothing(self, rolling):
        store = rolling()
        gone = ids(store, publish_unjudged(store, DATASET, cycle(1)))[0]
        before = published_bytes(store, cycle(1))
        entries = wanted(store, pool="photos", images=[gone], owners=[], request="T-1", requested_at=NOW)
        write_suppression(store, entries[0])

        with pytest.raises(SnapshotConflict, match="suppressions is"):
            publish_unjudged(store, DATASET, cycle(1))

        assert published_bytes(store, cycle(1)) == before

    def test_other_dataset_file_is_a_conflict_that_names_it(self, rolling):
        store = rolling()
        publish_unjudged(store, DATASET, cycle(1))

        with pytest.raises(SnapshotConflict, match=r"rows is 149, published 150; dataset file is"):
            publish_unjudged(store, DATASET.model_copy(update={"size": 149}), cycle(1))

    def test_late_observation_that_decides_nothing_is_no_conflict(self, rolling):
        store = rolling()
        published = publish_unjudged(store, DATASET, cycle(1))
        make_pool(store, [observation("late", cycle(2), state="private")])

        assert publish_unjudged(store, DATASET, cycle(1)) == published


class TestSoftware:
    def test_plan_of_other_software_has_another_name_so_that_no_bytes_are_mixed(self, rolling):
        store = rolling()
        cut = stage(store, DATASET, cycle(1))
        here = Staging("sample", cycle(1), cut.plan_id)
        planned = read_plan(store, here)

        names = {
            name_of_plan(planned.model_copy(update={"software": planned.software | {name: "1.0"}}))
            for name in ("resift", "pyarrow")
        }

        assert len(names | {cut.plan_id}) == 3

    def test_refresh_planned_with_other_software_is_planned_anew(self, rolling):
        store = rolling()
        cut = stage(store, DATASET, cycle(1))
        here = Staging("sample", cycle(1), cut.plan_id)
        older = read_plan(store, here).model_copy(update={"software": {"resift": "0.0.1", "pyarrow": "1.0"}})
        there = Staging("sample", cycle(1), name_of_plan(older))
        store.put(there.plan, older.to_json())

        with pytest.raises(StagingError, match=r"was planned with pyarrow 1\.0 and resift 0\.0\.1, expected pyarrow"):
            read_plan(store, there)

        assert stage(store, DATASET, cycle(1)).plan_id == cut.plan_id
