"""What entered and left between two versions, and why."""

from __future__ import annotations

import pytest
from builders import NOW, cycle, instant, make_dataset, make_pool, observation, publish_unjudged, snapshot_rows
from rolling import rolling_drops

from resift.client.diff import diff, read_changes
from resift.errors import SnapshotDamaged
from resift.model import keys
from resift.steps.suppress import suppress
from resift.storage import MemoryStore


def compare(store, older, newer):
    """The counts, and the changes as (change, cause) by image id."""
    total, tables = diff(store, older, newer)
    listed = {row["image_id"]: (row["change"], row["cause"]) for table in tables for row in table.to_pylist()}
    return total, listed


def counts(total):
    return total.stayed, dict(total.entered), dict(total.left)


class TestCauses:
    @pytest.fixture(scope="class")
    def versions(self):
        store = MemoryStore()
        before = instant(cycle(0), hours=-1)
        names = ("stays", "deleted", "private", "stale", "excluded", "hidden")
        make_pool(store, [observation(name, before) for name in names])
        older = publish_unjudged(store, make_dataset(), cycle(0))
        changed = {
            "deleted": {"state": "deleted"},
            "private": {"state": "private"},
            "excluded": {"owner_country": "FR"},
        }
        make_pool(
            store,
            [observation(name, cycle(1), **changed.get(name, {})) for name in names if name != "stale"],
            [observation("born", cycle(1))],
        )
        suppress(store, pool="photos", kind="image", identifier="hidden", request="r", requested_at=NOW)
        return store, older, publish_unjudged(store, make_dataset(), cycle(1))

    def test_every_change_has_its_cause(self, versions):
        total, listed = compare(*versions)

        assert counts(total) == (
            1,
            {"born": 1},
            {"deleted": 1, "private": 1, "stale": 1, "excluded": 1, "suppressed": 1},
        )
        left = {name: ("left", name) for name in ("deleted", "private", "stale", "excluded")}
        assert listed == left | {"born": ("entered", "born")}

    def test_suppressed_item_is_counted_and_never_listed(self, versions):
        total, listed = compare(*versions)

        assert total.left["suppressed"] == 1
        assert "hidden" not in listed
        assert "hidden" not in read_changes(versions[0], versions[2])["image_id"].to_pylist()

    def test_difference_agrees_with_what_the_manifest_recorded(self, versions):
        total, _ = compare(*versions)
        changes = versions[2].changes

        assert (dict(total.entered), dict(total.left)) == (changes.entered, changes.left)
        assert changes.previous_rows == total.stayed + total.left.total()

    def test_version_does_not_differ_from_itself(self, versions):
        store, older, _ = versions

        assert counts(compare(store, older, older)[0]) == (6, {}, {})


class TestRolling:
    @pytest.fixture(scope="class")
    def versions(self):
        store = MemoryStore()
        make_pool(store, *rolling_drops())
        dataset = make_dataset(size=150, turnover=0.25, nominal_width=0.4)
        return store, [publish_unjudged(store, dataset, cycle(k)) for k in (0, 1, 2)]

    @pytest.mark.parametrize(("older", "newer"), [(0, 1), (1, 2), (0, 2)])
    def test_counts_are_those_of_the_sets_of_ids(self, versions, older, newer):
        store, manifests = versions
        before, after = ({r["image_id"] for r in snapshot_rows(store, manifests[k])} for k in (older, newer))

        total, listed = compare(store, manifests[older], manifests[newer])

        assert total.stayed == len(before & after)
        assert {name for name, (change, _) in listed.items() if change == "entered"} == after - before
        assert {name for name, (change, _) in listed.items() if change == "left"} == before - after
        assert total.entered.total() == len(after - before)
        assert total.left.total() == len(before - after)

    def test_adjacent_versions_have_recorded_causes_only(self, versions):
        store, manifests = versions

        total, _ = compare(store, manifests[0], manifests[1])

        assert set(total.entered) == {"born", "drawn"}
        assert set(total.left) >= {"rotated", "deleted"}
        assert "unrecorded" not in total.left

    def test_versions_further_apart_have_the_last_cause_of_the_chain(self, versions):
        store, manifests = versions

        total, _ = compare(store, manifests[0], manifests[2])

        assert "unrecorded" not in total.entered
        assert "unrecorded" not in total.left
        assert total.left["rotated"] > 0

    def test_changes_come_in_prn_order_and_each_item_once(self, versions):
        store, manifests = versions

        _, tables = diff(store, manifests[0], manifests[2])
        rows = [row for table in tables for row in table.to_pylist()]

        assert [row["prn"] for row in rows] == sorted(row["prn"] for row in rows)
        assert len({row["image_id"] for row in rows}) == len(rows)


def test_versions_published_newest_first_were_not_compared_so_causes_are_unrecorded():
    store = MemoryStore()
    make_pool(store, [observation("gone", instant(cycle(0), hours=-1)), observation("there", cycle(0))])
    make_pool(store, [observation("there", cycle(1)), observation("new", cycle(1))])
    newer, older = (publish_unjudged(store, make_dataset(), cycle(k)) for k in (1, 0))

    total, listed = compare(store, older, newer)

    assert listed == {"gone": ("left", "unrecorded"), "new": ("entered", "unrecorded")}
    assert counts(total) == (1, {"unrecorded": 1}, {"unrecorded": 1})


def test_part_that_is_no_parquet_is_named():
    store = MemoryStore()
    make_pool(store, [observation(f"i{n}", cycle(k)) for n in range(30) for k in (0, 1)])
    older, newer = (publish_unjudged(store, make_dataset(size=10), cycle(k)) for k in (0, 1))
    store.put(keys.snapshot("sample", cycle(1)) + newer.parts[0].path, b"not parquet")

    with pytest.raises(SnapshotDamaged, match=rf"{newer.parts[0].path} is not readable as Parquet .*resift verify"):
        compare(store, older, newer)
